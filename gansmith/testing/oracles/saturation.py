"""What each sample's score is weighted by: where these slopes vanish, a loss teaches nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from gansmith.objectives import Divergence, Hinge, LeastSquares, NonSaturating, Objective, Saturating, Wasserstein
from gansmith.objectives.divergence import (
    JENSEN_SHANNON,
    KL,
    NEYMAN,
    PEARSON,
    REVERSE_KL,
    SQUARED_HELLINGER,
    TOTAL_VARIATION,
    Conjugate,
)
from gansmith.testing.claims import Pair, claim

Function = Callable[[NDArray[Any]], NDArray[Any]]

SCORES = np.array([-9.0, -4.0, -0.5, 0.0, 0.5, 4.0, 9.0])


def slopes(statement: str, source: str, make: Callable[[], Objective], f: Function, g: Function, h: Function) -> None:
    """Claims the derivatives of a pointwise objective's f, g and h: one line an objective.

    Arguments:
        statement: the objective and its three derivatives in words.
        source: where it is from.
        make: the objective.
        f: the closed form of f', scores (n,) -> (n,), by numpy and scipy alone.
        g: of g'.
        h: of h'.
    """

    @claim(statement, source=source, tolerance=1e-10)
    def _() -> Pair:
        objective = make()
        measured = [
            _slope(lambda t: objective.critic_loss(_itself, t, torch.zeros(1).double())),
            _slope(lambda t: objective.critic_loss(_itself, torch.zeros(1).double(), t)),
            _slope(lambda t: objective.generator_loss(_itself, torch.zeros(1).double(), t)),
        ]
        return torch.stack(measured), np.stack([f(SCORES), g(SCORES), h(SCORES)])


def _itself(scores: Tensor) -> Tensor:
    return scores


def _slope(loss: Callable[[Tensor], Tensor]) -> Tensor:
    """At each score; losses are means over samples."""
    t = torch.tensor(SCORES, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(t), t)
    return gradient * len(t)


def _ones(t: NDArray[Any]) -> NDArray[Any]:
    return np.ones_like(t)


def _minus_ones(t: NDArray[Any]) -> NDArray[Any]:
    return -np.ones_like(t)


slopes(
    "non-saturating: f' = -s(-t), g' = s(t) and h' = -s(-t), which is -1 where fakes are known (s the sigmoid)",
    "Goodfellow et al., 2014",
    NonSaturating,
    lambda t: -expit(-t),
    expit,
    lambda t: -expit(-t),
)
slopes(
    "saturating: f' = -s(-t), g' = s(t) and h' = -s(t), which is 0 where fakes are known",
    "Goodfellow et al., 2014",
    Saturating,
    lambda t: -expit(-t),
    expit,
    lambda t: -expit(t),
)
slopes(
    "hinge: f' = -1 for t < 1 and 0 above, g' = 1 for t > -1 and 0 below, h' = -1",
    "Lim and Ye, 2017",
    Hinge,
    lambda t: -1.0 * (t < 1),
    lambda t: 1.0 * (t > -1),
    _minus_ones,
)
slopes(
    "Wasserstein: f' = -1, g' = 1 and h' = -1 at every score",
    "Arjovsky et al., 2017",
    Wasserstein,
    _minus_ones,
    _ones,
    _minus_ones,
)
slopes(
    "LSGAN with targets a, b, c: f' = t - b, g' = t - a and h' = t - c",
    "Mao et al., 2017",
    lambda: LeastSquares(-0.5, 2.0, 1.0),
    lambda t: t - 2,
    lambda t: t + 0.5,
    lambda t: t - 1,
)


def divergence(statement: str, pair: Conjugate, of_real: Function, of_fake: Function) -> None:
    """Claims the slopes of an f-GAN's loss: of g, of f* after g, and the generator's, minus the latter."""
    slopes(
        f"f-GAN, {statement}",
        "Nowozin et al., 2016",
        lambda: Divergence(pair),
        lambda t: -of_real(t),
        of_fake,
        lambda t: -of_fake(t),
    )


divergence("sum of p log p/q: f' = -1, g' = -h' = e^(t - 1)", KL, _ones, lambda t: np.exp(t - 1))
divergence("sum of q log q/p: f' = -e^-t, g' = -h' = 1", REVERSE_KL, lambda t: np.exp(-t), _ones)
divergence("2 JSD: f' = -s(-t), g' = -h' = s(t)", JENSEN_SHANNON, lambda t: expit(-t), expit)
divergence(
    "sum of (p - q)^2/q: f' = -1, g' = -h' = max(1 + t/2, 0)", PEARSON, _ones, lambda t: np.maximum(1 + t / 2, 0)
)
divergence(
    "sum of (p - q)^2/p: f' = -e^-t, g' = -h' = e^(-t/2)", NEYMAN, lambda t: np.exp(-t), lambda t: np.exp(-t / 2)
)
divergence("sum of (sqrt p - sqrt q)^2: f' = -e^-t, g' = -h' = e^t", SQUARED_HELLINGER, lambda t: np.exp(-t), np.exp)
divergence(
    "total variation: f' = -1/(2 cosh^2 t), g' = -h' = 1/(2 cosh^2 t)",
    TOTAL_VARIATION,
    lambda t: 0.5 / np.cosh(t) ** 2,
    lambda t: 0.5 / np.cosh(t) ** 2,
)
