"""Data in the plane: real and fake points, over what the critic says of each place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from gansmith.batch import Batch
from gansmith.data.dataset import Dataset
from gansmith.drawing.figures import drawn
from gansmith.drawing.plane import draw as draw_plane
from gansmith.duel.scores import score
from gansmith.duel.slopes import NoWitness
from gansmith.exhibits.base import Exhibit, fixed_samples
from gansmith.games.base import Duels, Game, Samples, Scores
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture

POINTS_SHOWN = 2000


def fits(game: Game, data: Dataset) -> bool:
    return data.shape == (2,) and len(data.held_out) > 0 and isinstance(game, Samples)


def draw(training: Training) -> Picture:
    data = training.stage.data
    batch = data.select(data.held_out[:POINTS_SHOWN])
    fake = fixed_samples(training, POINTS_SHOWN)
    level = level_of(training.average, batch.to(training.device))
    if level is None:
        return drawn(lambda axes: draw_plane(axes, data.restore(batch.x), fake, None))
    return drawn(lambda axes: draw_plane(axes, data.restore(batch.x), fake, lambda points: level(data.prepare(points))))


def level_of(game: Game, batch: Batch) -> Callable[[Tensor], Tensor] | None:
    """Points (k, 2) -> what the critic, or the best function of its features, says of them (k,); None without one."""
    if isinstance(game, Duels):
        with game.looking():
            critic, real, fake = game.duel(batch)
        witness = game.objective.witness(critic, real, fake)
        if isinstance(witness, NoWitness) or isinstance(real, tuple):
            return None  # a critic of pairs says nothing of a point alone

        def level(points: Tensor) -> Tensor:
            with game.looking():
                return score(witness, points.to(batch.x.device)).float().cpu()

        return level
    if isinstance(game, Scores):
        return lambda points: game.score(points.to(batch.x.device)).float().cpu()
    return None


POINTS = Exhibit(
    "points",
    "Samples",
    "real and fake points, over the critic's score",
    "Held-out and generated points, over the level sets of the critic's score (dark is high: real).",
    fits,
    draw,
    during=True,
)
