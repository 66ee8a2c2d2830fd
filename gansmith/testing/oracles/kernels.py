"""MMD GAN: closed forms of kernels between Gaussians, other distances that it equals, and the witness."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import torch
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance, norm
from torch import Tensor

from gansmith.duel.slopes import slope
from gansmith.objectives import KernelDiscrepancy, MeanMatching
from gansmith.objectives.kernels import RBF, DistanceKernel, RationalQuadratic
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import Array

LI = "Li et al., 2017"
BINKOWSKI = "Binkowski et al., 2018"
WANG = "Wang et al., 2018"
DERIVATION = "derivation"

_rng = np.random.default_rng(12)
X, Y = _rng.normal(size=(40, 3)), _rng.normal(size=(30, 3)) * 1.5 + 0.4


def _features(x: Tensor) -> Tensor:
    return x


def _batches() -> tuple[Tensor, Tensor]:
    return torch.as_tensor(X), torch.as_tensor(Y)


def _gauss(a: Array, b: Array, sigma: float) -> Array:
    return np.asarray(np.exp(-cdist(a, b, "sqeuclidean") / (2 * sigma**2)))


def _apart(matrix: Array) -> float:
    """The mean over pairs of different samples."""
    n = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (n * (n - 1)))


@claim(
    "MMD: a mixture of Gaussian kernels, without pairs of a sample with itself, by scipy's distances",
    source=LI,
    tolerance=1e-12,
)
def _() -> Pair:
    sigmas = (1.0, 4.0)
    expected = sum(_apart(_gauss(X, X, s)) + _apart(_gauss(Y, Y, s)) - 2 * _gauss(X, Y, s).mean() for s in sigmas)
    return KernelDiscrepancy(RBF(sigmas)).generator_loss(_features, *_batches()), expected


@claim("MMD: rational quadratic kernels (1 + d^2/2a)^-a, by scipy's distances", source=BINKOWSKI, tolerance=1e-12)
def _() -> Pair:
    def kernel(a: Array, b: Array) -> Array:
        squares = cdist(a, b, "sqeuclidean")
        return np.asarray(sum((1 + squares / (2 * s)) ** -s for s in (0.1, 1.0, 10.0)))

    expected = _apart(kernel(X, X)) + _apart(kernel(Y, Y)) - 2 * kernel(X, Y).mean()
    return KernelDiscrepancy(RationalQuadratic()).generator_loss(_features, *_batches()), expected


@claim("MMD: with the linear kernel it is the squared distance of the means", source=DERIVATION, tolerance=1e-12)
def _() -> Pair:
    def linear(a: Tensor, b: Tensor, low: float = 0.0, high: float = math.inf) -> Tensor:
        return a @ b.T

    measured = KernelDiscrepancy(linear, biased=True).generator_loss(_features, *_batches())
    return measured, ((X.mean(0) - Y.mean(0)) ** 2).sum()


@claim("MMD: with the distance kernel it is the squared energy distance, by scipy", source=DERIVATION, tolerance=1e-9)
def _() -> Pair:
    x, y = (b[:, :1] for b in _batches())
    measured = KernelDiscrepancy(DistanceKernel(), biased=True).generator_loss(_features, x, y)
    return measured, energy_distance(X[:, 0], Y[:, 0]) ** 2


@claim(
    "MMD: between N(0, v) and N(m, v) it is 2 (s^2/(s^2 + 2v))^(1/2) (1 - exp(-m^2/2(s^2 + 2v))), by 1,500 quantiles",
    source=DERIVATION,
    tolerance=1e-4,
)
def _() -> Pair:
    v, s, shift = 0.5, 1.5, 1.1
    x = torch.as_tensor(norm.ppf((np.arange(1500) + 0.5) / 1500) * v**0.5)[:, None]
    wide = s**2 + 2 * v
    expected = 2 * (s**2 / wide) ** 0.5 * (1 - math.exp(-(shift**2) / (2 * wide)))
    return KernelDiscrepancy(RBF((s,)), biased=True).generator_loss(_features, x, x + shift), expected


@claim(
    "MMD: averaged over all batches of two from a finite support the estimate is (p - q)' K (p - q): it is unbiased",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    places, a, b = torch.tensor([[0.0], [1.0], [2.5]], dtype=torch.float64), [0.2, 0.5, 0.3], [0.6, 0.1, 0.3]
    two = list(product(range(3), repeat=2))
    estimate = KernelDiscrepancy(RBF((1.0,)))
    measured = sum(
        a[i] * a[j] * b[k] * b[n] * float(estimate.generator_loss(_features, places[[i, j]], places[[k, n]]))
        for (i, j), (k, n) in product(two, two)
    )
    difference = np.subtract(a, b)
    return measured, difference @ _gauss(places.numpy(), places.numpy(), 1.0) @ difference


@claim(
    "MMD: the biased estimate is above the other by (2k(0) - U(x) - U(y))/n, U over pairs",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    x, y = (batch[:30] for batch in _batches())
    measured = [float(KernelDiscrepancy(RBF((1.0,)), biased=b).generator_loss(_features, x, y)) for b in (True, False)]
    within = _apart(_gauss(X[:30], X[:30], 1.0)) + _apart(_gauss(Y, Y, 1.0))
    return measured[0] - measured[1], (2 - within) / 30


@claim(
    "MMD: the witness is E k(z, x) - E k(z, y); its slope is the gradient of the discrepancy in a moving sample, times "
    "-m/2",
    source=BINKOWSKI,
    tolerance=1e-12,
)
def _() -> Pair:
    x, y = _batches()
    y = y.requires_grad_()
    objective = KernelDiscrepancy(RBF((2.0,)), biased=True)
    (gradient,) = torch.autograd.grad(objective.generator_loss(_features, x, y), y)
    witness = objective.witness(_features, x, y)

    def pull(a: Array, b: Array) -> Array:
        """The mean over b of the kernel's gradient in a."""
        return np.asarray((_gauss(a, b, 2.0)[:, :, None] * (b[None] - a[:, None])).mean(1) / 4)

    along = pull(Y, X) - pull(Y, Y)
    measured = [-len(Y) / 2 * gradient, slope(witness, y)[:, None], witness(y).detach()[:, None]]
    values = _gauss(Y, X, 2.0).mean(1) - _gauss(Y, Y, 2.0).mean(1)
    return torch.cat(measured, 1), np.column_stack([along, (along**2).sum(1), values])


