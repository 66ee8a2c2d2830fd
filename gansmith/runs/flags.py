"""A recipe's parameters as flags: its signature gives types and defaults, its docstring the help."""

from __future__ import annotations

import argparse
import inspect
import json
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from gansmith.refusal import Refusal
from gansmith.sides import MEDIAN, sides_of, written

OURS = {"data", "steps"}
"""Parameters of every recipe that the command line itself asks for."""

PLAIN: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
LARGEST = 10**9


def count(text: str) -> int:
    """A whole number of at least 1.

    Example:
        >>> count("12")
        12
    """
    value = _whole(text)
    if value is None or not 1 <= value <= LARGEST:
        raise argparse.ArgumentTypeError(f"needs a whole number from 1 to {LARGEST:,}, but got {text!r}")
    return value


def whole(text: str) -> int:
    """A whole number of at least 0."""
    value = _whole(text)
    if value is None or not 0 <= value <= LARGEST:
        raise argparse.ArgumentTypeError(f"needs a whole number from 0 to {LARGEST:,}, but got {text!r}")
    return value


def seed(text: str) -> int:
    """A whole number that torch's generators take."""
    value = _whole(text)
    if value is None or not is_seed(value):
        raise argparse.ArgumentTypeError(f"needs a whole number from 0 to 2^63 - 1, but got {text!r}")
    return value


def is_seed(value: object) -> bool:
    """Whether a value can seed a run."""
    return type(value) is int and 0 <= value < 2**63


def positive(text: str) -> float:
    """A number above 0."""
    value = _number(text)
    if not 0 < value <= LARGEST:
        raise argparse.ArgumentTypeError(f"needs a number above 0 and up to {LARGEST:,}, but got {text!r}")
    return value


def factor(text: str) -> float:
    """A number of at least 0."""
    value = _number(text)
    if not 0 <= value <= LARGEST:
        raise argparse.ArgumentTypeError(f"needs a number from 0 to {LARGEST:,}, but got {text!r}")
    return value


def share(text: str) -> float:
    """A number between 0 and 1.

    Example:
        >>> share("0.3")
        0.3
    """
    value = _number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"needs a share between 0 and 1, as 0.3, but got {text!r}")
    return value


