"""A recipe's parameters as flags: its signature gives types and defaults, its docstring the help."""

from __future__ import annotations

import argparse
import inspect
import math
import re
import types
import typing
from collections.abc import Callable
from typing import Any

OURS = {"data", "steps"}
"""Parameters of every recipe that the command line itself asks for."""


def count(text: str) -> int:
    """A whole number of at least 1.

    Example:
        >>> count("12")
        12
    """
    try:
        value = int(text.replace(",", "").replace("_", ""))
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"needs a whole number of at least 1, but got {text!r}")
    return value


def positive(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"needs a number above 0, but got {text!r}")
    return value


def add(parser: argparse.ArgumentParser, recipe: Callable[..., Any]) -> list[str]:
    """Adds a flag for each parameter of a recipe that is not the command line's own; returns their names.

    Raises:
        ValueError: the function is no recipe: it takes no data and steps, or has a parameter without a plain type.
    """
    parameters = inspect.signature(recipe).parameters
    if not set(parameters) >= OURS:
        raise ValueError(
            f"a recipe takes data and steps, but {recipe.__name__} takes {', '.join(parameters) or 'nothing'}"
        )
    hints, helps = typing.get_type_hints(recipe), _arguments(recipe)
    group = parser.add_argument_group("the recipe's own")
    names = [name for name in parameters if name not in OURS]
    for name in names:
        kind, value = _plain(hints.get(name)), parameters[name].default
        if kind is None or value is inspect.Parameter.empty:
            raise ValueError(
                f"the parameter {name!r} of {recipe.__name__} needs a default and a type int, float, str or bool"
            )
        text = f"{helps.get(name, '')} (default: {value})".strip().replace("%", "%%")
        flag = "--" + name.replace("_", "-")
        if kind is bool:
            group.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, default=value, help=text)
        else:
            group.add_argument(flag, dest=name, type=kind, default=value, metavar=kind.__name__.upper(), help=text)
    return names


def default(recipe: Callable[..., Any], name: str) -> Any:
    """The default of a recipe's parameter."""
    parameter = inspect.signature(recipe).parameters.get(name)
    return None if parameter is None else parameter.default


def summary(recipe: Callable[..., Any]) -> str:
    """A recipe's docstring up to its arguments."""
    return inspect.cleandoc(recipe.__doc__ or "").split("\nArguments:")[0].strip()


def examples(recipe: Callable[..., Any]) -> str:
    """The docstring's example, for the end of a help."""
    parts = inspect.cleandoc(recipe.__doc__ or "").split("\nExample:\n")
    return "example:\n" + parts[1].rstrip() if len(parts) > 1 else ""


def _plain(hint: Any) -> type | None:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [h for h in typing.get_args(hint) if h is not type(None)]
        hint = rest[0] if len(rest) == 1 else None
    return hint if hint in (int, float, str, bool) else None


def _arguments(recipe: Callable[..., Any]) -> dict[str, str]:
    """The lines of the docstring's ``Arguments:``; a continued line is joined."""
    parts = inspect.cleandoc(recipe.__doc__ or "").split("\nArguments:\n")
    if len(parts) < 2:
        return {}
    body = re.split(r"\n\S", parts[1])[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {6,}.*)*)", body, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
