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


def _at_scores(objective: Relativistic) -> NDArray[Any]:
    """L_D and L_G at the scores and at the scores plus 5, and the generator's gradient."""
    return np.concatenate([_losses(objective), _losses(objective, 5.0), _pull(objective).numpy()])


@claim(
    "relativistic pairs: the best critic is log p/q + c, the least L_D is log 2 - JSD(p x q, q x p)",
    source=DERIVATION,
    tolerance=1e-6,
)
def _() -> Pair:
    table, value = best(Relativistic(), *all_pairs())
    products = np.outer(p, q).ravel(), np.outer(q, p).ravel()
    return np.append(centered(table), value), np.append(
        centered(np.log(p / q)), math.log(2) - jensen_shannon(*products)
    )


@claim(
    "relativistic pairs: L_D = E log(1 + e^(D(y) - D(x))), L_G with x and y exchanged, under D and under D + 5; "
    "L_G has the slope -s(D(x) - D(y))/n in each fake score",
    source=MARTINEAU,
    tolerance=1e-12,
)
def _() -> Pair:
    losses = [_softplus(FAKE - REAL).mean(), _softplus(REAL - FAKE).mean()]
    return _at_scores(Relativistic()), np.concatenate([losses, losses, -expit(REAL - FAKE) / len(FAKE)])


def _average_loss(real: NDArray[Any], fake: NDArray[Any], a: NDArray[Any] = p, b: NDArray[Any] = q) -> float:
    """The critic's loss by its formula, with the points' weights."""
    return float(a @ _softplus(b @ fake - real) + b @ _softplus(fake - a @ real)) / 2


@claim(
    "relativistic average: L_D = (E log(1 + e^(mean D(y) - D(x))) + E log(1 + e^(D(y) - mean D(x))))/2, L_G with x and "
    "y exchanged, under D and under D + 5; both halves of L_G reach a fake score",
    source=MARTINEAU,
    tolerance=1e-12,
)
def _() -> Pair:
    even = np.full(4, 0.25)
    losses = [_average_loss(REAL, FAKE, even, even), _average_loss(FAKE, REAL, even, even)]
    slopes = -(expit(REAL.mean() - FAKE) + expit(REAL - FAKE.mean()).mean()) / (2 * len(FAKE))
    return _at_scores(Relativistic(average=True)), np.concatenate([losses, losses, slopes])


@claim(
    "relativistic average: the best critic and the least L_D are scipy's for the formula; log 2 where p = q",
    source=DERIVATION,
    tolerance=1e-5,
)
def _() -> Pair:
    table, value = best(Relativistic(average=True), *batches())
    even = best(Relativistic(average=True), samples(P), samples(P))[1]
    expected = minimize(lambda t: _average_loss(t, t), np.zeros(len(p)), options={"gtol": 1e-9})
    return np.append(centered(table), [value, even]), np.append(centered(expected.x), [expected.fun, math.log(2)])
