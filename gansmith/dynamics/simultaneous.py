"""All players at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.base import Dynamics
from gansmith.dynamics.kept import buffers_kept_on_failure, keep_buffers
from gansmith.dynamics.pull import Gradients
from gansmith.games.base import Player
from gansmith.notes import Notes

Pulled = dict[str, tuple[Gradients, Notes]]


class Simultaneous(Dynamics):
    """All players take their gradients at the same point, on one batch and one key, and then all move (Jacobi).

    On the bilinear game min max xy it spirals outward, by sqrt(1 + h^2) a step; alternation stays on an ellipse where
    h < 2: its modulus is 1.
    """

    def _round(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Notes:
        with buffers_kept_on_failure(players):
            pulled = self._field(players, batch, key)
        for name, player in players.items():
            self._apply(name, player, pulled[name][0])
        for name, player in players.items():
            player.advance_(pulled[name][1])
        return {f"{name}/{term}": value for name, (_, seen) in pulled.items() for term, value in seen.items()}

    def _field(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Pulled:
        """What each player's optimizer is handed, and what its loss said; parameters are left as they were."""
        here = self._fresh(batch, key)
        return self._transformed(players, self._everyone(players, here)[0], here[1])

    def _everyone(
        self,
        players: Mapping[str, Player],
        here: tuple[Batch, Key],
        steep: Mapping[str, Sequence[Tensor]] | None = None,
    ) -> tuple[Pulled, dict[str, Gradients]]:
        """Everybody's gradient at this point, before transforms.

        For each player in ``steep`` also the gradient of half the squared norm of its own gradient, in the tensors
        given. The second pass that this takes starts from the buffers of the first one, and so ends with the same.
        """
        pulled: Pulled = {}
        slopes: dict[str, Gradients] = {}
        for name, player in players.items():
            if steep is None or name not in steep:
                pulled[name] = self._pull(name, player, *here)
                continue
            before = keep_buffers(players)
            pulled[name] = self._pull(name, player, *here)
            before()
            along = [
                torch.zeros_like(p) if g is None else g
                for p, g in zip(player.parameters(), pulled[name][0], strict=True)
            ]
            slopes[name], _ = self._pull(name, player, *here, wrt=steep[name], along=along)
        return pulled, slopes

    def _transformed(self, players: Mapping[str, Player], pulled: Pulled, key: Key) -> Pulled:
        return {
            name: (self._transform(name, players[name], gradients, key), seen)
            for name, (gradients, seen) in pulled.items()
        }
