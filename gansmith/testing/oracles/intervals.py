"""How much a number varies from draw to draw: by simulation, by scipy, and in closed form."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu, t

from gansmith.evaluate import Spread, jackknife, kernel_distance, memorization
from gansmith.testing.claims import Pair, claim

DERIVATION = "derivation"


@claim(
    "jackknife of halves: of a mean the error is s/sqrt(n), s over n - 1 (2,000 halvings)",
    source="Shao and Wu, 1989",
    tolerance=1e-2,
)
def _() -> Pair:
    x = np.random.default_rng(1).normal(size=24)
    real = torch.as_tensor(x)
    measured = jackknife(lambda a, b: {"real": float(a.mean()), "fake": 3 * float(b.mean())}, real, real, halvings=2000)
    error = x.std(ddof=1) / np.sqrt(24)
    return np.array([measured["real"].error, measured["fake"].error / 3]), np.full(2, error)


@claim(
    "intervals: 95 % by scipy's quantiles of Student's distribution, half a degree of freedom per halving",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    cases = [(3.0, 0.5, 10), (-1.0, 2.0, 4)]
    measured = [Spread(error, halvings).interval(value) for value, error, halvings in cases]
    return np.array(measured), np.array(
        [t.interval(0.95, halvings / 2, value, error) for value, error, halvings in cases]
    )


@claim(
    "kernel distance by simulation of 300 pairs of sets: its mean is the true one, of moments, within two errors; its "
    "standard error is its deviation within a tenth",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    rng, shift, wide = np.random.default_rng(2), 0.5, 1.2
    gaps = np.array([0, shift, shift**2 + (wide**2 - 1) / 3, shift**3 + shift * wide**2])
    true = (np.array([1, 3, 3, 1]) * gaps**2).sum()  # (xy + 1)^3 by the binomial theorem, d = 1
    x, y = rng.uniform(-1, 1, size=(2, 300, 60, 1))
    found = [kernel_distance(*map(torch.as_tensor, pair)) for pair in zip(x, y * wide + shift, strict=True)]
    values, errors = np.array([f.value for f in found]), np.array([f.error for f in found])
    off = abs(values.mean() - true) / (values.std() / np.sqrt(300))
    ratio = np.sqrt((errors**2).mean()) / values.std()
    return np.array([max(off - 2, 0), max(abs(ratio - 1) - 0.1, 0)]), np.zeros(2)


@claim(
    "memorization: authenticity by scipy's distances; C_T, in one cell, is the Mann-Whitney statistic of scipy; "
    "a copy is not authentic and has no distance",
    source="Alaa et al., 2022; Meehan et al., 2020",
    tolerance=1e-9,
)
def _() -> Pair:
    rng = np.random.default_rng(3)
    train, held_out, fake = rng.normal(size=(80, 2)), rng.normal(size=(40, 2)), rng.normal(size=(50, 2)) * 1.2
    fake[:10] = train[:10]
    spacing = np.sort(cdist(train, train) + np.diag(np.full(80, np.inf)), 1)[:, 0]

    def authentic(z: np.ndarray) -> float:
        apart = cdist(z, train)
        return float((spacing[apart.argmin(1)] < apart.min(1)).mean())

    near, of_real = cdist(fake, train).min(1), cdist(held_out, train).min(1)
    u = mannwhitneyu(near, of_real).statistic
    z = (u - (50 * 40 / 2 - 0.5)) / np.sqrt(50 * 40 * 91 / 12)
    every = [torch.as_tensor(each) for each in (fake, train, held_out)]
    found, copies = memorization(*every, cells=1), memorization(every[0][:10], *every[1:], cells=1)
    measured = [found.authenticity, found.authenticity_of_real, found.c_t, copies.authenticity, copies.nearest_ratio]
    return np.array(measured), np.array([authentic(fake), authentic(held_out), z, 0, 0])
