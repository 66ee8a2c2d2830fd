"""Features of the user's own: a function in a module or a file, which runs only where it is trusted."""

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


def own_features(name: str, shape: tuple[int, ...], *, trust: bool) -> Features:
    """The user's function as features. It is called with pictures (n, c, h, w), values in [-1, 1], and returns (n, d).

    It is called once with two black pictures, so that what is wrong with it is said at once. Its features are never
    kept between runs, because nobody can know when they would change.

    Arguments:
        name: `module:callable`, found as Python finds modules and in the current folder, or `path/to/file.py:callable`.
        shape: of one picture, `(c, h, w)`.
        trust: whether the module or file may run.

    Raises:
        ValueError: without trust, before anything of it runs; no such module, file or function; it fails; or it returns
            something else than finite `(n, d)`.
    """
    place, _, function = name.rpartition(":")
    if not place or not function:
        raise ValueError(f"needs features as module:callable or path/to/file.py:callable, but got {name!r}")
    if not trust:
        raise ValueError(f"features {name!r} would run code in {place}: read it, and give --trust to allow that")
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else _imported(place)
    except (Exception, SystemExit) as error:
        raise ValueError(f"cannot import {place} for its features: {_told(error)}") from error
    call = getattr(module, function, None)
    if not callable(call):
        own = [key for key, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__]
        raise ValueError(f"{place} holds no function {function!r}: its functions are {', '.join(own) or 'none'}")
    size = _size(name, call, shape)
    return Features(name, size, f"the user's own function {name}", call, version=None)


def _size(name: str, call: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> int:
    try:
        with torch.no_grad():
            found = call(torch.full((2, *shape), -1.0))
    except Exception as error:
        raise ValueError(f"features {name!r} fail on 2 black pictures: {_told(error)}") from error
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != 2 or not found.shape[1]:
        what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"needs features {name!r} as a tensor (2, d) for 2 pictures, but got {what}: return (n, d)")
    return found.shape[1]


def _told(error: BaseException) -> str:
    """What an error in the user's code says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _imported(place: str) -> ModuleType:
    # A console script does not look for modules in the current folder, as `python -m` does.
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return importlib.import_module(place)
    finally:
        with suppress(ValueError):  # the module may have changed the list itself
            sys.path.remove(here)


def _from_file(path: Path) -> ModuleType:
    module = ModuleType("gansmith_features_file")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look up the module that they are in
    exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)
    return module
