"""Running state of objectives and regularizers: averages and multipliers that live from move to move."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor, nn

from gansmith.duel.scores import full

M = TypeVar("M", bound=nn.Module)


def keep_digits(module: M, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> M:
    """Takes the place of a module's ``_apply``: buffers follow every cast, but never to half precision.

    Buffers hold running state, and half precision would lose a small change: 1 + 0.001 is 1 in bfloat16, so that an
    average or a multiplier would stand still.

    Example:
        >>> import torch
        >>> from gansmith.objectives import Fisher
        >>> Fisher().bfloat16().multiplier.dtype, Fisher().double().multiplier.dtype
        (torch.float32, torch.float64)
    """
    before = dict(module._buffers)
    nn.Module._apply(module, fn, recurse)
    for name, value in before.items():
        cast = module._buffers[name]
        if value is not None and cast is not None and (like := full(cast)) is not cast:
            module._buffers[name] = value.to(like)  # from before the cast, which lost digits
    return module
