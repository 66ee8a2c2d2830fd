"""Samples, from the same latents at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gansmith.data.dataset import Dataset
from gansmith.drawing.grids import grid
from gansmith.exhibits.base import Exhibit, fixed_samples, scale_of
from gansmith.games.base import Game, Samples
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture

COLUMNS = 8


def fits(game: Game, data: Dataset) -> bool:
    return data.is_images and isinstance(game, Samples)


def draw(training: Training) -> Picture:
    samples = fixed_samples(training, COLUMNS**2)
    return grid(samples, COLUMNS, scale=scale_of(samples, COLUMNS))


SAMPLES = Exhibit(
    "samples",
    "Samples",
    "samples",
    "Each place in the grid has the same latent at every step.",
    fits,
    draw,
    during=True,
)
