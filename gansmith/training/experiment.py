"""What a recipe returns: a game, its dynamics and its data, in one stage or several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gansmith.data.dataset import Dataset
from gansmith.dynamics.base import Dynamics
from gansmith.games.base import Game


@dataclass
class Stage:
    """One stretch of training.

    Arguments:
        game: who plays.
        dynamics: how they move.
        data: what the batches are made of.
        steps: rounds.
        batch: samples a batch.
        start: called once when the stage begins, never on resume (to copy weights from an earlier stage, say).
    """

    game: Game
    dynamics: Dynamics
    data: Dataset
    steps: int
    batch: int = 64
    start: Callable[[], None] | None = None


@dataclass
class Experiment:
    """Stages that run in order; a checkpoint knows which one it was taken in."""

    stages: list[Stage]
