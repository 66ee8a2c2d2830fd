"""The Wasserstein-1 distance, by linear programs over potentials and over plans, and clipped critics."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist
from torch import nn

from gansmith.networks import MLP
from gansmith.objectives import Wasserstein
from gansmith.regularizers import ClipWeights
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import batches, loss, p, q

ARJOVSKY = "Arjovsky et al., 2017"

PLANE = np.array([[0.0, 0.0], [1.0, 0.5], [1.5, -2.0], [4.0, 1.0], [0.2, 3.0]])
"""Where the five points of the support lie."""


def potential(places: NDArray[Any]) -> NDArray[Any]:
    """The 1-Lipschitz table T with the largest E_p T - E_q T."""
    n, apart = len(places), cdist(places, places)
    i, j = np.nonzero(~np.eye(n, dtype=bool))
    rows = np.zeros((len(i), n))
    rows[np.arange(len(i)), i], rows[np.arange(len(i)), j] = 1, -1
    return np.asarray(linprog(q - p, A_ub=rows, b_ub=apart[i, j], bounds=[(0, 100)] * n).x)


def cost(places: NDArray[Any]) -> float:
    """The least mean distance of a plan that carries p to q."""
    n = len(places)
    sums = np.concatenate([np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))])
    return float(linprog(cdist(places, places).ravel(), A_eq=sums, b_eq=np.concatenate([p, q])).fun)


@claim(
    "Wasserstein: of a hundred 1-Lipschitz critics in the plane and the best by a linear program, the largest gap is "
    "the cost of the best transport plan",
    source=ARJOVSKY,
    tolerance=1e-9,
)
def _() -> Pair:
    heights = np.random.default_rng(0).normal(size=(100, len(PLANE))) * 3
    lipschitz = [(h + cdist(PLANE, PLANE)).min(1) for h in heights]  # the largest 1-Lipschitz table below h
    return max(-loss(Wasserstein(), table, *batches()) for table in [potential(PLANE), *lipschitz]), cost(PLANE)


def _clipped(limit: float, low: float, high: float) -> MLP:
    """A critic of the plane whose weights, before they were clipped, were uniform between two numbers."""
    critic = MLP(2, None, width=4, layers=2).double()
    for weight in critic.parameters():
        nn.init.uniform_(weight, low, high)
    ClipWeights(limit).project_(critic)
    return critic


def _cloud(seed: int, shift: float) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(seed).uniform(size=(12, 2)) + shift)


def _gap(critic: MLP, x: torch.Tensor, y: torch.Tensor) -> float:
    with torch.no_grad():
        return -float(Wasserstein().critic_loss(critic, x, y))


def _distance(x: torch.Tensor, y: torch.Tensor) -> float:
    """Of two clouds of as many points: the best matching is the best plan."""
    apart = cdist(x.numpy(), y.numpy())
    return float(apart[linear_sum_assignment(apart)].mean())


@claim("clipped weights: no parameter, biases neither, lies outside [-c, c]", source=ARJOVSKY, tolerance=1e-15)
def _() -> Pair:
    return max(float(w.detach().abs().max()) for w in _clipped(0.3, -1.0, 1.0).parameters()), 0.3


@claim(
    "clipped weights: the gap is at most K W1, K the product of the layers' spectral norms; and K W1, "
    "K = c^L times the roots of the layers' sizes, where all lie at c and samples move along the diagonal",
    source=ARJOVSKY,
    tolerance=1e-12,
)
def _() -> Pair:
    x, y = _cloud(0, 0.0), _cloud(1, 0.5)
    beyond = [0.0]
    for _ in range(20):
        critic = _clipped(0.3, -0.2, 1.0)
        norms = [np.linalg.svd(w.detach().numpy())[1][0] for w in critic.parameters() if w.ndim == 2]
        beyond.append(abs(_gap(critic, x, y)) - np.prod(norms) * _distance(x, y))
    z = _cloud(0, 1.0)  # the gap to z - 0.5 is positive, and no unit is below its kink
    attained = _gap(_clipped(0.3, 1.0, 2.0), z, z - 0.5)
    expected = 0.3**3 * np.sqrt((2 * 4) * (4 * 4) * (4 * 1)) * 0.5 * np.sqrt(2)
    return np.array([max(beyond), attained]), np.array([0, expected])
