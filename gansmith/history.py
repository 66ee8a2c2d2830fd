"""What a term remembers from move to move."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from gansmith.duel import full


class Historic(nn.Module):
    """A module whose buffers hold a history: they follow every cast but those to half precision.

    There a small move would be lost: 1 + 0.001 is 1 in bfloat16, and an average or a multiplier stands still.

    Example:
        >>> import torch
        >>> term = Historic()
        >>> term.register_buffer("average", torch.zeros(()))
        >>> term.bfloat16().average.dtype, term.double().average.dtype
        (torch.float32, torch.float64)
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Historic:
        before = dict(self._buffers)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, held in before.items():
            moved = self._buffers[name]
            if held is not None and moved is not None and (wanted := full(moved)) is not moved:
                self._buffers[name] = held.to(wanted)  # from before the cast, which took its digits
        return self
