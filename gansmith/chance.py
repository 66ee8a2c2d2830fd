"""Keyed randomness for the global batch: a draw is a function of (key, scope, name) alone.

A move of a player is a pure function of parameters, buffers, batch and key. Ranks and micro-batches see disjoint rows
of the same draw; both players, and every stage of a step, agree by name. Outside :func:`keyed` the draws come from
torch's current generator, so that a loop of one's own needs no key.

How many bits count: a key of any length becomes 63 bits by a hash, so that all bits of a run's seed count. But torch's
generator of the CPU reads only the low 32 bits of a seed: 7 and 7 + 2^32 give the same numbers. So there are 2^32
different streams. Two given draws are the same with a chance of 1 in 4 billion; among k draws of a run, some two of one
shape are the same with a chance of about 1 - exp(-k^2 / 2^33), 1 % at 10,000 draws and 69 % at 100,000. Then two moves
far apart see the same latents, which does no harm to a training; no move sees the same sample twice for it. What takes
a seed without a hash is the same for seeds that differ by a multiple of 2^32: the weights at a run's start, and the
choices of ``gansmith.evaluate``. Take seeds below 2^32 there. More bits would change the numbers of all runs before.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from gansmith.notes import scoped

Key = tuple[int | str, ...]


@dataclass(frozen=True)
class Part:
    """The rows ``[offset, offset + size)`` of a global batch of ``total`` samples, drawn under ``key``.

    The default is the whole of a batch of any size. ``group`` holds the ranks that share the global batch, and
    ``counts`` the rows of each; left empty, all have as many.
    """

    key: Key
    offset: int = 0
    size: int = 1
    total: int = 1
    group: ProcessGroup | None = None
    counts: tuple[int, ...] = ()


one_at_a_time = threading.RLock()
"""Held by who seeds torch's own generators, which all threads share: two trainings in two threads take turns."""

_part: ContextVar[Part | None] = ContextVar("part", default=None)


def current() -> Part | None:
    """The part of a batch that draws belong to, or None outside :func:`keyed`."""
    return _part.get()


@contextmanager
def keyed(part: Part, device: torch.device | None = None) -> Iterator[None]:
    """Draws inside belong to ``part``; torch's own generator is seeded by it too, and put back afterwards.

    The generators of the CPU and, where ``device`` is a GPU, of that GPU are forked: dropout inside the user's modules
    is deterministic, and torch's generators are afterwards as before. One thread at a time is inside.

    Example:
        >>> with keyed(Part((0, "samples"))):
        ...     a = normal("z", 3, 2)
        >>> with keyed(Part((0, "samples"))):
        ...     torch.equal(a, normal("z", 3, 2))
        True
    """
    generators = [torch.default_generator]
    if device is not None and device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        generators.append(torch.cuda.default_generators[index])
    with one_at_a_time:
        token, states = _part.set(part), [g.get_state() for g in generators]
        fork = _seed((*part.key, part.offset), "torch")
        for generator in generators:
            generator.manual_seed(fork)
        try:
            yield
        finally:
            _part.reset(token)
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)


def normal(name: str, n: int, *shape: int, like: Tensor | None = None) -> Tensor:
    """Standard normal rows (n, *shape), with the dtype and device of ``like``."""
    return _draw(torch.randn, name, n, shape, like)


def uniform(name: str, n: int, *shape: int, like: Tensor | None = None) -> Tensor:
    """Uniform rows (n, *shape) in [0, 1), with the dtype and device of ``like``."""
    return _draw(torch.rand, name, n, shape, like)


def integers(high: int, name: str, n: int, *shape: int, like: Tensor | None = None) -> Tensor:
    """Whole numbers (n, *shape) from 0 to high - 1, on the device of ``like``."""
    device = None if like is None else like.device

    def kind(*size: int, generator: torch.Generator | None = None, **_: object) -> Tensor:
        return torch.randint(high, size, generator=generator, device=device)

    return _draw(kind, name, n, shape, torch.empty(0, device=device))


def categorical(name: str, weights: Tensor, times: int = 1) -> Tensor:
    r"""Of each row of weights (n, k), ``times`` categories (n, times), drawn with replacement; on their device.

    .. math:: P(j) = w_{ij} / \sum_l w_{il}

    By the inverse of the distribution function in float64: a draw is a function of its own row alone, so that ranks
    and micro-batches agree.

    Raises:
        ValueError: weights are no matrix, or a row of them has a negative or no finite sum.

    Example:
        >>> categorical("item", torch.tensor([[0.0, 1.0], [1.0, 0.0]]), times=3)
        tensor([[1, 1, 1],
                [0, 0, 0]])
    """
    if weights.ndim != 2 or not weights.shape[1]:
        raise ValueError(f"needs weights (n, k), a row for each draw, but got {tuple(weights.shape)}: add a row")
    totals = weights.detach().double().cumsum(1)
    checked = weights.device.type == "cpu"  # elsewhere a look would wait for the device
    if checked and not bool(((totals[:, -1] > 0) & totals[:, -1].isfinite() & (weights >= 0).all(1)).all()):
        raise ValueError("needs weights of at least 0 with a finite sum above 0 in each row: give softmax(logits)")
    marks = uniform(name, len(weights), times, like=totals) * totals[:, -1:]
    last = (weights > 0).double().cumsum(1).argmax(1, keepdim=True)  # a product may round up to the sum itself
    return torch.searchsorted(totals, marks, right=True).minimum(last)


def shared(name: str, *shape: int, like: Tensor | None = None) -> Tensor:
    """Standard normal numbers (*shape), the same on every rank and in every micro-batch: no rows of a batch."""
    part = _part.get()
    device = torch.device("cpu") if like is None else like.device
    dtype = torch.get_default_dtype() if like is None else like.dtype
    generator = None if part is None else _generator(part, name, device)
    return torch.randn(shape, generator=generator, device=device, dtype=dtype)


def _draw(kind: Callable[..., Tensor], name: str, n: int, shape: tuple[int, ...], like: Tensor | None) -> Tensor:
    part = _part.get()
    device = torch.device("cpu") if like is None else like.device
    dtype = torch.get_default_dtype() if like is None else like.dtype
    if not dtype.is_floating_point:
        raise ValueError(f"needs data of floats to draw latents like, but got {dtype}: scale images to [-1, 1]")
    if part is None:
        return kind(n, *shape, device=device, dtype=dtype)
    if n % part.size:
        raise ValueError(
            f"a draw needs whole samples, a multiple of {part.size} rows, but {name!r} asked for {n}: "
            "draw per sample of the batch, or use chance.shared for what is common to all"
        )
    times = n // part.size
    whole = kind(times * part.total, *shape, generator=_generator(part, name, device), device=device, dtype=dtype)
    return whole[times * part.offset : times * (part.offset + part.size)]


def _generator(part: Part, name: str, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(_seed(part.key, scoped(name)))


def _seed(key: Key, name: str) -> int:
    # blake2b and not hash(): the same in every process; one bit less, because torch takes signed seeds
    return (
        int.from_bytes(hashlib.blake2b("|".join(map(str, (*key, name))).encode(), digest_size=8).digest(), "little")
        >> 1
    )
