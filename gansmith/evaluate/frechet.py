"""Frechet distance between two Gaussians with the means and covariances of two sets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.evaluate.vectors import check_same_dimension, vectors

ROUNDING = 1e-5  # of a covariance that was computed in single precision, beside its largest entry


@dataclass(frozen=True)
class Moments:
    r"""The mean and the scatter matrix of vectors that come in parts.

    .. math::
        n = a + b, \quad \delta = m_b - m_a, \quad m = m_a + \tfrac{b}{n} \delta, \quad
        S = S_a + S_b + \tfrac{ab}{n}\, \delta \delta^T

    with the scatter :math:`S = \sum_i (x_i - m)(x_i - m)^T`. Raw second moments would cancel if the mean
    is large compared with the spread; centered parts do not cancel, in any order and size.

    Attributes:
        count: the number of vectors.
        mean: their mean, shape `(d,)`, float64.
        scatter: the sum of centered outer products, shape `(d, d)`, float64.

    References:
        Algorithms for computing the sample variance: analysis and recommendations, Chan, Golub, LeVeque,
        1983, https://doi.org/10.1080/00031305.1983.10483115; here for vectors.

    Example:
        >>> x = torch.randn(100, 3)
        >>> parts = Moments.of(x[:60]).add(x[60:])
        >>> torch.allclose(parts.covariance(), torch.cov(x.T.double()))
        True
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @staticmethod
    def of(x: Tensor) -> Moments:
        r"""The moments of `x` (n, d), at least one vector.

        Raises:
            ValueError: where `x` is not `(n, d)` or not finite.
        """
        x = vectors(x, "features")
        mean = x.mean(0)
        return Moments(len(x), mean, _gram(x - mean))

    def add(self, x: Tensor) -> Moments:
        r"""The moments of the previous vectors and `x` (n, d) together; this object does not change.

        Raises:
            ValueError: where `x` is not `(n, d)`, not finite, or of another dimension.
        """
        return self.merge(Moments.of(x))

    def merge(self, other: Moments) -> Moments:
        r"""The moments of two disjoint parts together, e.g. of two processes.

        Raises:
            ValueError: where the dimensions differ.
        """
        check_same_dimension(len(self.mean), len(other.mean), "features")
        count = self.count + other.count
        delta = other.mean.to(self.mean.device) - self.mean
        mean = self.mean + delta * (other.count / count)
        scatter = self.scatter + other.scatter.to(self.scatter.device)
        return Moments(count, mean, scatter.addr_(delta, delta, alpha=self.count * other.count / count))

    def covariance(self) -> Tensor:
        r"""The unbiased covariance (d, d): the scatter over `count - 1`.

        Raises:
            ValueError: where there are fewer than two vectors.
        """
        if self.count < 2:
            raise ValueError(f"needs at least 2 features for a covariance, but got {self.count}: add more")
        return self.scatter / (self.count - 1)


@dataclass(frozen=True)
class Statistics:
    """The mean and the covariance of vectors, however many there were, as statistics files hold them.

    Arguments:
        mean: shape `(d,)`.
        matrix: the covariance, shape `(d, d)`.

    Raises:
        ValueError: where shapes are others, a value is not finite, or the covariance is not symmetric or has a clearly
            negative eigenvalue.

    Example:
        >>> frechet_distance(Statistics(torch.zeros(2), torch.eye(2)), Statistics(torch.ones(2), torch.eye(2)))
        2.0
    """

    mean: Tensor
    matrix: Tensor

    def __post_init__(self) -> None:
        d = check_shapes(tuple(self.mean.shape), tuple(self.matrix.shape))
        if not (self.mean.isfinite().all() and self.matrix.isfinite().all()):
            raise ValueError("needs a finite mean and covariance, but got NaN or infinity: compute them anew")
        object.__setattr__(self, "mean", self.mean.detach().double())
        matrix = self.matrix.detach().double()
        size, skew = float(matrix.abs().amax()), float((matrix - matrix.T).abs().amax())
        if skew > ROUNDING * size:
            raise ValueError(f"needs a symmetric covariance, but it is off by {skew:.2g}: compute it anew")
        object.__setattr__(self, "matrix", (matrix + matrix.T) / 2)
        lowest = float(torch.linalg.eigvalsh(self.matrix)[0])
        if lowest < -ROUNDING * d * size:
            raise ValueError(f"needs a covariance without negative eigenvalues, but got {lowest:.2g}: compute it anew")

    def covariance(self) -> Tensor:
        """The covariance (d, d), float64."""
        return self.matrix


