"""What moves the players: optimizers, the step count, and the checks that a move is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import LBFGS, Optimizer

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.conflicts import conflicts, warn
from gansmith.dynamics.pull import Diverged, Gradients, Pull, _place
from gansmith.dynamics.saved import check_saved
from gansmith.dynamics.schedules import Schedule
from gansmith.games.base import Player
from gansmith.networks.spectral import spectral_norms
from gansmith.notes import Notes


class Dynamics:
    """Owns the optimizers and the step count; ``step`` is one full round of all players.

    Arguments:
        optimizers: for each player its optimizer, or several, over that player's parameters.
        pull: how gradients are taken.
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
        self._checked = False
        for name, several in self.optimizers.items():
            for optimizer in several:
                if isinstance(optimizer, LBFGS):
                    raise ValueError(
                        f"needs optimizers that step by a gradient, but the {name}'s LBFGS evaluates the loss itself, "
                        "in a closure: use another one, such as Adam"
                    )
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
            What each player's loss said in its last move, under "player/name".

        Raises:
            ValueError: players share parameters, one has none, an optimizer lacks or exceeds its player's, two have
                the same, or a network's forward-time state does not go together with ranks or micro-batches.
            Diverged: a loss or gradient is not finite; no bad update was applied.
        """
        _check_call(players, batch, key)
        players = {name: replace(player) for name, player in players.items()}  # who is frozen since is seen anew
        if not self._checked:
            self._check(players)
            self._checked = True
        _check_state(players, self.pull)
        self._check_precision()
        if self.schedule is not None:
            self.schedule(self.steps, self.optimizers)
        said = self._round(players, batch, key)
        self.steps += 1
        return said

    def state_dict(self) -> dict[str, Any]:
        """Steps, draws and the optimizers' states."""
        optimizers = {name: [o.state_dict() for o in several] for name, several in self.optimizers.items()}
        return {"steps": self.steps, "draws": self.draws, "optimizers": optimizers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on exactly where ``state_dict`` was taken.

        Raises:
            ValueError: it was taken of another dynamics or game; nothing of it is loaded then.
        """
        self._check_saved(state)
        self.steps, self.draws = state["steps"], state["draws"]
        for name, several in self.optimizers.items():
            for optimizer, saved in zip(several, state["optimizers"][name], strict=True):
                optimizer.load_state_dict(saved)

    def _check_saved(self, state: Mapping[str, Any]) -> None:
        """Before any of it is loaded."""
        if missing := [key for key in self.state_dict() if key not in state]:
            raise ValueError(
                f"needs the state of a {type(self).__name__}, but got one without {', '.join(missing)}: "
                "it is another dynamics'"
            )
        if unknown := sorted(set(state["optimizers"]) - set(self.optimizers)):
            raise ValueError(f"needs states of {', '.join(self.optimizers)}, but got one of {', '.join(unknown)} too")
        for name, several in self.optimizers.items():
            check_saved(name, several, state["optimizers"].get(name))

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
        """The gradient itself; what an optimizer is handed also goes through ``_transform``."""
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

    def _check_precision(self) -> None:
        if self.full_precision and self.pull.autocast is not None:
            raise ValueError(
                f"{type(self).__name__} needs gradients in full precision, but got autocast to {self.pull.autocast}: "
                "leave it out, Pull(autocast=None)"
            )

    def _check(self, players: Mapping[str, Player]) -> None:
        owner: dict[int, str] = {}
        for name, player in players.items():
            for p in player.parameters():
                if owner.setdefault(id(p), name) != name:
                    raise ValueError(
                        f"players must own disjoint parameters, but {owner[id(p)]} and {name} share one of shape "
                        f"{tuple(p.shape)}: give it to one of them"
                    )
        for name, player in players.items():
            _check_optimizers(name, player, self.optimizers.get(name))
        if unknown := sorted(set(self.optimizers) - set(players)):
            raise ValueError(f"needs optimizers for {', '.join(players)}, but got one for {', '.join(unknown)} too")
        if isinstance(self.pull.transforms, Mapping) and (unknown := sorted(set(self.pull.transforms) - set(players))):
            raise ValueError(f"needs transforms for {', '.join(players)}, but got some for {', '.join(unknown)}")
        warn(conflicts(players, self.pull.autocast))


def _check_call(players: object, batch: object, key: object) -> None:
    if not isinstance(players, Mapping):
        raise ValueError(f"needs a game's players, game.players(), but got {type(players).__name__}")
    if not callable(batch):
        raise ValueError(
            f"needs a function draw -> Batch, as lambda draw: Batch(x, None, index), but got {type(batch).__name__}"
        )
    if not isinstance(key, tuple):
        raise ValueError(f"needs a key, a tuple such as (seed,), but got {key!r}")


def _check_optimizers(name: str, player: Player, optimizers: Sequence[Optimizer] | None) -> None:
    if optimizers is None:
        raise ValueError(f"needs an optimizer for the player {name!r}: add it to the dynamics")
    held = Counter(id(p) for o in optimizers for group in o.param_groups for p in group["params"])
    own = {id(p): tuple(p.shape) for p in player.parameters()}
    if not own:
        raise ValueError(
            f"the {name} has no parameters that it may change: leave a frozen network to no player, or set "
            "requires_grad of its parameters"
        )
    if twice := [key for key, times in held.items() if times > 1]:
        raise ValueError(
            f"the {name}'s optimizers hold {len(twice)} parameter{'s' * (len(twice) != 1)} twice, which would step "
            "twice: give each parameter to one of them"
        )
    if missing := [shape for key, shape in own.items() if key not in held]:
        raise ValueError(
            f"the {name}'s optimizer lacks {len(missing)} of its {len(own)} parameters, the first of shape "
            f"{missing[0]}: build it from game.players()[{name!r}].parameters()"
        )
    if extra := set(held) - {id(p) for module in player.modules for p in module.parameters()}:
        raise ValueError(
            f"the {name}'s optimizer holds {len(extra)} parameters that are not its player's: "
            f"build it from game.players()[{name!r}].parameters()"
        )


def _check_state(players: Mapping[str, Player], pull: Pull) -> None:
    """State that a forward pass changes would make parts of a batch depend on their order, or on the rank."""
    world, _ = _place(pull.group)
    if pull.micro == world == 1:
        return
    for module in {m for player in players.values() for owned in player.modules for m in owned.modules()}:
        batch_norm = isinstance(module, _BatchNorm) and (module.training or not module.track_running_stats)
        if batch_norm and pull.micro > 1:
            raise ValueError("needs networks that treat samples one by one for micro-batches, but found BatchNorm")
        if batch_norm and world > 1 and not isinstance(module, nn.SyncBatchNorm):
            raise ValueError(
                "needs statistics over all ranks, but found BatchNorm: "
                "use torch.nn.SyncBatchNorm.convert_sync_batchnorm(game), or another normalization"
            )
        if pull.micro > 1 and module.training and spectral_norms(module):
            raise ValueError(
                "needs weights that stand still during a move for micro-batches, but found spectral normalization, "
                "which takes a power iteration at each pass: use micro=1"
            )
