"""All players at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.base import Dynamics
from gansmith.games.base import Player
from gansmith.notes import Notes


class Simultaneous(Dynamics):
    """All players take their gradients at the same point, on one batch and one key, and then all move (Jacobi).

    On the bilinear game min max xy it spirals outward, by sqrt(1 + h^2) a step; alternation keeps its distance.
    """

    def _round(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Notes:
        here = self._fresh(batch, key)
        pulled = {name: self._pull(name, player, *here) for name, player in players.items()}
        for name, player in players.items():
            self._apply(name, player, pulled[name][0])
        for name, player in players.items():
            player.advance_(pulled[name][1])
        return {f"{name}/{term}": value for name, (_, seen) in pulled.items() for term, value in seen.items()}
