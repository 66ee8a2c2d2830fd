"""A map of codes: held-out samples in the plane, near each other where their codes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gansmith.data.dataset import Dataset
from gansmith.drawing.codes import MOST, Codes, draw_codes
from gansmith.drawing.figures import drawn
from gansmith.exhibits.base import Exhibit, spread
from gansmith.games.base import Encodes, Game
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture

PART = 250  # samples through a network at a time


def fits(game: Game, data: Dataset) -> bool:
    return data.is_images and isinstance(game, Encodes) and len(data.held_out) >= 3


def draw(training: Training) -> Picture:
    data, game = training.stage.data, training.average
    assert isinstance(game, Encodes)
    index = spread(data.held_out, MOST)
    codes = torch.cat(
        [game.encode(data.values(part).to(training.device)).float().cpu() for part in torch.split(index, PART)]
    )
    labeled = Codes(codes, None if data.y is None else data.y[index], data.class_names)
    return drawn(lambda axes: draw_codes(axes, labeled), 8, 5.8, right=0.24)


CODES = Exhibit(
    "codes",
    "Map of codes",
    "codes of held-out samples",
    "Held-out samples in the plane: near each other where their codes are. Under t-SNE near stays near, and distances "
    "between groups mean little; of few samples the two principal components are shown.",
    fits,
    draw,
)
