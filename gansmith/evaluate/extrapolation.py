"""The Frechet distance extrapolated from sets of several sizes: the part that is due to n is gone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.evaluate.frechet import Statistics, frechet_distance
from gansmith.evaluate.vectors import vectors

PARTS = (1, 2, 3)  # the sets whole, in halves, in thirds
LEAST = 4  # vectors for each of their dimensions: thirds must have full rank, and then the values lie on a line


@dataclass(frozen=True)
class Extrapolation:
    """A line through Frechet distances of sets of several sizes.

    Attributes:
        value: the intercept: what is expected of infinitely many vectors. Around zero and of either sign for equal
            distributions.
        points: the mean distance of the whole sets, of their halves, and of their thirds.
    """

    value: float
    points: tuple[float, ...]


def extrapolated_frechet_distance(real: Tensor | Statistics, fake: Tensor, *, seed: int = 0) -> Extrapolation:
    r"""The Frechet distance corrected for the numbers of vectors, as FID-infinity is.

    .. math::
        F(p) = \operatorname{mean}_{i \le p} F(X_{p, i}, Y_{p, i}), \quad p = 1, 2, 3, \qquad
        F(p) \approx F_\infty + c\, p, \qquad F_\infty = \tfrac43 F(1) + \tfrac13 F(2) - \tfrac23 F(3)

    with :math:`X_{p, i}` part i of p equal parts of the real vectors in random order, and Y of the fake ones. A part of
    p has n / p vectors, so that the line in p is a line in 1/n; the value is its intercept, by least squares.

    The estimate has no bias of the order 1/n; its standard error is nearly that of the plain distance, because the
    parts of one set make up the set, so that their errors of first order cancel (``benchmarks/intervals.py`` measures
    both). With `Statistics` in the place of the real vectors only the fakes' n is corrected: how many vectors these are
    of is not known.

    Arguments:
        real: features, shape `(n, d)`, n at least 4 d; or their `Statistics`.
        fake: features, shape `(m, d)`, m at least 4 d.
        seed: of the random order.

    Raises:
        ValueError: where a set has fewer than 4 d vectors: their values lie on no line; and as `frechet_distance`.

    Note:
        Chong and Forsyth take 15 random subsets of growing size from the generated pictures alone, beside fixed
        statistics of the real ones. Here both sets are divided, because both are finite, and parts do not overlap,
        because subsets of a single draw each add noise.

    References:
        Effectively Unbiased FID and Inception Score and where to find them, Chong and Forsyth, 2020,
        https://arxiv.org/abs/1911.07023, section 3.

    Example:
        >>> x, y = torch.randn(2, 600, 8, generator=torch.Generator().manual_seed(0))
        >>> result = extrapolated_frechet_distance(x, y)
        >>> round(result.points[0], 2), abs(result.value) < 0.02  # the true distance is 0
        (0.09, True)
    """
    fake = vectors(fake, "fake features")
    sets = [fake] if isinstance(real, Statistics) else [vectors(real, "real features"), fake]
    d = fake.shape[1]
    if min(map(len, sets)) < LEAST * d:
        sizes = " and ".join(f"{len(x):,}" for x in sets)
        raise ValueError(
            f"needs {LEAST * d:,} vectors for {d:,} features, but got {sizes}: give more, or fewer features"
        )
    generator = torch.Generator().manual_seed(seed)
    shuffled = [x[torch.randperm(len(x), generator=generator).to(x.device)] for x in sets]
    points = []
    for p in PARTS:
        parts = [x.tensor_split(p) for x in shuffled]
        pairs = [(real, part) for part in parts[0]] if isinstance(real, Statistics) else zip(*parts, strict=True)
        points.append(sum(frechet_distance(*pair) for pair in pairs) / p)
    slope = (points[2] - points[0]) / 2  # by least squares at 1, 2, 3
    return Extrapolation(sum(points) / 3 - 2 * slope, tuple(points))
