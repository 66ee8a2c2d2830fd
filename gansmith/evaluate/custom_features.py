"""Features by a function of the user, in a module or a file; it runs only if the user allows it."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from gansmith.evaluate.features import Features


def custom_features(name: str, shape: tuple[int, ...], *, trust: bool) -> Features:
    """Features by a function of the user, from pictures (n, c, h, w), values in [-1, 1], to vectors (n, d).

    The function is called once with two black pictures, to find errors early. Its features are never cached, because it
    may change at any time.

    Arguments:
        name: `module:callable`, a module of the current folder or of Python's path, or `path/to/file.py:callable`.
        shape: of one picture, `(c, h, w)`.
        trust: whether code of the module or file may run.

    Raises:
        ValueError: without `trust`, before any code runs; no such module, file or function; the function fails; or it
            does not return `(n, d)`.
    """
    place, _, function = name.rpartition(":")
    if not place or not function:
        raise ValueError(f"needs features as module:callable or path/to/file.py:callable, but got {name!r}")
    if not trust:
        raise ValueError(f"features {name!r} would run code in {place}: read it, and give --trust to allow that")
    try:
        module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    except (Exception, SystemExit) as error:
        raise ValueError(f"cannot import {place} for its features: {_error_line(error)}") from error
    call = getattr(module, function, None)
    if not callable(call):
        own = [key for key, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__]
        raise ValueError(f"{place} holds no function {function!r}: its functions are {', '.join(own) or 'none'}")
    size = _size(name, call, shape)
    return Features(name, size, f"the user's own function {name}", call, version=None)


def _size(name: str, call: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> int:
    try:
        with torch.no_grad():
            features = call(torch.full((2, *shape), -1.0))
    except Exception as error:
        raise ValueError(f"features {name!r} fail on 2 black pictures: {_error_line(error)}") from error
    if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != 2 or not features.shape[1]:
        what = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f"needs features {name!r} as a tensor (2, d) for 2 pictures, but got {what}: return (n, d)")
    return features.shape[1]


def _error_line(error: BaseException) -> str:
    """An exception of the user's code in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _import_module(place: str) -> ModuleType:
    # A console script does not look for modules in the current folder, as `python -m` does.
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(place)
    finally:
        with suppress(ValueError):  # the module may have changed the list
            sys.path.remove(folder)


def _import_file(path: Path) -> ModuleType:
    module = ModuleType("gansmith_features_file")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look up the module that they are in
    exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)
    return module
