"""Whether players, optimizers, networks and saved states go together; every check raises ValueError with the cure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from math import isnan
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.optim import LBFGS, Optimizer

from gansmith.duel.ranks import place
from gansmith.dynamics.pull import Pull
from gansmith.games.base import Player
from gansmith.networks.spectral import spectral_norms

Optimizers = Mapping[str, Sequence[Optimizer]]
Groups = Sequence[Mapping[str, Any]]
FIRST_MOMENTS = ("exp_avg", "momentum_buffer")  # shaped like the parameter in every optimizer; other states need not be
NUMBERS = "biufcU"  # kinds of numpy's numbers, and words: a date or a record would become something else
OTHER = "the state is another game's or dynamics'"


def check_gradient_steps(optimizers: Optimizers) -> None:
    """Optimizers that evaluate the loss themselves are refused."""
    for name, several in optimizers.items():
        for optimizer in several:
            if isinstance(optimizer, LBFGS) or _needs_arguments(optimizer.step):
                raise ValueError(
                    f"needs optimizers that step by a gradient, but the {name}'s {type(optimizer).__name__} evaluates "
                    "the loss itself, in a closure: use another one, such as Adam"
                )


def _needs_arguments(step: Callable[..., object]) -> bool:
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    parameters = signature(step).parameters.values()
    return any(p.default is Parameter.empty and p.kind in kinds for p in parameters)


def check_call(players: object, batch: object, key: object) -> None:
    """The arguments of a step."""
    if not isinstance(players, Mapping):
        raise ValueError(f"needs a game's players, game.players(), but got {type(players).__name__}")
    if not callable(batch):
        raise ValueError(
            f"needs a function draw -> Batch, as lambda draw: Batch(x, None, index), but got {type(batch).__name__}"
        )
    if not isinstance(key, tuple):
        raise ValueError(f"needs a key, a tuple such as (seed,), but got {key!r}")


def check_players(players: Mapping[str, Player], optimizers: Optimizers, pull: Pull) -> None:
    """Players own disjoint parameters, and optimizers and transforms are theirs."""
    _check_disjoint(players)
    for name, player in players.items():
        _check_optimizers(name, player, optimizers.get(name))
    if unknown := sorted(set(optimizers) - set(players)):
        raise ValueError(f"needs optimizers for {', '.join(players)}, but got one for {', '.join(unknown)} too")
    if isinstance(pull.transforms, Mapping) and (unknown := sorted(set(pull.transforms) - set(players))):
        raise ValueError(f"needs transforms for {', '.join(players)}, but got some for {', '.join(unknown)}")


def _check_disjoint(players: Mapping[str, Player]) -> None:
    owner: dict[int, str] = {}
    for name, player in players.items():
        for p in player.parameters():
            if owner.setdefault(id(p), name) != name:
                raise ValueError(
                    f"players must own disjoint parameters, but {owner[id(p)]} and {name} share one of shape "
                    f"{tuple(p.shape)}: give it to one of them"
                )


def _check_optimizers(name: str, player: Player, optimizers: Sequence[Optimizer] | None) -> None:
    if optimizers is None:
        raise ValueError(f"needs an optimizer for the player {name!r}: add it to the dynamics")
    counts = Counter(id(p) for o in optimizers for group in o.param_groups for p in group["params"])
    own = {id(p): tuple(p.shape) for p in player.parameters()}
    if not own:
        raise ValueError(
            f"the {name} has no parameters that it may change: leave a frozen network to no player, or set "
            "requires_grad of its parameters"
        )
    if twice := [key for key, times in counts.items() if times > 1]:
        raise ValueError(
            f"the {name}'s optimizers hold {len(twice)} parameter{'s' * (len(twice) != 1)} twice, which would step "
            "twice: give each parameter to one of them"
        )
    if missing := [shape for key, shape in own.items() if key not in counts]:
        raise ValueError(
            f"the {name}'s optimizer lacks {len(missing)} of its {len(own)} parameters, the first of shape "
            f"{missing[0]}: build it from game.players()[{name!r}].parameters()"
        )
    if extra := set(counts) - {id(p) for module in player.modules for p in module.parameters()}:
        raise ValueError(
            f"the {name}'s optimizer holds {len(extra)} parameters that are not its player's: "
            f"build it from game.players()[{name!r}].parameters()"
        )


def check_networks(players: Mapping[str, Player], pull: Pull) -> None:
    """What a forward pass changes in a network would depend on the order of micro-batches, or on the rank."""
    world, _ = place(pull.group)
    if pull.micro == world == 1:
        return
    for module in {m for player in players.values() for owned in player.modules for m in owned.modules()}:
        if isinstance(module, _InstanceNorm) and module.training and module.running_mean is not None:
            raise ValueError(
                "needs networks that keep no statistics of a part of a batch, for micro-batches and several ranks, but "
                f"found {type(module).__name__} with running ones: build it with track_running_stats=False"
            )
        if pull.micro > 1:
            _check_in_micro_batches(module)
        if world > 1:
            _check_on_ranks(module)


def _check_in_micro_batches(module: nn.Module) -> None:
    if _is_of_the_batch(module):
        raise ValueError("needs networks that treat samples one by one for micro-batches, but found BatchNorm")
    if module.training and spectral_norms(module):
        raise ValueError(
            "needs weights that stand still during a move for micro-batches, but found spectral normalization, "
            "which takes a power iteration at each pass: use micro=1"
        )


def _check_on_ranks(module: nn.Module) -> None:
    if _is_of_the_batch(module) and not isinstance(module, nn.SyncBatchNorm):
        raise ValueError(
            "needs statistics over all ranks, but found BatchNorm: "
            "use torch.nn.SyncBatchNorm.convert_sync_batchnorm(game), or another normalization"
        )
    if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.max_norm is not None:
        raise ValueError(
            f"needs weights that are the same on all ranks, but found {type(module).__name__} with max_norm, which "
            "rescales the rows that a rank looks up, and no others: leave it out"
        )


def _is_of_the_batch(module: nn.Module) -> bool:
    return isinstance(module, _BatchNorm) and (module.training or not module.track_running_stats)


def check_state(name: str, optimizers: Sequence[Optimizer], states: Sequence[Mapping[str, Any]] | None) -> None:
    """A player's saved optimizer states fit its optimizers; checked before any of them is loaded.

    Torch's own loading only compares the sizes of groups, and raises when other optimizers are loaded already.

    Arguments:
        name: the player's.
        optimizers: into which the states are to be loaded.
        states: the ``state_dict`` of each.
    """
    if states is None or len(states) != len(optimizers):
        raise ValueError(
            f"needs states of the {name}'s {len(optimizers)} optimizer{'s' * (len(optimizers) != 1)}, but got "
            f"{len(states or ())}: {OTHER}"
        )
    for optimizer, state in zip(optimizers, states, strict=True):
        if missing := [key for key in ("state", "param_groups") if key not in state]:
            raise ValueError(f"needs an optimizer's state, but the {name}'s lacks {', '.join(missing)}: {OTHER}")
        check_groups(name, optimizer.param_groups, state["param_groups"], OTHER)
        if type(optimizer).__module__.startswith("torch."):  # moments of other kinds may have any shape
            _check_moments(name, optimizer.param_groups, state["param_groups"], state["state"])


def check_groups(name: str, groups: Groups, saved: Groups, cure: str) -> None:
    """Groups of parameters are as many and as large as an optimizer's own, and their options of the same kinds.

    Arguments:
        name: the player's.
        groups: the optimizer's own.
        saved: those of its state.
        cure: the end of the message.
    """
    own, got = ([len(group["params"]) for group in several] for several in (groups, saved))
    if own != got:
        raise ValueError(f"needs states of the {name}'s groups of {own} parameters, but got groups of {got}: {cure}")
    for group, before in zip(groups, saved, strict=True):
        # flags come with versions of torch, which fills in those that a state lacks; numbers are the method's own
        numbers = [k for k, v in group.items() if isinstance(v, int | float | tuple) and not isinstance(v, bool)]
        if missing := [key for key in numbers if key not in before]:
            raise ValueError(
                f"needs the state of the {name}'s kind of optimizer, but got one without {', '.join(missing)}: "
                "it is another kind's"
            )
        if other := [key for key, own in group.items() if key != "params" and not _is_alike(own, before.get(key, own))]:
            raise ValueError(
                f"needs the options of the {name}'s optimizer, but got {other[0]}={before[other[0]]!r:.40} for "
                f"{group[other[0]]!r:.40}: {cure}"
            )


def _is_alike(own: object, saved: object) -> bool:
    """Whether an option is of the kind of its own: numbers, tuples of as many; what is None may become anything."""
    own, saved = as_number(own), as_number(saved)
    if own is None:  # it may be measured later
        return True
    if isinstance(own, bool):
        return saved is None or isinstance(saved, bool)
    if isinstance(own, tuple):
        return isinstance(saved, (tuple, list)) and len(saved) == len(own) and all(map(_is_alike, own, saved))
    if isinstance(own, (int, float, Tensor)):
        single = isinstance(saved, Tensor) and saved.numel() == 1
        number = single or (isinstance(saved, (int, float)) and not isinstance(saved, bool))
        return number and _is_nan(saved) == _is_nan(own)
    return isinstance(saved, type(own))


def as_number(value: Any) -> Any:
    """A number or word of numpy as Python's, as it is saved; anything else as it is.

    Example:
        >>> import numpy as np
        >>> as_number(np.float64(0.5)), as_number(np.array(3)), as_number((1, 2))
        (0.5, 3, (1, 2))
    """
    is_numpy = type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
    return value.item() if is_numpy and value.dtype.kind in NUMBERS else value


def _is_nan(number: Any) -> bool:
    return not isinstance(number, int) and isnan(float(number))


def _check_moments(name: str, groups: Groups, saved: Groups, states: Mapping[int, Mapping[str, Any]]) -> None:
    for group, before in zip(groups, saved, strict=True):
        for p, number in zip(group["params"], before["params"], strict=True):
            for key in FIRST_MOMENTS:
                moment = states.get(number, {}).get(key)
                if isinstance(moment, Tensor) and moment.shape != p.shape:
                    raise ValueError(
                        f"needs states shaped like the {name}'s parameters, but got {key} of shape "
                        f"{tuple(moment.shape)} for one of shape {tuple(p.shape)}: {OTHER}"
                    )
