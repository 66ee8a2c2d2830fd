"""Sliced Wasserstein distance: the cost to move one set onto another, along random lines."""

from __future__ import annotations

import torch
from torch import Tensor

from gansmith.evaluate.vectors import vector_pair

BLOCK = 2**21  # projected values in memory at a time: 16 MiB
LINES = 2**24  # numbers of lines in memory at a time: 128 MiB


def sliced_wasserstein(real: Tensor, fake: Tensor, *, projections: int = 256, p: int = 2, seed: int = 0) -> float:
    r"""Sliced Wasserstein distance between two sets of vectors.

    .. math::
        \text{SW}_p = \Big( \operatorname{mean}_\theta \int_0^1
        \lvert F^{-1}_{\langle \theta, x \rangle}(q) - F^{-1}_{\langle \theta, y \rangle}(q) \rvert^p \, dq
        \Big)^{1/p}, \qquad \lVert \theta \rVert = 1

    It is exact on each line, also for sets of unequal size: both quantile functions are step functions. It is the
    distance of the two sets, with the root, and a biased estimate for the distributions: for equal distributions it is
    above zero, so compare with the value of real against real. The random choice of 256 lines changes it by about 1 %
    in many dimensions; the same seed draws the same lines. A shift by a costs :math:`\lVert a \rVert / \sqrt d` for
    p = 2. (Another metric of the same name uses patches of image pyramids.)

    Arguments:
        real: vectors, shape `(n, d)`.
        fake: vectors, shape `(m, d)`.
        projections: the number of lines.
        p: the power, usually 1 or 2.
        seed: of the lines.

    Returns:
        The distance, in units of the vectors; computed in float64.

    Raises:
        ValueError: where a set is empty, a value is not finite, the dimensions differ, or an argument is below 1.

    References:
        Sliced and Radon Wasserstein barycenters of measures, Bonneel et al., 2015,
        https://doi.org/10.1007/s10851-014-0506-3, section 2.

    Example:
        >>> sliced_wasserstein(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0], [2.0], [3.0]]))
        2.0
    """
    x, y = vector_pair(real, fake, "vectors")
    if projections < 1 or p < 1:
        raise ValueError(f"needs a line and a power of 1 or more, but got {projections} lines and p = {p}: raise them")
    n, m = len(x), len(y)
    # All steps of both functions, scaled to integers: a step of x at i / n becomes i m, of y at j / m becomes j n.
    ends = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).unique()
    widths = ends.diff(prepend=ends.new_zeros(1)).to(x) / (n * m)
    i, j = ((ends - 1) // m).to(x.device), ((ends - 1) // n).to(x.device)
    generator = torch.Generator().manual_seed(seed)
    total, at_once = 0.0, max(1, LINES // x.shape[1])
    for first in range(0, projections, at_once):
        count = min(at_once, projections - first)
        lines = torch.randn(count, x.shape[1], generator=generator, dtype=torch.float64)
        lines = torch.nn.functional.normalize(lines).to(x.device)
        for part in lines.split(max(1, BLOCK // (n + m))):
            quantiles_x, quantiles_y = ((part @ z.T).sort(1).values for z in (x, y))
            total += float(((quantiles_x[:, i] - quantiles_y[:, j]).abs() ** p @ widths).sum())
    return float((total / projections) ** (1 / p))
