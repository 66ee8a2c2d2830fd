"""State that a trial move changes and that is put back: each function takes a copy and returns what restores it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.optim import Optimizer

from gansmith.games.base import Player

PutBack = Callable[[], None]


def keep_parameters(parameters: Iterable[Tensor]) -> PutBack:
    """Copies of parameters."""
    saved = [(p, p.detach().clone()) for p in parameters]

    @torch.no_grad()
    def put_back() -> None:
        for p, value in saved:
            p.copy_(value)

    return put_back


def keep_buffers(players: Mapping[str, Player]) -> PutBack:
    """Copies of all that the players' networks keep in buffers, also where a module puts a new tensor in its place."""
    modules = {m for player in players.values() for m in player.holders}
    saved = [(m, n, b, b.detach().clone()) for m in modules for n, b in m._buffers.items() if b is not None]

    @torch.no_grad()
    def put_back() -> None:
        for module, name, buffer, value in saved:
            buffer.copy_(value)
            module._buffers[name] = buffer

    return put_back


def keep_optimizers(optimizers: Iterable[Sequence[Optimizer]]) -> PutBack:
    """Copies of optimizers' states and options: tensors, and what an optimizer counts in plain numbers.

    Not by ``state_dict``, whose loading casts a state to the precision of its parameter.
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

    def put_back() -> None:
        for optimizer, state, options in saved:
            optimizer.state.clear()
            optimizer.state.update(state)
            for group, before in zip(optimizer.param_groups, options, strict=True):
                for added in set(group) - set(before) - {"params"}:
                    del group[added]
                group.update(before)

    return put_back


@contextmanager
def buffers_kept_on_failure(players: Mapping[str, Player]) -> Iterator[None]:
    """A pass whose loss is not finite leaves its NaN in running statistics: they go back to what they were."""
    put_back = keep_buffers(players)
    try:
        yield
    except BaseException:
        put_back()
        raise
