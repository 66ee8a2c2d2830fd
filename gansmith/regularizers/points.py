"""The points at which a penalty on slopes is taken: functions of (real, fake) that return a list of samples."""

from __future__ import annotations

from torch import Tensor

from gansmith import chance
from gansmith.duel.ranks import gather
from gansmith.duel.samples import Sample, alike, parts
from gansmith.duel.slopes import interpolate


def between(real: Sample, fake: Sample) -> list[Sample]:
    """On segments from real to fake samples.

    Example:
        >>> import torch
        >>> (x,) = between(torch.zeros(4, 2), torch.ones(4, 2))
        >>> bool(((0 <= x) & (x < 1)).all())
        True
    """
    return [interpolate(real, fake)]


def within(real: Sample, fake: Sample) -> list[Sample]:
    """On segments from real to real and from fake to fake samples; the partner is the next of the global batch.

    A batch's parts depend on each other then: a term that uses it is no mean over samples.

    Example:
        >>> import torch
        >>> x, y = within(torch.zeros(4, 2), torch.ones(4, 2))
        >>> bool(x.eq(0).all()), bool(y.eq(1).all())
        (True, True)
    """
    return [interpolate(real, following(real), "real"), interpolate(fake, following(fake), "fake")]


def mixed(real: Sample, fake: Sample) -> list[Sample]:
    """:func:`between` and :func:`within`: three kinds of segments."""
    return [*between(real, fake), *within(real, fake)]


def on_both(real: Sample, fake: Sample) -> list[Sample]:
    """At real and at fake samples."""
    return [real, fake]


def on_real(real: Sample, fake: Sample) -> list[Sample]:
    """At real samples."""
    return [real]


def on_fake(real: Sample, fake: Sample) -> list[Sample]:
    """At fake samples."""
    return [fake]


def following(sample: Sample) -> Sample:
    """For each sample the next one of the global batch, for the last the first: a second sample without a permutation.

    Integer parts of a tuple stay.

    Example:
        >>> import torch
        >>> following(torch.tensor([1.0, 2.0, 3.0]))
        tensor([2., 3., 1.])
    """
    return alike(sample, [_next(p) if p.is_floating_point() else p for p in parts(sample)])


def _next(rows: Tensor) -> Tensor:
    everyone, part = gather(rows).roll(-1, 0), chance.current()
    if part is None or part.group is None:
        return everyone
    start = len(rows) // part.size * part.offset
    return everyone[start : start + len(rows)]
