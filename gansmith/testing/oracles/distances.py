"""Distances between sets of features: by scipy, and by loops over all pairs."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.linalg import sqrtm
from scipy.ndimage import laplace
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance
from torch import Tensor

from gansmith.evaluate import (
    Moments,
    compare,
    duplicates,
    energy_distance,
    expected_coverage,
    frechet_distance,
    kernel_distance,
    manifold,
    mean_distance,
    mode_coverage,
    nearest,
    sharpness,
    sliced_wasserstein,
    vendi_score,
)
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import Array

DERIVATION = "derivation"

_rng = np.random.default_rng(51)
X, Y = _rng.normal(size=(40, 3)), _rng.normal(size=(30, 3)) * [1.5, 1, 0.5] + [0.4, 0, -1]
TWIN = _rng.normal(size=(40, 3))
LATTICE = _rng.integers(0, 4, size=(40, 2)), _rng.integers(0, 5, size=(30, 2))
"""Whole numbers, so that many distances are equal."""


def _t(x: Array) -> Tensor:
    return torch.as_tensor(x, dtype=torch.float64)


def _frechet(x: Array, y: Array) -> float:
    a, b = np.cov(x.T), np.cov(y.T)
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * np.real(sqrtm(a @ b))))


@claim(
    "Frechet distance: |m - m'|^2 + tr(S + S' - 2 (SS')^(1/2)), covariances over n - 1, by scipy's root; in parts, too",
    source="Heusel et al., 2017",
    tolerance=1e-9,
)
def _() -> Pair:
    far = X + 1e4  # raw second moments would cancel
    parts = Moments.of(_t(far[:7])).add(_t(far[7:30])).merge(Moments.of(_t(far[30:])))
    measured = [frechet_distance(_t(X), _t(Y)), frechet_distance(parts, _t(Y + 1e4))]
    return np.array(measured), np.full(2, _frechet(X, Y))


@claim(
    "Frechet distance of fewer vectors than numbers: |m - m'|^2 and the trace in closed form where covariances commute",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(20, 3)))[0].T
    wide = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0]])  # covariance diag(2, 8, 0)/3
    measured = frechet_distance(_t(wide @ basis), _t(3 * wide @ basis + basis[2]))
    return measured, 1 + (2 / 3 + 8 / 3) * (3 - 1) ** 2


@claim(
    "kernel distance: the unbiased squared MMD of (<u, v>/d + 1)^3 over all pairs",
    source="Binkowski et al., 2018",
    tolerance=1e-9,
)
def _() -> Pair:
    xx, yy, xy = ((a @ b.T / 3 + 1) ** 3 for a, b in ((X, X), (Y, Y), (X, Y)))
    n, m = len(X), len(Y)
    expected = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1)) - 2 * xy.mean()
    return kernel_distance(_t(X), _t(Y)).value, expected


@claim(
    "nearest neighbors: scipy's distances in order, far from zero and in float32, too; no vector is its own neighbor",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    far = np.round(np.random.default_rng(2).normal(size=(300, 4)) * 8) / 8 + 512.0  # exact in float32
    measured = [nearest(torch.as_tensor(far, dtype=torch.float32), k=3)[0], nearest(_t(X), _t(Y), 3)[0]]
    own = np.sort(cdist(far, far) + np.diag(np.full(300, np.inf)), axis=1)[:, :3]
    return torch.cat(measured), np.concatenate([own, np.sort(cdist(X, Y), axis=1)[:, :3]])


@claim(
    "precision, recall, density and coverage: by their formulas over all pairs, with many equal distances",
    source="Kynkaanniemi et al., 2019; Naeem et al., 2020",
    tolerance=1e-12,
)
def _() -> Pair:
    x, y = LATTICE
    apart, k, few = cdist(x, y, "sqeuclidean"), 5, 3
    within_x, within_y = (np.sort(cdist(z, z, "sqeuclidean") + np.diag(np.full(len(z), np.inf)), 1) for z in (x, y))
    dense = apart < within_x[:, k - 1 : k]
    near, near_fake = apart <= within_x[:, few - 1 : few], apart <= within_y[:, few - 1]
    expected = [near.any(0).mean(), near_fake.any(1).mean(), dense.sum() / (k * len(y)), dense.any(1).mean()]
    found = manifold(_t(x), _t(y))
    return np.array([found.precision, found.recall, found.density, found.coverage]), np.array(expected)


@claim(
    "coverage of equal distributions: 1 - C(n - 1, k)/C(n + m - 1, k), all k nearest of the others are real",
    source="Naeem et al., 2020",
    tolerance=1e-12,
)
def _() -> Pair:
    cases = [(10, 12, 1), (40, 30, 5), (200, 200, 3)]
    measured = [expected_coverage(*case) for case in cases]
    return np.array(measured), np.array([1 - math.comb(n - 1, k) / math.comb(n + m - 1, k) for n, m, k in cases])


def _energy(x: Array, y: Array) -> float:
    n, m = len(x), len(y)
    return float(2 * cdist(x, y).mean() - cdist(x, x).sum() / (n * (n - 1)) - cdist(y, y).sum() / (m * (m - 1)))


@claim("energy distance and mean distance: over all pairs, by scipy", source="Szekely and Rizzo, 2013", tolerance=1e-9)
def _() -> Pair:
    measured = [energy_distance(_t(X), _t(Y)), mean_distance(_t(Y))]
    return np.array(measured), np.array([_energy(X, Y), cdist(Y, Y).sum() / (30 * 29)])


@claim(
    "sliced Wasserstein: scipy's W1 on a line of unequally many points, and |a|/sqrt d for a shift by a (20,000 lines)",
    source="Bonneel et al., 2015",
    tolerance=1e-2,
)
def _() -> Pair:
    shift = np.array([0.3, -0.4, 1.2])
    measured = [
        sliced_wasserstein(_t(X[:, :1]), _t(Y[:, :1]), p=1),
        sliced_wasserstein(_t(X), _t(X + shift), projections=20_000),
    ]
    return np.array(measured), np.array([wasserstein_distance(X[:, 0], Y[:, 0]), 1.3 / 3**0.5])


@claim(
    "floors: beside each value that of other real samples in the place of the generated ones, which it does not see",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    numbers = compare(_t(X), _t(X[::-1] * 3 + 1), _t(TWIN))
    measured = [numbers[name][what] for name in ("energy_distance", "diversity") for what in ("value", "floor")]
    fake = X[::-1] * 3 + 1
    spread, twins = (cdist(z, z).sum() / (40 * 39) for z in (fake, TWIN))
    return np.array(measured), np.array([_energy(X, fake), _energy(X, TWIN), spread, twins])


@claim(
    "duplicates: the share of samples with another one within the distance that 30 % of real ones have, by scipy",
    source="Arora et al., 2018",
    tolerance=1e-12,
)
def _() -> Pair:
    x = Y * 0.4
    found = duplicates(_t(x), _t(X), quantile=0.3)
    others, own = (np.sort(cdist(z, z) + np.diag(np.full(30, np.inf)), 1)[:, 0] for z in (X[:30], x))
    limit = np.sort(others)[8]  # nine of thirty
    return np.array([found.threshold, found.share, found.floor or 0.0]), np.array(
        [limit, (own <= limit).mean(), (others <= limit).mean()]
    )


@claim(
    "modes: captured, the share within three deviations, and KL of shares to uniform ones, by scipy's distances",
    source="Lin et al., 2018",
    tolerance=1e-9,
)
def _() -> Pair:
    centers = np.array([[0.0, 0.0], [2, 0], [0, 2], [9, 9]])
    points = np.random.default_rng(3).normal(size=(200, 2)) * 0.8 + centers[np.arange(200) % 3]
    apart = cdist(points, centers)
    counts = np.bincount(apart.argmin(1)[apart.min(1) < 3 * 0.3], minlength=4)
    share = counts[counts > 0] / counts.sum()
    found = mode_coverage(_t(points), _t(centers), 0.3)
    expected = [np.count_nonzero(counts), counts.sum() / 200, (share * np.log(4 * share)).sum()]
    return np.array([found.captured, found.high_quality, found.reverse_kl]), np.array(expected)


@claim(
    "sharpness: the variance of scipy's Laplacian over inner pixels; Vendi score: e to the entropy of the cosines' "
    "eigenvalues, by numpy",
    source="Pech-Pacheco et al., 2000; Friedman and Dieng, 2022",
    tolerance=1e-9,
)
def _() -> Pair:
    images = np.random.default_rng(4).normal(size=(3, 2, 6, 7))
    edges = [laplace(image)[1:-1, 1:-1].var() for image in images.reshape(6, 6, 7)]
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / 40)
    values = values[values > 1e-12]
    expected = [np.mean(edges), np.exp(-(values * np.log(values)).sum())]
    return np.array([sharpness(_t(images)), vendi_score(_t(X))]), np.array(expected)
