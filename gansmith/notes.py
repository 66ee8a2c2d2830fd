"""What a loss says on the way: named values for the log, for terms with a history, and for error messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

Notes = dict[str, Tensor]

_seen: ContextVar[Notes | None] = ContextVar("seen", default=None)
_scope: ContextVar[str] = ContextVar("scope", default="")


@contextmanager
def notes() -> Iterator[Notes]:
    """Collects every :func:`note` made inside; the innermost collector takes it.

    Example:
        >>> import torch
        >>> with notes() as seen:
        ...     note("gap", torch.tensor(2.0))
        >>> seen
        {'gap': tensor(2.)}
    """
    seen: Notes = {}
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


def note(name: str, value: Tensor) -> None:
    """Leaves a term's value, a mean over samples, under the current :func:`scope`.

    Outside ``notes()`` nothing happens.
    """
    seen = _seen.get()
    if seen is not None:
        seen[scoped(name)] = value.detach()


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


def scoped(name: str) -> str:
    """The full name of ``name`` where we are now."""
    return _scope.get() + name
