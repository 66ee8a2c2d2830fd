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
from gansmith.testing.oracles.support import all_pairs, best, centered, lookup, minimize, p, q

SU = "Su, 2018"
DERIVATION = "derivation"

PLACES = np.array([0.0, 1.0, 1.5, 4.0, 4.2])
APART = np.abs(PLACES[:, None] - PLACES)
WEIGHT = 3.0


def _distance(x: Sample, y: Sample) -> Tensor:
    """Between the points of the support with these indices."""
    return torch.as_tensor(APART)[parts(x)[0], parts(y)[0]]


def laplacian() -> NDArray[Any]:
    """Of the graph whose edges weigh as the pairs do, by how often they occur over the room that they have."""
    weights = np.outer(p, q) + np.outer(q, p)
    edges = np.divide(weights, WEIGHT * APART, out=np.zeros_like(weights), where=APART > 0)
    return np.asarray(np.diag(edges.sum(1)) - edges)


@claim(
    "GAN-QP: the best critic is A^+ (p - q), A the Laplacian of the pairs' graph; L_D is -(p - q)' A^+ (p - q)/2, "
    "L_G is -2 L_D, all in proportion to the weight",
    source=DERIVATION,
    tolerance=1e-5,
)
def _() -> Pair:
    measured, expected = [], []
    for weight in (0.5, WEIGHT, 12.0):
        objective = Quadratic(weight, _distance)
        table, value = best(objective, *all_pairs())
        of_generator = objective.generator_loss(lookup(torch.tensor(table)), *all_pairs())
        measured.append(np.append(centered(table), [value, float(of_generator)]))
        potential = weight / WEIGHT * np.linalg.pinv(laplacian()) @ (p - q)
        energy = float((p - q) @ potential)
        expected.append(np.append(centered(potential), [-energy / 2, energy]))
    return np.stack(measured), np.stack(expected)


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
