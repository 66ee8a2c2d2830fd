"""Held-out pictures beside what the generator makes of their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gansmith.data.dataset import Dataset
from gansmith.drawing.grids import pairs
from gansmith.exhibits.base import Exhibit, scale_of, spread
from gansmith.games.base import Encodes, Game
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture

PAIRS, COLUMNS = 24, 4


def fits(game: Game, data: Dataset) -> bool:
    return data.is_images and isinstance(game, Encodes) and len(data.held_out) > 0


def draw(training: Training) -> Picture:
    data, game = training.stage.data, training.average
    assert isinstance(game, Encodes)
    x = data.values(spread(data.held_out, PAIRS))
    reconstructed = game.reconstruct(x.to(training.device)).float().cpu()
    return pairs(data.crop(x), data.crop(reconstructed), COLUMNS, scale=scale_of(data.crop(x), 2 * COLUMNS))


RECONSTRUCTIONS = Exhibit(
    "reconstructions",
    "Reconstructions",
    "originals, each beside its reconstruction",
    "Held-out originals, at the left of each pair, beside what the generator makes of their codes.",
    fits,
    draw,
    during=True,
)
