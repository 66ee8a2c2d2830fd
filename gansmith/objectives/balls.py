"""The unit balls of l1, l2 and l-infinity: projections, and the norms conjugate to them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

CONJUGATE = {1.0: math.inf, 2.0: 2.0, math.inf: 1.0}
r"""By p, the q with :math:`1/p + 1/q = 1`."""


def conjugate(p: float) -> float:
    """The exponent q of the dual norm.

    Raises:
        ValueError: p is none of 1, 2 and infinity.

    Example:
        >>> conjugate(1), conjugate(2), conjugate(math.inf)
        (inf, 2.0, 1.0)
    """
    if p not in CONJUGATE:
        raise ValueError(f"needs a ball of p = 1, 2 or math.inf, but got p={p!r}")
    return CONJUGATE[p]


def project(v: Tensor, p: float) -> Tensor:
    r"""The nearest point of the ball :math:`\|v\|_p \le 1` in Euclidean distance, for a vector v (m,).

    Inside points stay. For p = 1 it is soft thresholding, :math:`\mathrm{sign}(v)[|v| - \tau]_+`, with the threshold
    from the sorted absolute values.

    References:
        Efficient Projections onto the l1-Ball for Learning in High Dimensions, Duchi et al., 2008,
        https://doi.org/10.1145/1390156.1390191, figure 1.

    Example:
        >>> project(torch.tensor([0.9, -0.9]), 1), project(torch.tensor([3.0, 4.0]), 2)
        (tensor([ 0.5000, -0.5000]), tensor([0.6000, 0.8000]))
    """
    conjugate(p)
    if p == math.inf:
        return v.clamp(-1, 1)
    if p == 2:
        inside: Tensor = v / v.norm().clamp(min=1)
        return inside
    if v.abs().sum() <= 1:
        return v
    below = v.abs() - v.abs().max()  # from the largest down: beside a large number 1 is lost
    sorted_, index = below.sort(descending=True)[0], torch.arange(1, len(v) + 1, device=v.device)
    thresholds = (sorted_.cumsum(0) - 1) / index
    last = int((sorted_ > thresholds).sum()) - 1
    return v.sign() * (below - thresholds[last]).clamp(min=0)


def maximizer(gap: Tensor, p: float) -> Tensor:
    r"""The v of the ball that maximizes :math:`\langle v, \delta \rangle`, for a gap :math:`\delta` (m,).

    The first largest coordinate for p = 1, the direction for p = 2, the signs for p = infinity.

    Example:
        >>> maximizer(torch.tensor([1.0, -3.0]), 1)
        tensor([ 0., -1.])
    """
    conjugate(p)
    if p == math.inf:
        return gap.sign()
    if p == 2:
        return torch.nn.functional.normalize(gap, dim=0)
    place = gap.abs().argmax()
    return torch.zeros_like(gap).scatter(0, place[None], gap[place].sign()[None])