@claim(
    "repulsive MMD: L_D = E k(x, x') - E k(y, y'), distances of fake at least l, of real at most h",
    source=WANG,
    tolerance=1e-12,
)
def _() -> Pair:
    measured = KernelDiscrepancy(RBF((1.0,)), -1, (0.25, 4.0)).critic_loss(_features, *_batches())
    real = _apart(np.exp(-np.minimum(cdist(X, X, "sqeuclidean"), 4.0) / 2))
    return measured, real - _apart(np.exp(-np.maximum(cdist(Y, Y, "sqeuclidean"), 0.25) / 2))


@claim("repulsive MMD: with c = 1 it is the critic's loss of MMD GAN, -MMD^2", source=WANG, tolerance=1e-12)
def _() -> Pair:
    expected = 2 * _gauss(X, Y, 1.0).mean() - _apart(_gauss(X, X, 1.0)) - _apart(_gauss(Y, Y, 1.0))
    return KernelDiscrepancy(RBF((1.0,)), contraction=1).critic_loss(_features, *_batches()), expected


@claim(
    "mean matching of 20,000 random Fourier features is the root of the squared MMD of the Gaussian kernel",
    source="Rahimi and Recht, 2007",
    tolerance=2e-3,
)
def _() -> Pair:
    rng, n = np.random.default_rng(2), 20_000
    w, b = torch.as_tensor(rng.normal(size=(3, n)) / 1.5), torch.as_tensor(rng.uniform(0, 2 * np.pi, n))

    def features(x: Tensor) -> Tensor:
        return math.sqrt(2 / n) * torch.cos(x @ w + b)

    measured = MeanMatching(2, dual=True).generator_loss(features, *_batches())
    discrepancy = _gauss(X, X, 1.5).mean() + _gauss(Y, Y, 1.5).mean() - 2 * _gauss(X, Y, 1.5).mean()
    return measured, math.sqrt(discrepancy)
