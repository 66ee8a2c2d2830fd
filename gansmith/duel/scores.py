"""What objectives and penalties read of a critic: scores and features; and what is constant where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from gansmith.duel.checks import call, check_features, check_scores, check_tensor
from gansmith.duel.samples import Critic, Sample, parts, size

__all__ = ["Critic", "Sample", "crossing", "features", "full", "full_precision", "parts", "places", "score", "still"]

_crossing: ContextVar[bool] = ContextVar("crossing", default=False)
_places: ContextVar[bool] = ContextVar("places", default=False)


def score(critic: Critic, sample: Sample) -> Tensor:
    """One score per sample, shape (n,), high where real; never in half precision, because losses are sums.

    Of a tuple (scores, extra) it is the first entry; inside :func:`places` a map has a score at each of its places.

    Raises:
        ValueError: any other shape. (n, 1) against (n,) would silently broadcast to (n, n).

    Example:
        >>> score(lambda x: x.sum(1), torch.ones(2, 3))
        tensor([3., 3.])
        >>> score(torch.nn.Linear(3, 1), torch.ones(2, 3))
        Traceback (most recent call last):
        ...
        ValueError: needs one score per sample, shape (2,), but the critic returned (2, 1): add .squeeze(1)
    """
    output = _first(critic, sample, "scores, or (scores, extra)")
    if _places.get() and output.ndim > 1 and len(output) == size(sample):
        return full(output.flatten())
    check_scores(output, size(sample))
    return full(output)


def features(critic: Critic, sample: Sample) -> Tensor:
    """Features of each sample, shape (n, m), for objectives that match moments; of a tuple the first entry.

    Raises:
        ValueError: any other shape.

    Example:
        >>> features(torch.nn.Linear(3, 4), torch.ones(2, 3)).shape
        torch.Size([2, 4])
    """
    output = _first(critic, sample, "features, or (features, extra)")
    check_features(output, size(sample))
    return full(output)


def _first(critic: Critic, sample: Sample, what: str) -> Tensor:
    n = size(sample)
    output = call(critic, sample)
    return check_tensor(output[0] if isinstance(output, tuple) and output else output, n, what)


def full(output: Tensor) -> Tensor:
    """In float32 where it is in half precision: sums and squares need it. Otherwise as it is."""
    return output.float() if output.dtype in (torch.bfloat16, torch.float16) else output


@contextmanager
def full_precision(like: Tensor) -> Iterator[None]:
    """Inside, autocast is off: second moments, distances and decompositions need all digits."""
    if not torch.amp.is_autocast_available(like.device.type):
        yield
        return
    with torch.autocast(like.device.type, enabled=False):
        yield


@contextmanager
def places() -> Iterator[None]:
    """Inside, :func:`score` reads maps (n, ...) as well: the scores of all places of all samples, one after another."""
    token = _places.set(True)
    try:
        yield
    finally:
        _places.reset(token)


@contextmanager
def still() -> Iterator[None]:
    """What is computed inside is a constant, unless a dynamics asks how one player's gradient moves with another."""
    if _crossing.get():
        yield
        return
    with torch.no_grad():
        yield
    # autocast remembers casts of weights, also those made without a graph: the next pass with gradients would use them
    torch.clear_autocast_cache()


@contextmanager
def crossing(wanted: bool) -> Iterator[None]:
    """Inside, :func:`still` keeps the graph: cross derivatives between players exist."""
    token = _crossing.set(wanted)
    try:
        yield
    finally:
        _crossing.reset(token)