def size(text: str) -> int | str:
    """The size of pictures.

    Example:
        >>> size("64"), size("96x64"), size("median")
        (64, '96x64', 'median')
    """
    if text == MEDIAN:
        return text
    try:
        return written(sides_of(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def pair(text: str) -> tuple[float, float]:
    """Two numbers with a comma between them, the smaller first.

    Example:
        >>> pair("0,4095")
        (0.0, 4095.0)
    """
    numbers = [_number(part) for part in text.split(",")]
    if len(numbers) != 2 or not all(map(math.isfinite, numbers)) or not numbers[0] < numbers[1]:
        raise argparse.ArgumentTypeError(f"needs two numbers, the smaller first, such as 0,4095, but got {text!r}")
    return numbers[0], numbers[1]


def add(parser: argparse.ArgumentParser, recipe: Callable[..., Any]) -> list[str]:
    """Adds a flag for each parameter of a recipe that is not the command line's own; returns their names.

    Raises:
        Refusal: the function is no recipe: it takes no data and steps, or has a parameter without a plain type.
    """
    parameters, place = inspect.signature(recipe).parameters, _place(recipe)
    if not set(parameters) >= OURS:
        raise Refusal(
            f"a recipe takes data and steps, but {recipe.__name__} takes {', '.join(parameters) or 'nothing'}{place}"
        )
    if not _has_default(parameters["steps"]):
        raise Refusal(f"the parameter 'steps' of {recipe.__name__} needs a default, as in steps: int = 1000{place}")
    helps = _arguments(recipe)
    group = parser.add_argument_group("the recipe's own")
    names = [name for name in parameters if name not in OURS]
    for name in names:
        kind, value = _kind(parameters[name]), parameters[name].default
        if kind is None or not _has_default(parameters[name]):
            raise Refusal(
                f"the parameter {name!r} of {recipe.__name__} needs a default and a type int, float, str or bool, "
                f"as in {name}: int = 1{place}"
            )
        chosen = "" if value is None else f" (default: {value})"
        text = f"{helps.get(name, '')}{chosen}".strip().replace("%", "%%")
        flag = "--" + name.replace("_", "-")
        if flag in parser._option_string_actions:
            raise Refusal(f"the parameter {name!r} of {recipe.__name__} is a flag of gansmith's own: rename it{place}")
        if kind is bool:
            group.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, default=value, help=text)
        else:
            group.add_argument(flag, dest=name, type=kind, default=value, metavar=kind.__name__.upper(), help=text)
    return names


def check(recipe: Callable[..., Any], arguments: Mapping[str, object]) -> None:
    """The one place where a recipe's arguments are judged, whether they come as flags or from a run's record.

    A number whose default is positive, or not fixed, counts or weighs something: an int must be at least 1, a float at
    least 0.

    Raises:
        Refusal: an argument that the recipe does not take, of another type, or out of range.
    """
    parameters = inspect.signature(recipe).parameters
    for name, value in arguments.items():
        if name not in parameters or name == "data":
            own = ", ".join(p for p in parameters if p != "data")
            raise Refusal(f"{recipe.__name__} takes no argument {name!r}: it takes {own}")
        kind, default = _kind(parameters[name]), parameters[name].default
        if value is None and default is None:
            continue
        needed = _needed(kind, default, value)
        if needed:
            raise Refusal(f"--{name.replace('_', '-')} needs {needed}, but got {value!r:.40}")


def defaults(recipe: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of a recipe's own parameters: what its record says of those that nobody chose.

    Those that no record can keep, such as a class, stay what the recipe says.
    """
    parameters = inspect.signature(recipe).parameters
    return {name: p.default for name, p in parameters.items() if name not in OURS and _is_kept(p.default)}


def chosen(recipe: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without those that are the recipe's own defaults and that no record can keep."""
    parameters = inspect.signature(recipe).parameters
    own = {name for name, p in parameters.items() if name in arguments and arguments[name] is p.default}
    return {name: value for name, value in arguments.items() if name not in own or _is_kept(value)}


def default(recipe: Callable[..., Any], name: str) -> Any:
    """The default of a recipe's parameter."""
    parameter = inspect.signature(recipe).parameters.get(name)
    return None if parameter is None else parameter.default


def summary(recipe: Callable[..., Any]) -> str:
    """A recipe's docstring up to its arguments."""
    return inspect.cleandoc(recipe.__doc__ or "").split("\nArguments:")[0].strip()


def examples(recipe: Callable[..., Any], name: str) -> str:
    """The docstring's example for the end of a help, or the shortest one."""
    parts = inspect.cleandoc(recipe.__doc__ or "").split("\nExample:\n")
    shown = parts[1].rstrip() if len(parts) > 1 else f"    gansmith train {name} --data digits"
    return "example:\n" + shown


def _needed(kind: type | None, default: object, value: object) -> str:
    """What a value should have been, in words; nothing where it is right."""
    counts = default is None or (isinstance(default, (int, float)) and default > 0)
    if kind is int:
        low = 1 if counts else 0 if default == 0 else -LARGEST
        right = type(value) is int and low <= value <= LARGEST
        return "" if right else f"a whole number from {low:,} to {LARGEST:,}"
    if kind is float:
        right = isinstance(value, (int, float)) and type(value) is not bool and abs(value) <= 1e30
        right = right and (typing.cast(float, value) >= 0 or not (counts or default == 0))
        return "" if right else "a number from 0 to 1e30" if counts or default == 0 else "a finite number"
    if kind is not None and type(value) is not kind:
        return {bool: "true or false", str: "a word"}[kind]
    return "" if kind is not None or _is_kept(value) else "a finite number, a word, true, false or a list of them"


def _is_kept(value: object) -> bool:
    """Whether a record gives a value back as it was.

    Example:
        >>> [_is_kept(value) for value in (None, 3, "a", [0.5], (0.5,), {1: 2}, math.inf, int)]
        [True, True, True, True, False, False, False, False]
    """
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _place(recipe: Callable[..., Any]) -> str:
    """Where a recipe is defined, for the end of a message."""
    code = getattr(inspect.unwrap(recipe), "__code__", None)
    return "" if code is None else f" ({code.co_filename}, line {code.co_firstlineno})"


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not inspect.Parameter.empty


def _kind(parameter: inspect.Parameter) -> type | None:
    """The plain type of a parameter, by its annotation; read, not evaluated, where it is a string."""
    hint = parameter.annotation
    if isinstance(hint, str):
        names = [part for part in re.split(r"[\s|]+|Optional\[|\]", hint) if part not in ("", "None", "typing.")]
        return PLAIN.get(names[0]) if len(names) == 1 else None
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [h for h in typing.get_args(hint) if h is not type(None)]
        hint = rest[0] if len(rest) == 1 else None
    return hint if hint in PLAIN.values() else None


def _whole(text: str) -> int | None:
    return int(text.replace(",", "")) if re.fullmatch(r"-?(\d{1,30}|\d{1,3}(,\d{3}){1,9})", text, re.ASCII) else None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _arguments(recipe: Callable[..., Any]) -> dict[str, str]:
    """The lines of the docstring's ``Arguments:``; a continued line is joined."""
    parts = inspect.cleandoc(recipe.__doc__ or "").split("\nArguments:\n")
    if len(parts) < 2:
        return {}
    body = re.split(r"\n\S", parts[1])[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {6,}.*)*)", body, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
