"""A duel (critic, real, fake): all that an objective sees, and what objectives and penalties do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

Sample = Tensor | tuple[Tensor, ...]
Critic = Callable[[Any], Any]
"""Takes a sample; returns scores (n,) or features (n, m). A module, a :class:`View`, or any function.

A critic of scores may return a tuple (scores, extra): objectives read the scores, and what else a term needs (feature
maps, a code's rate) comes from the same pass.
"""

_crossing: ContextVar[bool] = ContextVar("crossing", default=False)
_places: ContextVar[bool] = ContextVar("places", default=False)


def parts(sample: Sample) -> tuple[Tensor, ...]:
    """The tensors of a sample: one, or several where samples are tuples such as (image, code)."""
    return sample if isinstance(sample, tuple) else (sample,)


def alike(sample: Sample, tensors: Sequence[Tensor]) -> Sample:
    """The tensors in the form of ``sample``: a tuple where it is one."""
    return tuple(tensors) if isinstance(sample, tuple) else tensors[0]


def size(sample: Sample) -> int:
    """The number of samples.

    Raises:
        ValueError: no tensor of a batch, and no tuple of such.
    """
    first = sample[0] if isinstance(sample, tuple) and sample else sample
    if not isinstance(first, Tensor) or not first.ndim:
        got = "a tensor without a batch" if isinstance(first, Tensor) else type(sample).__name__
        raise ValueError(f"needs a batch of samples, a tensor (n, ...) or a tuple of such, but got {got}")
    return len(first)


def score(critic: Critic, sample: Sample) -> Tensor:
    """One score per sample, shape (n,), high where real; never in half precision, because losses are sums.

    Of a tuple (scores, extra) it is the first entry; inside :func:`places` a map has a score at each of its places.

    Raises:
        ValueError: any other shape. (n, 1) against (n,) would silently broadcast to (n, n).

    Example:
        >>> score(lambda x: x.sum(1), torch.ones(2, 3))
        tensor([3., 3.])
        >>> score(nn.Linear(3, 1), torch.ones(2, 3))
        Traceback (most recent call last):
        ...
        ValueError: needs one score per sample, shape (2,), but the critic returned (2, 1): add .squeeze(1)
    """
    n = size(sample)
    output = _called(critic, sample)
    output = _tensor(output[0] if isinstance(output, tuple) and output else output, n, "scores, or (scores, extra)")
    if _places.get() and output.ndim > 1 and len(output) == n:
        return full(output.flatten())
    if output.shape != (n,):
        cure = {
            (n, 1): "add .squeeze(1)",
            (): "return each sample's score, not their mean",
        }.get(
            tuple(output.shape),
            "let every place count by Patchwise(objective), or take an objective of features, which reads (n, m)"
            if output.ndim == 2
            else "reduce over all but the batch, or let every place count by Patchwise(objective)",
        )
        raise ValueError(
            f"needs one score per sample, shape ({n},), but the critic returned {tuple(output.shape)}: {cure}"
        )
    return full(output)


def features(critic: Critic, sample: Sample) -> Tensor:
    """Features of each sample, shape (n, m), for objectives that match moments; of a tuple the first entry.

    Raises:
        ValueError: any other shape.

    Example:
        >>> features(nn.Linear(3, 4), torch.ones(2, 3)).shape
        torch.Size([2, 4])
    """
    n = size(sample)
    output = _called(critic, sample)
    output = _tensor(output[0] if isinstance(output, tuple) and output else output, n, "features, or (features, extra)")
    if output.ndim != 2 or len(output) != n:
        cure = "add .flatten(1)" if output.ndim > 2 else "return the layer before the score"
        raise ValueError(
            f"needs features of each sample, shape ({n}, m), but the critic returned {tuple(output.shape)}: {cure}"
        )
    return full(output)


def _called(critic: Critic, sample: Sample) -> Any:
    try:
        return critic(sample)
    except RuntimeError as error:
        if mixed := _mixture(critic, sample):
            raise ValueError(mixed) from error
        raise


def _mixture(critic: Critic, sample: Sample) -> str:
    """What does not go together, where that is why a critic failed."""
    module = getattr(critic, "module", critic)
    weight = next(module.parameters(), None) if isinstance(module, nn.Module) else None
    for part in parts(sample):
        if weight is None or (part.dtype, part.device) == (weight.dtype, weight.device):
            continue
        if not part.is_floating_point() and part.device == weight.device:
            return (
                f"needs samples that the critic takes, but it failed on samples of {part.dtype}: scale pictures to "
                "[-1, 1], embed what counts or names"
            )
        return (
            f"needs samples like the critic's weights, but the critic's weights are {weight.dtype} on {weight.device} "
            f"and the samples {part.dtype} on {part.device}: move one of them by .to(...), or cast under autocast"
        )
    return ""


def _tensor(output: Any, n: int, wanted: str) -> Tensor:
    if n == 0:
        raise ValueError("needs at least one sample, but got an empty batch: drop the last, partial batch")
    if not isinstance(output, Tensor):
        cure = "take Several(objective)" if isinstance(output, (list, tuple)) else "return it as such"
        raise ValueError(f"needs a critic that returns one tensor of {wanted}, but got {type(output).__name__}: {cure}")
    return output


def full(output: Tensor) -> Tensor:
    """In float32 where it is in half precision: sums and squares need it. Otherwise as it is."""
    return output.float() if output.dtype in (torch.bfloat16, torch.float16) else output


def same_shape(real: Sample, fake: Sample) -> None:
    """Distances and segments are taken number by number.

    Raises:
        ValueError: the batches, or what belongs to a sample, differ in shape; torch would broadcast.
    """
    same_size(real, fake)
    shapes = [[tuple(p.shape) for p in parts(sample)] for sample in (real, fake)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"needs real and fake samples of one shape, but got {shapes[0]} real and {shapes[1]} fake: "
            "does the generator make what the data are?"
        )


def same_size(real: Sample, fake: Sample) -> None:
    """Pairs are made by position.

    Raises:
        ValueError: the batches differ in size.
    """
    if size(real) != size(fake):
        raise ValueError(
            f"needs pairs, as many fake as real samples, but got {size(real)} real and {size(fake)} fake: "
            "draw one latent for each real sample"
        )


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
def places() -> Iterator[None]:
    """Inside, :func:`score` reads maps (n, ...) as well: the scores of all places of all samples, one after another."""
    token = _places.set(True)
    try:
        yield
    finally:
        _places.reset(token)


@contextmanager
def crossing(wanted: bool) -> Iterator[None]:
    """Inside, :func:`still` keeps the graph: cross derivatives between players exist."""
    token = _crossing.set(wanted)
    try:
        yield
    finally:
        _crossing.reset(token)


@contextmanager
def full_precision(like: Tensor) -> Iterator[None]:
    """Inside, autocast rests: second moments, distances and decompositions need all digits."""
    if not torch.amp.is_autocast_available(like.device.type):
        yield
        return
    with torch.autocast(like.device.type, enabled=False):
        yield
