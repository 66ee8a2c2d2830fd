"""Kernel distance (KID): squared MMD with a polynomial kernel, with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.evaluate.vectors import vector_pair

LARGEST = 1e20
BLOCK = 2**21  # kernel values in memory at a time: 16 MiB


@dataclass(frozen=True)
class KernelDistance:
    """A kernel distance and its standard error.

    Attributes:
        value: the estimate, without unit; around zero and of either sign for equal distributions.
        error: its standard error over draws of both sets.
    """

    value: float
    error: float


def kernel_distance(real: Tensor, fake: Tensor) -> KernelDistance:
    r"""Kernel distance between two sets of features; with the features of Inception it is the KID.

    .. math::
        \text{MMD}^2 = \frac{\sum_{i \ne j} k(x_i, x_j)}{n (n - 1)} + \frac{\sum_{i \ne j} k(y_i, y_j)}{m (m - 1)}
        - \frac{2 \sum_{ij} k(x_i, y_j)}{n m}, \qquad k(u, v) = \left( \tfrac{1}{d} \langle u, v \rangle + 1 \right)^3

    over all pairs, without subsets, and unbiased: values below zero are possible; no clamp and no root is applied.
    It compares moments up to the third, the Frechet distance only two; and its mean does not depend on n.

    The standard error is that of a U-statistic of two sets. With the projections

    .. math::
        a_i = \operatorname{mean}_{j \ne i} k(x_i, x_j) - \operatorname{mean}_j k(x_i, y_j), \qquad
        b_j = \operatorname{mean}_{i \ne j} k(y_i, y_j) - \operatorname{mean}_i k(x_i, y_j)

    the variance is :math:`\max(A - 2 R, 0) + R`, where :math:`A = 4 s^2_a / n + 4 s^2_b / m`, and R is the
    residual variance of the kernels after the projections. A contains R twice, from the noise of the projections; for
    equal distributions R is the whole variance, and A alone would give 1.4 times the error. In simulations the error is
    within a tenth for unequal distributions, and up to 1.15 times too large for equal ones. The value's
    distribution is skewed where n is small: at n = 120, intervals of 1.96 errors hold the true value in 86 to 100 %.

    Memory is bounded for any n and m; time grows as `(n + m)^2 d`.

    Arguments:
        real: features, shape `(n, d)`, n at least 4.
        fake: features, shape `(m, d)`, m at least 4.

    Raises:
        ValueError: where a set has fewer than four vectors or a value that is not finite, or where the dimensions
            differ.

    References:
        Demystifying MMD GANs, Binkowski et al., 2018, https://arxiv.org/abs/1801.01401, section 4; A class of
        statistics with asymptotically normal distribution, Hoeffding, 1948,
        https://doi.org/10.1214/aoms/1177730196, for the error.

    Example:
        >>> x = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]])
        >>> kernel_distance(x, x + 1).value
        10.33...
    """
    x, y = vector_pair(real, fake, "features", least=4)
    largest = max(float(x.abs().amax()), float(y.abs().amax()))
    if largest > LARGEST:
        raise ValueError(
            f"needs features up to {LARGEST:g}, whose sixth powers do not overflow, but got {largest:g}: scale them"
        )
    n, m = len(x), len(y)
    (own_x, _, square_x), (own_y, _, square_y) = _sums(x, x), _sums(y, y)
    cross_x, cross_y, square_xy = _sums(x, y)
    diagonal_x, diagonal_y = _kernel(x.square().sum(1), x), _kernel(y.square().sum(1), y)
    own_x, own_y = (own_x - diagonal_x) / (n - 1), (own_y - diagonal_y) / (m - 1)
    cross_x, cross_y = cross_x / m, cross_y / n
    a, b = own_x - cross_x, own_y - cross_y
    rest = (
        2 * _rest_within(own_x, square_x - float(diagonal_x.square().sum())) / (n * (n - 1))
        + 2 * _rest_within(own_y, square_y - float(diagonal_y.square().sum())) / (m * (m - 1))
        + 4 * _rest_between(cross_x, cross_y, square_xy) / (n * m)
    )
    variance = max(float(4 * a.var() / n + 4 * b.var() / m) - 2 * rest, 0.0) + rest
    return KernelDistance(float(a.mean() + b.mean()), variance**0.5)


def _kernel(products: Tensor, x: Tensor) -> Tensor:
    return (products / x.shape[1] + 1) ** 3


def _sums(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, float]:
    """Sums of the kernel over y (n,) and over x (m,), and the sum of its squares."""
    rows = max(1, BLOCK // len(y))
    over_y, over_x, squares = [], torch.zeros_like(y[:, 0]), 0.0
    for part in x.split(rows):
        values = _kernel(part @ y.T, x)
        over_y.append(values.sum(1))
        over_x += values.sum(0)
        squares += float(values.square().sum())
    return torch.cat(over_y), over_x, squares


def _rest_within(means: Tensor, squares: float) -> float:
    """The variance of k(x_i, x_j), i != j, without the effects of i and of j; `means` (n,) over j."""
    n = len(means)
    grand = float(means.mean())
    terms = (means - grand) * (n - 1) / (n - 2)
    left = squares - n * (n - 1) * grand**2 - 2 * (n - 2) * float(terms.square().sum())
    return max(left, 0.0) / (n * (n - 3))


def _rest_between(rows: Tensor, columns: Tensor, squares: float) -> float:
    """The variance of k(x_i, y_j) without the effects of i and of j; means (n,) over j and (m,) over i."""
    n, m = len(rows), len(columns)
    grand = float(rows.mean())
    explained = m * (rows - grand).square().sum() + n * (columns - grand).square().sum()
    return max(squares - n * m * grand**2 - float(explained), 0.0) / ((n - 1) * (m - 1))
