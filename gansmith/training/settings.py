"""The settings of modules and dynamics: what decides their moves beside tensors, so that a state fits only its like."""

from __future__ import annotations

from dataclasses import is_dataclass
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import nn

from gansmith.dynamics.base import Dynamics
from gansmith.games.base import Game
from gansmith.objectives.base import Objective
from gansmith.regularizers.base import Regularizer
from gansmith.training.state import State

DEEPEST, MOST = 5, 100
"""Lists within lists, and items of a list, that are compared."""
OF_DYNAMICS = ("optimizers", "pull", "schedule", "steps", "draws", "moved")
"""What is in a state by itself (optimizers, counts), what only says how a gradient is computed, and a schedule, which
is a function of the step and of a run's length."""


def settings_of(game: Game) -> State:
    """Of each module of a game its numbers, words and functions, by name; of networks that a user wrote there are none.

    Example:
        >>> from gansmith.games import GAN, Normal
        >>> from gansmith.objectives import Hinge
        >>> from gansmith.regularizers import R1
        >>> game = GAN(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1), Hinge() + R1(9.0), Normal(2))
        >>> settings_of(game)["objective.terms.0"]
        {'weight': 9.0}
    """
    found = {name: _attributes(module) for name, module in game.named_modules() if _is_known(module)}
    return {name: settings for name, settings in found.items() if settings}


def settings_of_moves(dynamics: Dynamics) -> State:
    """The numbers, words and functions of dynamics, such as the moves a round."""
    return {type(dynamics).__name__: _attributes(dynamics, OF_DYNAMICS)}


def check_settings(before: State, now: State) -> None:
    """Compares settings with those of a state; what only one of them knows may be of another version.

    Raises:
        ValueError: one is another; the message names it.
    """
    if differ := _difference(before, now, ""):
        place, was, has = differ
        raise ValueError(f"{place} was {was!r:.60}, and is {has!r:.60}: give the same")


def _difference(was: Any, has: Any, place: str) -> tuple[str, Any, Any] | None:
    """The first place where two settings differ, and what they are there."""
    if isinstance(was, dict) and isinstance(has, dict):
        pairs = [(f"{place}.{key}".strip("."), was[key], has[key]) for key in was if key in has]
    elif isinstance(was, list) and isinstance(has, list) and len(was) == len(has):
        pairs = [(place, one, other) for one, other in zip(was, has, strict=True)]
    else:
        return None if was == has else (place, was, has)
    return next(filter(None, (_difference(one, other, at) for at, one, other in pairs)), None)


def _is_known(module: nn.Module) -> bool:
    ours = isinstance(module, (Objective, Regularizer, Game))
    return ours or type(module).__module__.startswith(("gansmith.", "torch.nn."))


def _attributes(owner: object, without: tuple[str, ...] = ("training",), depth: int = 0) -> State:
    public = {key: value for key, value in vars(owner).items() if not key.startswith("_") and key not in without}
    return {key: _said(value, depth) for key, value in public.items()}


def _said(value: Any, depth: int = 0) -> Any:
    """A value as plain numbers, words and lists; of a function its name and what it holds."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict) and depth < DEEPEST:
        return {str(key): _said(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (torch.dtype, torch.device)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_said(item, depth + 1) for item in value[:MOST] if depth < DEEPEST]
    if is_dataclass(value) or type(value).__module__.startswith("gansmith."):
        return [_name(value), _attributes(value, depth=depth + 1) if depth < DEEPEST else {}]
    return [_name(value), *(_said(item, depth + 1) for item in _held(value) if depth < DEEPEST)]


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def _held(value: Any) -> list[Any]:
    """What a function holds."""
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, FunctionType):
        return [cell.cell_contents for cell in value.__closure__ or () if cell.cell_contents is not value]
    return []
