"""Samples of each class that can be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gansmith.data.dataset import Dataset
from gansmith.drawing.grids import grid
from gansmith.exhibits.base import Exhibit, fixed_samples, scale_of
from gansmith.games.base import Game, Samples
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture

ROWS, COLUMNS = 20, 10


def fits(game: Game, data: Dataset) -> bool:
    return data.is_images and isinstance(game, Samples) and bool(game.classes)


def draw(training: Training) -> Picture:
    game = training.average
    assert isinstance(game, Samples) and game.classes is not None
    y = torch.arange(min(game.classes, ROWS)).repeat_interleave(COLUMNS)
    samples = fixed_samples(training, len(y), y)
    return grid(samples, COLUMNS, scale=scale_of(samples, COLUMNS))


CLASSES = Exhibit(
    "classes",
    "Samples of each class",
    "classes, a row each",
    "Each row has samples of one class.",
    fits,
    draw,
    during=True,
)
