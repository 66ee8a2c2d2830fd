"""Ways between held-out pictures, through the codes between theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gansmith.data.dataset import Dataset
from gansmith.drawing.grids import grid
from gansmith.exhibits.base import Exhibit, scale_of, spread
from gansmith.games.base import Encodes, Game
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture

ROWS, BETWEEN = 6, 8


def fits(game: Game, data: Dataset) -> bool:
    return data.is_images and isinstance(game, Encodes) and len(data.held_out) >= 2 * ROWS


def draw(training: Training) -> Picture:
    data, game = training.stage.data, training.average
    assert isinstance(game, Encodes)
    ends = data.values(spread(data.held_out, 2 * ROWS))
    a, b = ends[:ROWS], ends[ROWS:]
    between = game.interpolate(a.to(training.device), b.to(training.device), BETWEEN).float().cpu()
    rows = data.crop(torch.cat([a[:, None], between, b[:, None]], 1).flatten(0, 1))
    return grid(rows, BETWEEN + 2, scale=scale_of(rows, BETWEEN + 2))


INTERPOLATIONS = Exhibit(
    "interpolations",
    "Interpolations",
    "from one picture to another",
    "Each row leads from one held-out picture to another, by a straight line between their codes.",
    fits,
    draw,
)
