"""One player after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch.optim import Optimizer

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.base import Dynamics
from gansmith.dynamics.pull import Pull
from gansmith.dynamics.schedules import Schedule
from gansmith.dynamics.snapshots import buffers_restored_on_failure
from gansmith.games.base import Player
from gansmith.notes import Notes

Moves = int | Callable[[int], int]


class Alternating(Dynamics):
    """The players move in turn, each against the others' newest weights; every move has a fresh batch.

    Arguments:
        optimizers: for each player its optimizer, or several.
        pull: how gradients are computed.
        schedule: writes learning rates before each step.
        moves: by player's name, how often it moves a round (1 by default): a number, or a function of the step.

    Example:
        The first Wasserstein GAN moves its critic 100 times in early and in some later rounds, 5 times in others::

            Alternating(optimizers, critic=bursts())
    """

    def __init__(
        self,
        optimizers: Mapping[str, Optimizer | Sequence[Optimizer]],
        *,
        pull: Pull | None = None,
        schedule: Schedule | None = None,
        **moves: Moves,
    ) -> None:
        super().__init__(optimizers, pull=pull, schedule=schedule)
        if unknown := sorted(set(moves) - set(self.optimizers)):
            raise ValueError(f"needs moves of {', '.join(self.optimizers)}, but got moves of {', '.join(unknown)}")
        self.moves: dict[str, Moves] = {name: moves.get(name, 1) for name in self.optimizers}

    def moves_in(self, step: int) -> int:
        return sum(self._times(name, step) for name in self.optimizers)

    def _times(self, name: str, step: int) -> int:
        times = self.moves.get(name, 1)
        return times if isinstance(times, int) else times(step)

    def _round(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Notes:
        notes: Notes = {}
        for name, player in players.items():
            for _ in range(self._times(name, self.steps)):
                fresh, own_key = self._fresh(batch, key)
                with buffers_restored_on_failure(players):
                    gradients, values = self._pull(name, player, fresh, own_key)
                    gradients = self._transform(name, player, gradients, own_key)
                self._apply(name, player, gradients)
                player.advance_(values)
                notes |= {f"{name}/{term}": value for term, value in values.items()}
        return notes
