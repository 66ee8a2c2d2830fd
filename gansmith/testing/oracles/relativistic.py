"""Relativistic objectives: only differences of scores count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from gansmith.objectives import Relativistic
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import (
    P,
    all_pairs,
    batches,
    best,
    centered,
    jensen_shannon,
    lookup,
    p,
    q,
    samples,
)

MARTINEAU = "Jolicoeur-Martineau, 2018"
DERIVATION = "derivation"

REAL, FAKE = np.array([0.3, -1.2, 2.0, 0.8]), np.array([-0.7, 1.5, 0.1, -2.2])
"""Scores of four real and four fake samples."""


def _softplus(t: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.logaddexp(0, t))


def _losses(objective: Relativistic, shift: float = 0.0) -> NDArray[Any]:
    """L_D and L_G at the scores."""
    x, y = torch.tensor(REAL + shift), torch.tensor(FAKE + shift)
    return np.array([float(loss(lambda s: s, x, y)) for loss in (objective.critic_loss, objective.generator_loss)])


def _pull(objective: Relativistic) -> torch.Tensor:
    """The generator's gradient in each fake score."""
    y = torch.tensor(FAKE, requires_grad=True)
    return torch.autograd.grad(objective.generator_loss(lambda s: s, torch.tensor(REAL), y), y)[0]


@claim("relativistic pairs: the best critic is log p/q, up to a constant", source=DERIVATION, tolerance=1e-6)
def _() -> Pair:
    return centered(best(Relativistic(), *all_pairs())[0]), centered(np.log(p / q))


@claim("relativistic pairs: the least L_D is log 2 - JSD(p x q, q x p)", source=DERIVATION, tolerance=1e-9)
def _() -> Pair:
    products = np.outer(p, q).ravel(), np.outer(q, p).ravel()
    return best(Relativistic(), *all_pairs())[1], math.log(2) - jensen_shannon(*products)


@claim(
    "relativistic pairs: L_D = E log(1 + e^(D(y) - D(x))), and L_G with x and y exchanged",
    source=MARTINEAU,
    tolerance=1e-12,
)
def _() -> Pair:
    return _losses(Relativistic()), np.array([_softplus(FAKE - REAL).mean(), _softplus(REAL - FAKE).mean()])


@claim("relativistic pairs: L_G has the slope -s(D(x) - D(y))/n in each fake score", source=MARTINEAU, tolerance=1e-12)
def _() -> Pair:
    return _pull(Relativistic()), -expit(REAL - FAKE) / len(FAKE)


@claim(
    "relativistic, pairs and average: a constant added to the critic changes no loss", source=MARTINEAU, tolerance=1e-12
)
def _() -> Pair:
    both = [Relativistic(), Relativistic(average=True)]
    return np.stack([_losses(each, 5.0) - _losses(each) for each in both]), np.zeros((2, 2))


def _average_loss(real: NDArray[Any], fake: NDArray[Any], a: NDArray[Any] = p, b: NDArray[Any] = q) -> float:
    """The critic's loss by its formula, with the points' weights."""
    return float(a @ _softplus(b @ fake - real) + b @ _softplus(fake - a @ real)) / 2


@claim(
    "relativistic average: L_D = (E log(1 + e^(mean D(y) - D(x))) + E log(1 + e^(D(y) - mean D(x))))/2, "
    "and L_G with x and y exchanged",
    source=MARTINEAU,
    tolerance=1e-12,
)
def _() -> Pair:
    even = np.full(4, 0.25)
    expected = [_average_loss(REAL, FAKE, even, even), _average_loss(FAKE, REAL, even, even)]
    return _losses(Relativistic(average=True)), np.array(expected)


@claim(
    "relativistic average: both halves of L_G reach a fake score: -(s(mean D(x) - D(y)) + mean s(D(x) - mean D(y)))/2n",
    source="derivation",
    tolerance=1e-12,
)
def _() -> Pair:
    expected = -(expit(REAL.mean() - FAKE) + expit(REAL - FAKE.mean()).mean()) / (2 * len(FAKE))
    return _pull(Relativistic(average=True)), expected


@claim("relativistic average: where p = q the least L_D is log 2", source=DERIVATION, tolerance=1e-9)
def _() -> Pair:
    return best(Relativistic(average=True), samples(P), samples(P))[1], math.log(2)


@claim("relativistic average: the best critic is scipy's for the formula", source=DERIVATION, tolerance=1e-5)
def _() -> Pair:
    measured = minimize(lambda t: _average_loss(t, t), np.zeros(len(p)), options={"gtol": 1e-9})
    return centered(best(Relativistic(average=True), *batches())[0]), centered(measured.x)


@claim(
    "relativistic average: the least L_D is at most log 2 - JSD(p x q, q x p), by Jensen",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    bound = math.log(2) - jensen_shannon(np.outer(p, q).ravel(), np.outer(q, p).ravel())
    return max(best(Relativistic(average=True), *batches())[1] - bound, 0.0), 0.0


@claim(
    "relativistic average: no critic's L_D exceeds the mean over all pairs, by Jensen",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    tables = np.random.default_rng(0).normal(size=(50, len(p))) * 3
    pairs = [p @ _softplus(t - t[:, None]) @ q for t in tables]
    average = [float(Relativistic(average=True).critic_loss(lookup(torch.tensor(t)), *batches())) for t in tables]
    return max(np.subtract(average, pairs).max(), 0.0), 0.0
