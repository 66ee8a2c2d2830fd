"""Memorization: whether generated samples are nearer to the training samples than other real samples are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.evaluate.neighbors import nearest
from gansmith.evaluate.vectors import vector_pair

CELLS_OF = 10_000  # k-means is fitted on at most so many training samples; neighbors are searched among all
ENOUGH = 20  # a cell needs more samples than this


@dataclass(frozen=True)
class Memorization:
    """How near samples are to the training samples. Compare each number with that of held-out real samples.

    Attributes:
        nearest_ratio: median of d(sample, train) / d(sample, held-out); 0 for copies.
        floor: the same for held-out real samples; `nearest_ratio / floor` is about 1 without copying.
        c_t: a z-score, about 0 without copying. Far below 0 (-3), samples are nearer to the training samples than real
            ones are; far above 0, they are farther. NaN if no cell has enough samples.
        authenticity: share of samples that are farther from their nearest training sample than that is from its own
            nearest neighbor.
        authenticity_of_real: the same for held-out real samples; it is far below 1 already.
    """

    nearest_ratio: float
    floor: float
    c_t: float
    authenticity: float
    authenticity_of_real: float


def memorization(fake: Tensor, train: Tensor, held_out: Tensor, *, cells: int = 3, seed: int = 0) -> Memorization:
    r"""Ratio of nearest-neighbor distances, C_T of Meehan et al., and authenticity of Alaa et al.

    .. math::
        \text{ratio} = \operatorname{median}_g \frac{d(g, T)}{d(g, H_2)}, \quad
        \text{floor} = \operatorname{median}_{h \in H_1} \frac{d(h, T)}{d(h, H_2)}, \qquad
        \text{authentic: } d(t, T \setminus t) < d(g, t), \; t = \operatorname{nearest}_T(g)

    with the distance d to the nearest sample of a set, the training samples T, and two random halves of the held-out
    samples. T is usually larger than a half, and its nearest sample is nearer for that reason alone; the floor, with
    the same sets, shows how much. (A subset of T would make the floor 1, but miss copies of the rest.)

    .. math::
        C_T = \frac{\sum_\pi P(\pi) Z(\pi)}{\sum_\pi P(\pi)}, \qquad
        Z = \frac{U - (n m / 2 - 1 / 2)}{\sqrt{n m (n + m + 1) / 12}}, \qquad
        U = \lvert \{ (g, h) : d(g, T) > d(h, T) \} \rvert

    over cells of k-means on T, with the n held-out samples h and the m samples g of a cell, ties counted half, and
    P the share of held-out samples. Cells with at most 20 generated samples are left out (the authors' tau is 20 over
    their number), and cells without a held-out sample have weight zero. The correction of 1/2 is one-sided, as in the
    authors' code. |C_T| > 3 is a safe threshold, since a mean of several z-scores varies less than a single one.

    Arguments:
        fake: vectors of generated samples, shape `(m, d)`.
        train: vectors of the training samples, shape `(n, d)`, n at least 2.
        held_out: vectors of other real samples, shape `(k, d)`, k at least 2.
        cells: the number of clusters of k-means.
        seed: of k-means and of the random halves.

    Raises:
        ValueError: where a set is too small, a value is not finite, or the dimensions differ.

    References:
        A non-parametric test to detect data-copying in generative models, Meehan, Chaudhuri, Dasgupta, 2020,
        https://arxiv.org/abs/2004.05675, section 3; How faithful is your synthetic data?, Alaa et al., 2022,
        https://arxiv.org/abs/2102.08921, section 3.

    Example:
        >>> train, held_out = torch.randn(2, 200, 3, generator=torch.Generator().manual_seed(0))
        >>> result = memorization(train[:100], train, held_out)
        >>> result.nearest_ratio, result.c_t < -3, result.authenticity
        (0.0, True, 0.0)
    """
    train, held_out = vector_pair(train, held_out, "samples", least=2)
    train, fake = vector_pair(train, fake, "samples")
    order = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(seed)).to(held_out.device)
    first, second = held_out[order].tensor_split(2)
    to_train, neighbor = (column[:, 0] for column in nearest(fake, train))
    real_to_train, real_neighbor = (column[:, 0] for column in nearest(held_out, train))
    return Memorization(
        _median_ratio(to_train, nearest(fake, second)[0][:, 0]),
        _median_ratio(real_to_train[order][: len(first)], nearest(first, second)[0][:, 0]),
        _c_t(to_train, real_to_train, _cells(train, (fake, held_out), cells, seed)),
        _authentic(to_train, neighbor, train),
        _authentic(real_to_train, real_neighbor, train),
    )


def _median_ratio(near: Tensor, other: Tensor) -> float:
    """The median of the ratio of distances; 1 where both are equal, even if both are 0."""
    return float(torch.where(near == other, 1.0, near / other).quantile(0.5))


def _authentic(distances: Tensor, neighbor: Tensor, train: Tensor) -> float:
    rows, places = neighbor.unique(return_inverse=True)
    spacing = nearest(train[rows], train, 2)[0][:, 1]  # column 0 is the sample itself, or a copy of it
    return float((spacing[places] < distances).double().mean())


def _cells(train: Tensor, sets: tuple[Tensor, Tensor], cells: int, seed: int) -> list[Tensor]:
    """The cell of each vector of each set."""
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # copies may give fewer clusters
        some = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))[:CELLS_OF].sort().values
        means = KMeans(min(cells, len(train)), n_init=1, random_state=seed).fit(
            train[some.to(train.device)].cpu().numpy()
        )
    centers = torch.from_numpy(means.cluster_centers_).to(train)
    return [nearest(x, centers)[1][:, 0] for x in sets]


def _c_t(fake: Tensor, held_out: Tensor, cells: list[Tensor]) -> float:
    total, weight = 0.0, 0.0
    for cell in cells[1].unique():
        g, h = fake[cells[0] == cell], held_out[cells[1] == cell]
        if len(g) > ENOUGH:
            total += len(h) * _z(g, h)
            weight += len(h)
    return total / weight if weight else math.nan


def _z(g: Tensor, h: Tensor) -> float:
    """The standardized Mann-Whitney statistic."""
    h, m, n = h.sort().values.contiguous(), len(g), len(h)
    below, up_to = torch.searchsorted(h, g, right=False), torch.searchsorted(h, g, right=True)
    u = float((below + up_to).sum()) / 2
    return (u - (n * m / 2 - 0.5)) / math.sqrt(n * m * (n + m + 1) / 12)
