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


def rows_of_ranks(rows: int, group: dist.ProcessGroup | None, device: torch.device) -> tuple[int, ...]:
    """How many rows of a global batch each rank has; all ranks ask at the same time.

    Example:
        >>> rows_of_ranks(8, None, torch.device("cpu"))
        (8,)
    """
    world, rank = place(group)
    if world == 1:
        return (rows,)
    counts = torch.zeros(world, dtype=torch.int64, device=device)
    counts[rank] = rows
    dist.all_reduce(counts, group=group)
    return tuple(counts.tolist())


def gather(outputs: Tensor) -> Tensor:
    """Scores (n,) or features (n, m) of all ranks, in the order of the ranks; inside one process the identity.

    Ranks may have different numbers of rows.

    The adjoint sums over ranks and keeps our rows. Gathering and its adjoint are each other's backward pass, so that
    they can be differentiated any number of times (a penalty on a dual witness needs two).

    Example:
        >>> gather(torch.ones(3)).shape
        torch.Size([3])
    """
    part = chance.current()
    if part is None or part.group is None:
        return outputs
    world = dist.get_world_size(part.group)
    times = len(outputs) // part.size
    sizes = [times * count for count in part.counts] if part.counts else [len(outputs)] * world
    gathered: Tensor = _Gather.apply(outputs, part.group, sizes)  # type: ignore[no-untyped-call]
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, group: dist.ProcessGroup, sizes: list[int]) -> Tensor:
        ctx.group, ctx.sizes = group, sizes
        filled = rows.new_zeros(max(sizes), *rows.shape[1:])  # a collective needs tensors of one size
        filled[: len(rows)] = rows
        pieces = [torch.empty_like(filled) for _ in sizes]
        dist.all_gather(pieces, filled, group=group)
        return torch.cat([piece[:size] for piece, size in zip(pieces, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _SumOurs.apply(gradients[0], ctx.group, ctx.sizes), None, None  # type: ignore[no-untyped-call]


class _SumOurs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, everything: Tensor, group: dist.ProcessGroup, sizes: list[int]) -> Tensor:
        ctx.group, ctx.sizes = group, sizes
        everything = everything.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(everything, group=group)
        ours: Tensor = everything.split(sizes)[dist.get_rank(group)]
        return ours.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _Gather.apply(gradients[0], ctx.group, ctx.sizes), None, None  # type: ignore[no-untyped-call]
