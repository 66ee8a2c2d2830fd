"""What a check is given: refused in words where it is something else."""

from __future__ import annotations

from torch import nn


def needs_instance(given: object, kind: type) -> None:
    """Raises ValueError where what is to be checked is of another kind, or a class where one of its instances is due.

    Example:
        >>> needs_instance(nn.Linear, nn.Module)
        Traceback (most recent call last):
        ...
        ValueError: needs a Module, but got the class Linear: make one, Linear()
    """
    if isinstance(given, kind):
        return
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    if isinstance(given, type):
        raise ValueError(
            f"needs {article} {kind.__name__}, but got the class {given.__name__}: make one, {given.__name__}()"
        )
    raise ValueError(f"needs {article} {kind.__name__}, but got {type(given).__name__}: derive from {kind.__name__}")


def needs_module(critic: object) -> None:
    """Raises ValueError where a critic has no weights whose gradients could be checked."""
    if not isinstance(critic, nn.Module):
        raise ValueError(
            f"needs a torch.nn.Module as critic, but got {type(critic).__name__}: gradients are checked in its weights"
        )
