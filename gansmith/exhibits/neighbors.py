"""Samples beside the training pictures that they come nearest to: copies are seen here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gansmith.data.dataset import Dataset
from gansmith.drawing.grids import pairs, to_uint8
from gansmith.evaluate.choosing import choose
from gansmith.evaluate.neighbors import nearest
from gansmith.examinations.base import Subject, as_values
from gansmith.exhibits.base import Exhibit, scale_of
from gansmith.games.base import Game, Samples
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture

PAIRS, COLUMNS = 24, 4
LOOKED_AT = 200
"""Samples, of which those are shown that lie nearest."""


def fits(game: Game, data: Dataset) -> bool:
    return data.is_images and isinstance(game, Samples) and len(data.train) > 1


def draw(training: Training) -> Picture:
    data, game = training.stage.data, training.average
    assert isinstance(game, Samples)
    subject = Subject(game, data, training.seed, training.device, choose(None, data))
    index = subject.every
    samples = as_values(to_uint8(data.crop(game.sample(LOOKED_AT).float().cpu())))
    distances, rows = (column[:, 0] for column in nearest(subject.extracted(samples), subject.of_data(index)))
    order = distances.argsort(stable=True)[:PAIRS]
    originals = data.crop(data.values(index[rows[order]]))
    return pairs(samples[order], originals, COLUMNS, scale=scale_of(originals, 2 * COLUMNS))


NEIGHBORS = Exhibit(
    "neighbors",
    "Nearest training pictures",
    "samples, each beside the training picture nearest to it",
    "Of 200 samples those that lie nearest to a training picture, which stands at the right of each. Where both look "
    "the same, the networks have learned it by heart.",
    fits,
    draw,
)
