"""Precision, recall, density and coverage: whether fakes lie near reals, and whether they cover all reals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.evaluate.neighbors import close_pairs, nearest, squared_distances
from gansmith.evaluate.vectors import vector_pair


@dataclass(frozen=True)
class Manifold:
    """How two sets cover each other's neighborhoods; read the other numbers only together with `coverage`.

    Attributes:
        precision: share of fakes within the neighborhood of a real vector; pure noise can have 1.
        recall: share of reals within the neighborhood of a fake.
        density: the number of real neighborhoods that contain a fake, on average, divided by k; 1 for equal
            distributions, and may be larger.
        coverage: share of real neighborhoods that contain a fake; about 1 - 2^-k for equal distributions and
            equal numbers, see `expected_coverage`.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(real: Tensor, fake: Tensor, *, neighbors: int = 5, precision_neighbors: int = 3) -> Manifold:
    r"""Precision and recall (Kynkaanniemi et al.) and density and coverage (Naeem et al.), in one pass.

    .. math::
        \text{precision} &= \tfrac{1}{m} \sum_j 1[\exists i: d_{ij} \le r_3(x_i)], &
        \text{recall} &= \tfrac{1}{n} \sum_i 1[\exists j: d_{ij} \le r_3(y_j)] \\
        \text{density} &= \tfrac{1}{k m} \sum_j \sum_i 1[d_{ij} < r_k(x_i)], &
        \text{coverage} &= \tfrac{1}{n} \sum_i 1[\min_j d_{ij} < r_k(x_i)]

    with the distance :math:`r_k` of a vector to its k-th nearest neighbor in its own set, itself not counted:
    :math:`\le` for the first two and :math:`<` for the others, as in the papers. This matters for copies: if the
    fakes are a copy of the reals, density is 1.

    Comparisons that rounding could change are made with float64 differences, so that ties are exact.
    Memory is bounded for any n and m; time grows as `(n + m)^2 d`.

    Arguments:
        real: features, shape `(n, d)`, more of them than neighbors.
        fake: features, shape `(m, d)`, more of them than `precision_neighbors`. Compare only values of equal n
            and m.
        neighbors: k of density and coverage.
        precision_neighbors: k of precision and recall.

    Raises:
        ValueError: where a set is too small or a value is not finite, or where the dimensions differ.

    References:
        Improved precision and recall metric for assessing generative models, Kynkaanniemi et al., 2019,
        https://arxiv.org/abs/1904.06991, equations (1) and (2); Reliable fidelity and diversity metrics for
        generative models, Naeem et al., 2020, https://arxiv.org/abs/2002.09797, equations (3) and (4).

    Example:
        >>> real = torch.arange(10.0)[:, None]
        >>> manifold(real, torch.full((10, 1), 4.5), neighbors=2, precision_neighbors=2)
        Manifold(precision=1.0, recall=0.0, density=1.0, coverage=0.2)
    """
    real, fake = vector_pair(real, fake, "features", least=2)
    k, most = max(neighbors, precision_neighbors), len(real) - 1
    if not 1 <= min(neighbors, precision_neighbors) <= k <= most or precision_neighbors >= len(fake):
        raise ValueError(
            f"needs more features than neighbors, but got {len(real)} real and {len(fake)} fake ones for "
            f"{neighbors} neighbors ({precision_neighbors} of precision and recall): give more, or ask for 1 or more"
        )
    radii = _squared_radii(real, (neighbors, precision_neighbors))
    dense, near = radii[0], radii[1]
    near_fake = _squared_radii(fake, (precision_neighbors,))[0]
    hits = 0
    is_covered, is_recalled = torch.zeros(2, len(real), dtype=torch.bool, device=real.device)
    is_precise = torch.zeros(len(fake), dtype=torch.bool, device=real.device)
    for i, j, squares in close_pairs(real, fake, [dense, near], [near_fake]):
        inside = squares < dense[i]
        hits += int(inside.sum())
        is_covered[i[inside]] = True
        is_precise[j[squares <= near[i]]] = True
        is_recalled[i[squares <= near_fake[j]]] = True
    share = [float(x.double().mean()) for x in (is_precise, is_recalled, is_covered)]
    return Manifold(share[0], share[1], hits / (neighbors * len(fake)), share[2])


def expected_coverage(real: int, fake: int, neighbors: int = 5) -> float:
    r"""The coverage that fakes of the same distribution are expected to have.

    .. math::
        1 - \prod_{i=0}^{k-1} \frac{n - 1 - i}{n + m - 1 - i}

    A real neighborhood stays empty where the k nearest of the other n - 1 + m vectors are all real.

    Arguments:
        real: n, the number of real vectors.
        fake: m, the number of fakes.
        neighbors: k.

    References:
        Reliable fidelity and diversity metrics for generative models, Naeem et al., 2020,
        https://arxiv.org/abs/2002.09797, section 3.2.

    Example:
        >>> round(expected_coverage(200, 200), 4)
        0.9699
    """
    return 1 - math.prod((real - 1 - i) / (real + fake - 1 - i) for i in range(neighbors))


def _squared_radii(x: Tensor, neighbors: tuple[int, ...]) -> list[Tensor]:
    """Squared distances (n,) to the k-th neighbors, bit for bit as by `squared_distances`."""
    _, rows = nearest(x, k=max(neighbors))
    own = torch.arange(len(x), device=x.device)
    return [squared_distances(x, x, own, rows[:, k - 1]) for k in neighbors]
