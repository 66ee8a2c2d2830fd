"""The arguments of a check: of the right kind, or refused in words."""

from __future__ import annotations

from torch import nn


def needs_instance(argument: object, kind: type) -> None:
    """Raises ValueError where the argument is of another kind, or a class instead of one of its instances.

    Example:
        >>> needs_instance(nn.Linear, nn.Module)
        Traceback (most recent call last):
        ...
        ValueError: needs a Module, but got the class Linear: make one, Linear()
    """
    if isinstance(argument, kind):
        return
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    if isinstance(argument, type):
        raise ValueError(
            f"needs {article} {kind.__name__}, but got the class {argument.__name__}: make one, {argument.__name__}()"
        )
    raise ValueError(f"needs {article} {kind.__name__}, but got {type(argument).__name__}: derive from {kind.__name__}")


def needs_module(critic: object) -> None:
    """Raises ValueError where a critic has no weights whose gradients could be checked."""
    if not isinstance(critic, nn.Module):
        raise ValueError(
            f"needs a torch.nn.Module as critic, but got {type(critic).__name__}: gradients are checked in its weights"
        )
