"""Energy distance: a distance between two sets; it is zero only for equal distributions."""

from __future__ import annotations

import torch
from torch import Tensor

from gansmith.evaluate.vectors import vector_pair

BLOCK = 2**22  # distances in memory at a time: 32 MiB


def energy_distance(x: Tensor, y: Tensor) -> float:
    r"""Energy distance between two sets of vectors.

    .. math::
        2\, E\lVert X - Y \rVert - E\lVert X - X' \rVert - E\lVert Y - Y' \rVert

    as a U-statistic: a vector is not paired with itself, so that the estimate is unbiased and may be a little
    below zero for equal distributions; it is not clamped, and it is not the root that
    `scipy.stats.energy_distance` returns. Memory is bounded for any n and m; time grows as `(n + m)^2 d`.

    Arguments:
        x: vectors, shape `(n, d)`, n at least 2.
        y: vectors, shape `(m, d)`, m at least 2.

    Returns:
        The estimate, in units of the vectors.

    Raises:
        ValueError: where a set has fewer than two vectors or a value that is not finite, or where the
            dimensions differ.

    References:
        Energy statistics: a class of statistics based on distances, Szekely, Rizzo, 2013,
        https://doi.org/10.1016/j.jspi.2013.03.018, equation (5.1).

    Example:
        >>> energy_distance(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]]))
        2.0
    """
    x, y = vector_pair(x, y, "vectors", least=2)
    center = (x.mean(0) + y.mean(0)) / 2  # far from zero, squared norms would cancel
    x, y = x - center, y - center
    n, m = len(x), len(y)
    within = total_distance(x, x) / (n * (n - 1)) + total_distance(y, y) / (m * (m - 1))
    return 2 * total_distance(x, y) / (n * m) - within


def total_distance(x: Tensor, y: Tensor) -> float:
    """The sum of all distances from a row of x to a row of y; float64, and centered for accuracy."""
    rows = max(1, BLOCK // len(y))
    # The Gram matrix is ten times faster in many dimensions; its error between copies is 1e-8 of the spread.
    mode = "donot_use_mm_for_euclid_dist" if x.shape[1] <= 32 else "use_mm_for_euclid_dist"
    total = 0.0
    for start in range(0, len(x), rows):
        total += float(torch.cdist(x[start : start + rows], y, compute_mode=mode).sum())
    return total
