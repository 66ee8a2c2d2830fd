"""Outputs of the whole global batch, for objectives that are no mean over samples."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from gansmith import chance


def place(group: dist.ProcessGroup | None) -> tuple[int, int]:
    """How many ranks share a global batch, and which of them this process is; without a group one, the first.

    Example:
        >>> place(None)
        (1, 0)
    """
    return (1, 0) if group is None else (dist.get_world_size(group), dist.get_rank(group))


def gather(outputs: Tensor) -> Tensor:
    """Scores (n,) or features (n, m) of all ranks, in the order of the ranks; inside one process the identity.

    The adjoint sums over ranks and keeps our rows. Gathering and its adjoint are each other's backward pass, so that
    they can be differentiated any number of times (a penalty on a dual witness needs two).

    Example:
        >>> gather(torch.ones(3)).shape
        torch.Size([3])
    """
    part = chance.current()
    if part is None or part.group is None:
        return outputs
    gathered: Tensor = _Gather.apply(outputs, part.group)  # type: ignore[no-untyped-call]
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, group: dist.ProcessGroup) -> Tensor:
        ctx.group = group
        pieces = [torch.empty_like(rows) for _ in range(dist.get_world_size(group))]
        dist.all_gather(pieces, rows.contiguous(), group=group)
        return torch.cat(pieces)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _SumOurs.apply(gradients[0], ctx.group), None  # type: ignore[no-untyped-call]


class _SumOurs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, everything: Tensor, group: dist.ProcessGroup) -> Tensor:
        ctx.group = group
        everything = everything.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(everything, group=group)
        return everything.chunk(dist.get_world_size(group))[dist.get_rank(group)].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _Gather.apply(gradients[0], ctx.group), None  # type: ignore[no-untyped-call]
