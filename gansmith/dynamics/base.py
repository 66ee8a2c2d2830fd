"""What moves the players: optimizers, and one round of all players."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.checks import (
    Groups,
    as_number,
    check_call,
    check_gradient_steps,
    check_networks,
    check_players,
    check_state,
)
from gansmith.dynamics.conflicts import conflicts, warn
from gansmith.dynamics.gradients import Diverged, Gradients
from gansmith.dynamics.pull import Pull
from gansmith.dynamics.schedules import Schedule
from gansmith.games.base import Player
from gansmith.notes import Notes


class Dynamics:
    """Owns the optimizers and the step count; ``step`` is one full round of all players.

    Arguments:
        optimizers: for each player its optimizer, or several, over that player's parameters.
        pull: how gradients are computed.
        schedule: (step, optimizers) -> None, called before each step; writes learning rates.

    Attributes:
        full_precision: of the class: its moves need gradients in the parameters' own precision, no autocast.

    Raises:
        ValueError: an optimizer whose step needs a closure.
    """

    full_precision: bool = False

    def __init__(
        self,
        optimizers: Mapping[str, Optimizer | Sequence[Optimizer]],
        *,
        pull: Pull | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        self.optimizers = {k: [v] if isinstance(v, Optimizer) else list(v) for k, v in optimizers.items()}
        self.pull, self.schedule = pull or Pull(), schedule
        self.steps = self.draws = 0
        self._check_precision()
        self.moved: Counter[str] = Counter()  # moves of each player since this object was made
        self._checked: dict[str, list[int]] = {}
        check_gradient_steps(self.optimizers)
        for several in self.optimizers.values():
            for optimizer in several:
                for group in optimizer.param_groups:
                    group.setdefault("initial_lr", group["lr"])

    def moves_in(self, step: int) -> int:
        """How many moves a round has, of all players together; only what rounds differ in counts."""
        return 1

    def step(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Notes:
        """One round.

        Arguments:
            players: a game's players.
            batch: draw -> batch (this rank's rows); each draw is a fresh batch.
            key: the run's key; a move's is (*key, draw).

        Returns:
            The notes of each player's last move, under "player/name".

        Raises:
            ValueError: players share parameters, one has none, an optimizer lacks or exceeds its player's, two have
                the same, or a network's forward-time state does not go together with ranks or micro-batches.
            Diverged: a loss or gradient is not finite; that move was not made. Where weights are not finite already,
                because an optimizer made an infinite update of a finite gradient, they are named instead.
        """
        check_call(players, batch, key)
        players = {name: replace(player) for name, player in players.items()}  # parameters may be frozen since
        owned = {name: [id(p) for p in player.parameters()] for name, player in players.items()}
        if self._checked != owned:  # at the first step, and where parameters were replaced since
            check_players(players, self.optimizers, self.pull)
            self._convert_options()
            warn(conflicts(players, self.pull.autocast))
            self._checked = owned
        check_networks(players, self.pull)
        self._check_precision()
        if self.schedule is not None:
            self.schedule(self.steps, self.optimizers)
            players = {name: replace(player) for name, player in players.items()}  # it may freeze some
        try:
            notes = self._round(players, batch, key)
        except Diverged as bad:
            self._blame_weights(players)
            raise bad from None
        self.steps += 1
        return notes

    def state_dict(self) -> dict[str, Any]:
        """Steps, draws and the optimizers' states."""
        optimizers = {name: [o.state_dict() for o in several] for name, several in self.optimizers.items()}
        return {"steps": self.steps, "draws": self.draws, "optimizers": optimizers}

    def groups(self) -> dict[str, list[Groups]]:
        """Of each player's optimizers the groups of parameters, as they are now."""
        return {
            name: [[{**group, "params": list(group["params"])} for group in o.param_groups] for o in several]
            for name, several in self.optimizers.items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues exactly where ``state_dict`` was called.

        Raises:
            ValueError: it is the state of another dynamics or game; nothing of it is loaded then.
        """
        self._check_state(state)
        self.steps, self.draws = state["steps"], state["draws"]
        for name, several in self.optimizers.items():
            for optimizer, optimizer_state in zip(several, state["optimizers"][name], strict=True):
                optimizer.load_state_dict(optimizer_state)
                _keep_types(optimizer, optimizer_state)

    def _check_state(self, state: Mapping[str, Any]) -> None:
        """Before any of it is loaded."""
        if missing := [key for key in self.state_dict() if key not in state]:
            raise ValueError(
                f"needs the state of a {type(self).__name__}, but got one without {', '.join(missing)}: "
                "it is another dynamics'"
            )
        for key in ("steps", "draws"):
            if type(state[key]) is not int or state[key] < 0:
                raise ValueError(f"needs {key} as a number of at least 0, but got {state[key]!r:.40}: it is damaged")
        if unknown := sorted(set(state["optimizers"]) - set(self.optimizers)):
            raise ValueError(f"needs states of {', '.join(self.optimizers)}, but got one of {', '.join(unknown)} too")
        for name, several in self.optimizers.items():
            check_state(name, several, state["optimizers"].get(name))

    def _round(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Notes:
        raise NotImplementedError

    def _fresh(self, batch: Callable[[int], Batch], key: Key) -> tuple[Batch, Key]:
        draw = self.draws
        self.draws += 1
        return batch(draw), (*key, draw)

    def _pull(
        self,
        name: str,
        player: Player,
        batch: Batch,
        key: Key,
        wrt: Sequence[Tensor] | None = None,
        along: Sequence[Tensor] | None = None,
    ) -> tuple[Gradients, Notes]:
        """The gradient itself; what an optimizer gets also goes through ``_transform``."""
        with self._blaming(name):
            return self.pull(player, batch, key, wrt, along, transformed=False)

    def _transform(self, name: str, player: Player, gradients: Gradients, key: Key) -> Gradients:
        with self._blaming(name):
            return self.pull.transform(gradients, key, name, player.parameters())

    @contextmanager
    def _blaming(self, name: str) -> Iterator[None]:
        try:
            yield
        except Diverged as bad:
            raise Diverged(bad.terms, name, self.steps) from None

    def _blame_weights(self, players: Mapping[str, Player]) -> None:
        """Weights that an update spoiled are found by the next loss that uses them, in this round or the next one."""
        for name, player in players.items():
            named = [pair for module in player.modules for pair in module.named_parameters()]
            if bad := [term for term, p in named if not bool(p.isfinite().all())]:
                since = self.steps - 1 if self.steps else None
                raise Diverged(bad[:3], name, self.steps, since) from None

    def _apply(self, name: str, player: Player, gradients: Gradients) -> None:
        """An accepted move."""
        self._shift(name, player, gradients)
        self.moved[name] += 1

    def _shift(self, name: str, player: Player, gradients: Gradients) -> None:
        parameters = player.parameters()
        try:
            for p, g in zip(parameters, gradients, strict=True):
                # fused optimizers read both by the parameter's strides; a double backward may return others
                p.grad = g if g is None or g.stride() == p.stride() else torch.empty_like(p).copy_(g)
            for optimizer in self.optimizers[name]:
                optimizer.step()
        finally:
            for p in parameters:
                p.grad = None
        player.project_()

    def _convert_options(self) -> None:
        """Numbers of numpy round otherwise than Python's, which is what a resumed run has of them."""
        for several in self.optimizers.values():
            for group in (group for optimizer in several for group in optimizer.param_groups):
                group.update({key: as_number(value) for key, value in group.items() if key != "params"})

    def _check_precision(self) -> None:
        if self.full_precision and self.pull.autocast is not None:
            raise ValueError(
                f"{type(self).__name__} needs gradients in full precision, but got autocast to {self.pull.autocast}: "
                "leave it out, Pull(autocast=None)"
            )


def _keep_types(optimizer: Optimizer, saved: Mapping[str, Any]) -> None:
    """Puts back what torch casts to the precision of its parameter: sums in float64, counts and masks."""
    for group, before in zip(optimizer.param_groups, saved["param_groups"], strict=True):
        for p, number in zip(group["params"], before["params"], strict=True):
            for key, value in saved["state"].get(number, {}).items():
                optimizer.state[p][key] = _uncast(optimizer.state[p][key], value)


def _uncast(loaded: Any, saved: Any) -> Any:
    if isinstance(saved, Tensor):
        return loaded if loaded.dtype == saved.dtype else saved.to(loaded.device, copy=True)
    if isinstance(saved, Mapping):
        return {key: _uncast(loaded[key], value) for key, value in saved.items()}
    if isinstance(saved, (list, tuple)):
        return type(saved)(_uncast(one, value) for one, value in zip(loaded, saved, strict=True))
    return loaded
