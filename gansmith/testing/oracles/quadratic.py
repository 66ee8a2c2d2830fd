"""GAN-QP: best critics, values, and the generator's gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gansmith.duel.samples import Sample, parts
from gansmith.objectives import Objective, Quadratic, SlopeQuadratic
from gansmith.objectives.quadratic import mean_absolute, mean_square, root_mean_square
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import P, all_pairs, best, centered, lookup, minimize, p, q

SU = "Su, 2018"
DERIVATION = "derivation"

PLACES = np.array([0.0, 1.0, 1.5, 4.0, 4.2])
APART = np.abs(PLACES[:, None] - PLACES)
WEIGHT = 3.0


def _distance(x: Sample, y: Sample) -> Tensor:
    """Between the points of the support with these indices."""
    return torch.as_tensor(APART)[parts(x)[0], parts(y)[0]]


def _objective(weight: float = WEIGHT) -> Quadratic:
    return Quadratic(weight, _distance)


def laplacian() -> NDArray[Any]:
    """Of the graph whose edges weigh as the pairs do, by how often they occur over the room that they have."""
    weights = np.outer(p, q) + np.outer(q, p)
    edges = np.divide(weights, WEIGHT * APART, out=np.zeros_like(weights), where=APART > 0)
    return np.asarray(np.diag(edges.sum(1)) - edges)


def energy() -> float:
    """(p - q)' A^+ (p - q)."""
    return float((p - q) @ np.linalg.pinv(laplacian()) @ (p - q))


@claim("GAN-QP: the best critic is A^+ (p - q), A the Laplacian of the pairs' graph", source=DERIVATION, tolerance=1e-5)
def _() -> Pair:
    measured, _ = best(_objective(), *all_pairs())
    return centered(measured), centered(np.linalg.pinv(laplacian()) @ (p - q))


@claim("GAN-QP: the least L_D is -(p - q)' A^+ (p - q)/2", source=DERIVATION, tolerance=1e-9)
def _() -> Pair:
    return best(_objective(), *all_pairs())[1], -energy() / 2


@claim("GAN-QP: at the best critic L_G is -2 L_D", source=SU, tolerance=1e-6)
def _() -> Pair:
    measured, _ = best(_objective(), *all_pairs())
    return _objective().generator_loss(lookup(torch.tensor(measured)), *all_pairs()), energy()


@claim("GAN-QP: the least L_D is in proportion to the weight", source=SU, tolerance=1e-9)
def _() -> Pair:
    weights = np.array([0.5, 1.0, 12.0])
    return np.array([best(_objective(w), *all_pairs())[1] for w in weights]), -energy() / 2 * weights / WEIGHT


@claim("GAN-QP: where p = q the best critic is flat, and L_D is 0", source=SU, tolerance=1e-9)
def _() -> Pair:
    measured, value = best(_objective(), *all_pairs(P, P))
    return np.append(centered(measured), value), np.zeros(len(P) + 1)


@claim(
    "GAN-QP: no critic of single samples gains more than the best of pairs, w/4 sum d (a - b)^2/(a + b)",
    source=SU,
    tolerance=1e-9,
)
def _() -> Pair:
    a, b = np.outer(p, q), np.outer(q, p)
    bound = WEIGHT / 4 * (APART * (a - b) ** 2 / (a + b)).sum()
    return max(-best(_objective(), *all_pairs())[1] - bound, 0.0), 0.0


@claim(
    "distances: mean absolute, root mean square and mean square are numpy's norms over the number of pixels",
    source=SU,
    tolerance=1e-12,
)
def _() -> Pair:
    x, y = np.random.default_rng(2).normal(size=(2, 4, 3, 2, 2))
    measured = [of(torch.tensor(x), torch.tensor(y)) for of in (mean_absolute, root_mean_square, mean_square)]
    gap = (x - y).reshape(4, -1)
    one, two = np.linalg.norm(gap, 1, axis=1) / 12, np.linalg.norm(gap, axis=1) / np.sqrt(12)
    return torch.stack(measured), np.stack([one, two, two**2])


REAL, FAKE = torch.tensor([[1.0, 4.0]]).double(), torch.tensor([[-2.0, 3.0]]).double()
"""Two points, with a mean absolute difference of 2 and a mean square of 5."""


def _duel(objective: Objective) -> NDArray[Any]:
    """Between two points: the best gap, the least L_D, and L_G at it."""
    scores = torch.zeros(2, dtype=torch.float64, requires_grad=True)

    def critic(x: Tensor) -> Tensor:
        return scores[:1] if bool((x == REAL).all()) else scores[1:]

    minimize(lambda: objective.critic_loss(critic, REAL, FAKE), [scores])
    with torch.no_grad():
        losses = objective.critic_loss(critic, REAL, FAKE), objective.generator_loss(critic, REAL, FAKE)
    return np.array([float((scores[0] - scores[1]).detach()), *map(float, losses)])


@claim("GAN-QP, two points: the gap is w d, L_D is -w d/2 and L_G is w d", source=SU, tolerance=1e-6)
def _() -> Pair:
    return _duel(Quadratic(WEIGHT)), np.array([2 * WEIGHT, -WEIGHT, 2 * WEIGHT])


@claim(
    "slope QP, two points: the gap is m/2w, L_D is -m/4w and L_G is m/2w, m the mean of (x - y)^2",
    source="Su, 2019",
    tolerance=1e-6,
)
def _() -> Pair:
    return _duel(SlopeQuadratic(0.25)), np.array([5 / 0.5, -5 / 1.0, 5 / 0.5])