def check_shapes(mean: tuple[int, ...], matrix: tuple[int, ...]) -> int:
    """The dimension d of a mean and a covariance of these shapes.

    Raises:
        ValueError: they are no `(d,)` and `(d, d)`.
    """
    if len(mean) != 1 or not mean[0] or matrix != mean * 2:
        raise ValueError(
            f"needs a mean (d,) and a covariance (d, d), but got {mean} and {matrix}: save both of one set"
        )
    return mean[0]


def frechet_distance(real: Tensor | Moments | Statistics, fake: Tensor | Moments | Statistics) -> float:
    r"""Frechet distance between the Gaussians with the moments of two sets of features; with the features of
    Inception it is the FID.

    .. math::
        \lVert m_1 - m_2 \rVert^2 + \operatorname{tr}(S_1 + S_2) - 2 \lVert F_1 F_2^T \rVert_*,
        \qquad S_i = F_i^T F_i

    with unbiased covariances S, and the nuclear norm (sum of singular values) for the trace of
    :math:`(S_1 S_2)^{1/2}`: the product of two covariances is not symmetric, and the square roots of its
    computed eigenvalues lose half of the digits. For a set with fewer vectors than dimensions, F is its centered
    rows: no `(d, d)` matrix is needed, and the value is exact although the covariance is singular. Other factors are
    Cholesky factors, or come from the symmetric eigenproblem if a covariance is singular.

    The value depends on the number of vectors (about `+ c/n`, and c differs between generators): compare only values
    with equal n, and beside the value of real against real; or compare values by `extrapolated_frechet_distance`.

    Arguments:
        real: features, shape `(n, d)`, or their `Moments` or `Statistics`.
        fake: features, shape `(m, d)`, or their `Moments` or `Statistics`.

    Returns:
        The squared distance, in squared units of the features; computed in float64; never negative.

    Raises:
        ValueError: where a set has fewer than two vectors or a value that is not finite, or where the
            dimensions differ.

    References:
        GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium, Heusel et al.,
        2017, https://arxiv.org/abs/1706.08500, equation (6).

    Example:
        >>> x = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
        >>> round(frechet_distance(x, x + 3), 6)  # a shift: its squared length
        18.0
    """
    m1, f1 = _mean_and_factor(real, "real features")
    m2, f2 = _mean_and_factor(fake, "fake features")
    check_same_dimension(len(m1), len(m2), "features")
    m2, f2 = m2.to(m1.device), f2.to(m1.device)
    overlap = torch.linalg.svdvals(f1 @ f2.T).sum()
    distance = (m1 - m2).square().sum() + f1.square().sum() + f2.square().sum() - 2 * overlap
    return max(float(distance), 0.0)  # below zero by rounding only


def _mean_and_factor(features: Tensor | Moments | Statistics, what: str) -> tuple[Tensor, Tensor]:
    """The mean (d,) and F (r, d) with covariance F'F and r = min(n, d)."""
    if not isinstance(features, (Moments, Statistics)):
        x = vectors(features, what, least=2)
        if len(x) < x.shape[1]:
            mean = x.mean(0)
            return mean, (x - mean) / (len(x) - 1) ** 0.5
        features = Moments.of(x)
    return features.mean, _factor(features.covariance())


def _gram(x: Tensor) -> Tensor:
    """x'x (d, d) of x (n, d); only half of it is computed, since it is symmetric."""
    d = x.shape[1]
    if d <= 512:
        return x.T @ x
    a, b = x[:, : d // 2], x[:, d // 2 :]
    across = a.T @ b
    return torch.cat([torch.cat([_gram(a), across], 1), torch.cat([across.T, _gram(b)], 1)])


def _factor(covariance: Tensor) -> Tensor:
    """F (d, d) with F'F = covariance."""
    factor: Tensor
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if failed:
        values, basis = torch.linalg.eigh(covariance)
        factor = values.clamp(min=0).sqrt()[:, None] * basis.T
    else:
        factor = lower.T
    return factor
