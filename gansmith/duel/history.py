"""What a term remembers from move to move."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor, nn

from gansmith.duel.scores import full

M = TypeVar("M", bound=nn.Module)


def keep_digits(module: M, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> M:
    """In the place of a module's ``_apply``: buffers, which hold a history, follow every cast but to half precision.

    There a small move would be lost: 1 + 0.001 is 1 in bfloat16, and an average or a multiplier stands still.

    Example:
        >>> import torch
        >>> from gansmith.objectives import Fisher
        >>> Fisher().bfloat16().multiplier.dtype, Fisher().double().multiplier.dtype
        (torch.float32, torch.float64)
    """
    before = dict(module._buffers)
    nn.Module._apply(module, fn, recurse)
    for name, held in before.items():
        moved = module._buffers[name]
        if held is not None and moved is not None and (wanted := full(moved)) is not moved:
            module._buffers[name] = held.to(wanted)  # from before the cast, which took its digits
    return module
