"""All players at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.base import Dynamics
from gansmith.dynamics.gradients import Gradients
from gansmith.dynamics.snapshots import buffers_restored_on_failure, save_buffers
from gansmith.games.base import Player
from gansmith.notes import Notes

Pulled = dict[str, tuple[Gradients, Notes]]


class Simultaneous(Dynamics):
    """All players compute their gradients at the same point, on one batch and one key, and then all move (Jacobi).

    On the bilinear game min max xy it spirals outward, by sqrt(1 + h^2) a step; alternation stays on an ellipse where
    h < 2: its modulus is 1.
    """

    def _round(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Notes:
        with buffers_restored_on_failure(players):
            pulled = self._field(players, batch, key)
        for name, player in players.items():
            self._apply(name, player, pulled[name][0])
        for name, player in players.items():
            player.advance_(pulled[name][1])
        return {f"{name}/{term}": value for name, (_, notes) in pulled.items() for term, value in notes.items()}

    def _field(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Pulled:
        """Each player's gradients for its optimizer, and the notes of its loss; parameters do not change."""
        draw = self._fresh(batch, key)
        return self._transformed(players, self._everyone(players, draw)[0], draw[1])

    def _everyone(
        self,
        players: Mapping[str, Player],
        draw: tuple[Batch, Key],
        normed: Mapping[str, Sequence[Tensor]] | None = None,
    ) -> tuple[Pulled, dict[str, Gradients]]:
        """Everybody's gradient at this point, before transforms.

        For each player in ``normed`` also the gradient of half the squared norm of its own gradient, in the tensors
        given. The second pass for this starts from the buffers of the first one, and so ends with the same.
        """
        pulled: Pulled = {}
        slopes: dict[str, Gradients] = {}
        for name, player in players.items():
            if normed is None or name not in normed:
                pulled[name] = self._pull(name, player, *draw)
                continue
            restore = save_buffers(players)
            pulled[name] = self._pull(name, player, *draw)
            restore()
            along = [
                torch.zeros_like(p) if g is None else g
                for p, g in zip(player.parameters(), pulled[name][0], strict=True)
            ]
            slopes[name], _ = self._pull(name, player, *draw, wrt=normed[name], along=along)
        return pulled, slopes

    def _transformed(self, players: Mapping[str, Player], pulled: Pulled, key: Key) -> Pulled:
        return {
            name: (self._transform(name, players[name], gradients, key), notes)
            for name, (gradients, notes) in pulled.items()
        }
