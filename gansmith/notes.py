"""Named values of a loss: for the log, for terms with running state, and for error messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

Notes = dict[str, Tensor]

_values: ContextVar[Notes | None] = ContextVar("values", default=None)
_scope: ContextVar[str] = ContextVar("scope", default="")


@contextmanager
def notes() -> Iterator[Notes]:
    """Collects every :func:`note` made inside; where collectors are nested, the innermost one.

    Example:
        >>> import torch
        >>> with notes() as values:
        ...     note("gap", torch.tensor(2.0))
        >>> values
        {'gap': tensor(2.)}
    """
    values: Notes = {}
    token = _values.set(values)
    try:
        yield values
    finally:
        _values.reset(token)


def note(name: str, value: Tensor) -> None:
    """Records a value, a mean over samples, under the current :func:`scope`.

    Outside ``notes()`` nothing happens.
    """
    values = _values.get()
    if values is not None:
        values[scoped(name)] = value.detach()


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Prefixes the names of notes and of random draws, so that two terms of a sum share neither.

    Example:
        >>> with scope("R1"):
        ...     scoped("slope")
        'R1.slope'
    """
    token = _scope.set(scoped(name) + ".")
    try:
        yield
    finally:
        _scope.reset(token)


def under(name: str, notes: Notes) -> Notes:
    """Those of the notes that were made within a scope, less its prefix.

    Example:
        >>> under("R1", {"loss": 1, "R1.slope": 2})
        {'slope': 2}
    """
    return {key.removeprefix(f"{name}."): value for key, value in notes.items() if key.startswith(f"{name}.")}


def scoped(name: str) -> str:
    """The name with the prefixes of all scopes around it."""
    return _scope.get() + name
