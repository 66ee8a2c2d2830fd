"""What a sample and a critic are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

Sample = Tensor | tuple[Tensor, ...]
"""A batch of samples (n, ...), or a tuple of such where a sample has several parts, such as (image, code)."""
Critic = Callable[[Any], Any]
"""Takes a sample; returns scores (n,) or features (n, m). A module, a :class:`View`, or any function.

A critic of scores may return a tuple (scores, extra): objectives read the scores, and what else a term needs (feature
maps, a code's rate) comes from the same pass.
"""


def parts(sample: Sample) -> tuple[Tensor, ...]:
    """The tensors of a sample: one, or several where samples are tuples such as (image, code)."""
    return sample if isinstance(sample, tuple) else (sample,)


def alike(sample: Sample, tensors: Sequence[Tensor]) -> Sample:
    """The tensors in the form of ``sample``: a tuple where it is one."""
    return tuple(tensors) if isinstance(sample, tuple) else tensors[0]


def size(sample: Sample) -> int:
    """The number of samples.

    Raises:
        ValueError: it is neither a tensor with a batch dimension nor a tuple of such tensors.
    """
    first = sample[0] if isinstance(sample, tuple) and sample else sample
    if not isinstance(first, Tensor) or not first.ndim:
        got = "a tensor without a batch" if isinstance(first, Tensor) else type(sample).__name__
        raise ValueError(f"needs a batch of samples, a tensor (n, ...) or a tuple of such, but got {got}")
    return len(first)
