"""What each sample's score is weighted by: where these slopes vanish, a loss teaches nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from torch.nn.functional import softplus

from gansmith.objectives import Hinge, NonSaturating, Objective, Pointwise, Wasserstein
from gansmith.testing.claims import Pair, claim

Function = Callable[[NDArray[Any]], NDArray[Any]]

SCORES = np.array([-30.0, -4.0, -0.5, 0.0, 0.5, 4.0, 30.0])


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

    @claim(statement, source=source, tolerance=1e-12)
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
    (found,) = torch.autograd.grad(loss(t), t)
    return found * len(t)


def minimax() -> Objective:
    """The original game, in which the generator wants the critic's loss large."""
    return Pointwise(lambda t: softplus(-t), softplus, lambda t: -softplus(t))


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
    "pointwise, as minimax: f' = -s(-t), g' = s(t) and h' = -s(t), which is 0 where fakes are known",
    "Goodfellow et al., 2014",
    minimax,
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
