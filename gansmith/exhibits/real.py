"""Samples of the data, to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gansmith.data.dataset import Dataset
from gansmith.drawing.grids import grid
from gansmith.exhibits.base import Exhibit, scale_of, spread
from gansmith.exhibits.samples import COLUMNS
from gansmith.games.base import Game
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture


def fits(game: Game, data: Dataset) -> bool:
    return data.is_images and len(data.train) > 0


def draw(training: Training) -> Picture:
    data = training.stage.data
    images = data.crop(data.values(spread(data.train, COLUMNS**2)))
    return grid(images, COLUMNS, scale=scale_of(images, COLUMNS))


REAL = Exhibit("real", "Samples", "real, from the data", "Real pictures, from the data.", fits, draw)
