"""The settings of terms, networks and moves: numbers beside tensors on which the bits of a run depend."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import FunctionType
from typing import Any

from torch import nn

from gansmith.dynamics.base import Dynamics
from gansmith.dynamics.checks import as_number
from gansmith.dynamics.schedules import Decay
from gansmith.games.base import Game
from gansmith.training.state import State

DEEPEST, MOST = 5, 100
"""Lists within lists, and items of a list, that are compared."""
SETTINGS = tuple(f"gansmith.{part}." for part in ("objectives", "regularizers", "games", "dynamics"))
"""Where objects come from that hold nothing but settings: divergences, kernels, latents, transforms."""
UNKNOWN = "?"
"""What is not compared: objects and functions of a user, which may hold anything."""


def settings_of(game: Game) -> State:
    """Numbers, words and functions of this library's modules of a game, by name; of torch's layers the fractions.

    Of a user's own classes there are none: what they hold may be other in each process, and may change at each step.

    Example:
        >>> import torch
        >>> from gansmith.games import GAN, Normal
        >>> from gansmith.objectives import Hinge
        >>> from gansmith.regularizers import R1
        >>> game = GAN(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1), Hinge() + R1(9.0), Normal(2))
        >>> settings_of(game)["objective.terms.0"]
        {'weight': 9.0}
    """
    found = {}
    for name, module in game.named_modules():
        if _is_ours(module):
            found[name] = _attributes(module, without=("training", *_moving(module)))
        elif type(module).__module__.startswith("torch.nn."):
            found[name] = {key: value for key, value in vars(module).items() if type(value) is float}
    return {name: settings for name, settings in found.items() if settings}


def settings_of_moves(dynamics: Dynamics) -> State:
    """The same of dynamics: moves a round, what is done to gradients, and how rates decay.

    Not how many rounds there are, which a resumed run may change, nor how a gradient is computed.
    """
    without = ("optimizers", "moved", "pull", *dynamics.state_dict())
    own = _attributes(dynamics, without) if _is_ours(dynamics) else {}
    own["transforms"] = _said(dynamics.pull.transforms)
    if isinstance(dynamics.schedule, Decay):
        own["schedule"] = {"start": dynamics.schedule.start, "end": dynamics.schedule.end}
    return {type(dynamics).__name__: own}


def check_settings(before: State, now: State) -> None:
    """Compares settings with those of a state; what only one of them knows may be of another version.

    Raises:
        ValueError: one is another; the message names it.
    """
    for name in (name for name in before if name in now):
        for key in (key for key in before[name] if key in now[name]):
            if differ := _difference(before[name][key], now[name][key], f"{name}.{key}".lstrip(".")):
                place, was, has = differ
                raise ValueError(f"{place} was {was!r:.60}, and is {has!r:.60}: give the same")


def _difference(was: Any, has: Any, place: str) -> tuple[str, Any, Any] | None:
    """The first place where two settings differ, and what they are there."""
    if UNKNOWN in (was, has):
        return None
    if isinstance(was, dict) and isinstance(has, dict) and was.keys() == has.keys():
        pairs = [(f"{place}.{key}", was[key], has[key]) for key in was]
    elif isinstance(was, list) and isinstance(has, list) and len(was) == len(has):
        pairs = [(place, one, other) for one, other in zip(was, has, strict=True)]
    else:
        same = was == has or repr(was) == repr(has)  # NaN is as NaN
        return None if same else (place, was, has)
    return next(filter(None, (_difference(one, other, at) for at, one, other in pairs)), None)


def _is_ours(owner: object) -> bool:
    return type(owner).__module__.startswith("gansmith.")


def _moving(module: nn.Module) -> list[str]:
    """What a module itself says is its running state."""
    if type(module).get_extra_state is nn.Module.get_extra_state:
        return []
    state = module.get_extra_state()
    return [str(key) for key in state] if isinstance(state, Mapping) else []


def _attributes(owner: object, without: tuple[str, ...] = (), depth: int = 0) -> State:
    public = {key: value for key, value in vars(owner).items() if not key.startswith("_") and key not in without}
    return {key: _said(value, depth) for key, value in public.items()}


def _said(value: Any, depth: int = 0) -> Any:
    """A value as plain numbers, words and lists; of what is ours, its name and what it holds."""
    value = as_number(value)
    if value is None or type(value) in (bool, float, str) or (type(value) is int and abs(value) < 2**63):
        return value
    if depth == DEEPEST:
        return UNKNOWN
    if type(value) in (list, tuple) and len(value) <= MOST:
        return [_said(item, depth + 1) for item in value]
    if type(value) is dict and len(value) <= MOST:
        return {str(key): _said(item, depth + 1) for key, item in value.items()}
    return _said_of_ours(value, depth)


def _said_of_ours(value: Any, depth: int) -> Any:
    if isinstance(value, partial):
        return [_said(part, depth + 1) for part in (value.func, list(value.args), value.keywords)]
    if isinstance(value, FunctionType) and value.__module__.startswith("gansmith."):
        held = [cell.cell_contents for cell in value.__closure__ or ()]
        return [value.__qualname__, *(_said(item, depth + 1) for item in held)]
    if type(value).__module__.startswith(SETTINGS) and not isinstance(value, nn.Module) and hasattr(value, "__dict__"):
        return [type(value).__qualname__, _attributes(value, depth=depth + 1)]
    return UNKNOWN
