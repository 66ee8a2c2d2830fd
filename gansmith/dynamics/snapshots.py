"""Snapshots of what a trial move changes: each function copies it and returns a function that restores it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.optim import Optimizer

from gansmith.games.base import Player

Restore = Callable[[], None]


def save_parameters(parameters: Iterable[Tensor]) -> Restore:
    """Of parameters."""
    saved = [(p, p.detach().clone()) for p in parameters]

    @torch.no_grad()
    def restore() -> None:
        for p, value in saved:
            p.copy_(value)

    return restore


def save_buffers(players: Mapping[str, Player]) -> Restore:
    """Of the buffers of all players' networks, even if a module replaces a buffer by another tensor."""
    modules = {m for player in players.values() for m in player.holders}
    saved = [(m, n, b, b.detach().clone()) for m in modules for n, b in m._buffers.items() if b is not None]

    @torch.no_grad()
    def restore() -> None:
        for module, name, buffer, value in saved:
            buffer.copy_(value)
            module._buffers[name] = buffer

    return restore


def save_optimizers(optimizers: Iterable[Sequence[Optimizer]]) -> Restore:
    """Of optimizers' states and options: tensors, and counts in plain numbers.

    Not by ``state_dict``, because loading one casts a state to the precision of its parameter.
    """
    saved = [
        (
            optimizer,
            {p: copy.deepcopy(state) for p, state in optimizer.state.items()},
            [{k: copy.deepcopy(v) for k, v in group.items() if k != "params"} for group in optimizer.param_groups],
        )
        for several in optimizers
        for optimizer in several
    ]

    def restore() -> None:
        for optimizer, state, options in saved:
            optimizer.state.clear()
            optimizer.state.update(state)
            for group, before in zip(optimizer.param_groups, options, strict=True):
                for added in set(group) - set(before) - {"params"}:
                    del group[added]
                group.update(before)

    return restore


@contextmanager
def buffers_restored_on_failure(players: Mapping[str, Player]) -> Iterator[None]:
    """Restores buffers where the code inside raises: a loss that is not finite leaves NaN in running statistics."""
    restore = save_buffers(players)
    try:
        yield
    except BaseException:
        restore()
        raise
