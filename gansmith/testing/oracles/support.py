"""Two distributions on a finite support, and the best critic among all tables of scores on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import jensenshannon
from torch import Tensor

from gansmith.duel.critics import View
from gansmith.objectives import Objective

Array = NDArray[Any]

P, Q = np.array([1, 2, 5, 8, 4]), np.array([6, 1, 4, 3, 6])
"""How often each point occurs among 20 real and 20 fake samples: batches whose means are exact expectations."""
p, q = P / P.sum(), Q / Q.sum()


def samples(counts: Array = P) -> Tensor:
    """The points' indices, each as often as its count says."""
    return torch.repeat_interleave(torch.arange(len(counts)), torch.as_tensor(counts))


def batches() -> tuple[Tensor, Tensor]:
    """A real and a fake batch."""
    return samples(P), samples(Q)


def all_pairs(real: Array = P, fake: Array = Q) -> tuple[Tensor, Tensor]:
    """Every real with every fake sample: a paired loss's expectation over independent pairs."""
    x, y = samples(real), samples(fake)
    return x.repeat_interleave(len(y)), y.repeat(len(x))


def lookup(table: Tensor) -> View:
    """The critic that reads its score off a table, one score a point."""
    return View(torch.nn.Identity(), lambda s: table[s])


def loss(objective: Objective, table: Array, x: Tensor, y: Tensor) -> float:
    """The library's critic loss at a table."""
    return float(objective.critic_loss(lookup(torch.as_tensor(table)), x, y))


def best(objective: Objective, x: Tensor, y: Tensor) -> tuple[Array, float]:
    """The table with the least critic loss, and that loss, by L-BFGS; for smooth objectives."""
    table = torch.zeros(len(P), dtype=torch.float64, requires_grad=True)
    minimize(lambda: objective.critic_loss(lookup(table), x, y), [table])
    scores = table.detach().numpy()
    return scores, loss(objective, scores, x, y)


def best_of_each(objective: Objective, x: Tensor, y: Tensor) -> tuple[Array, float]:
    """As :func:`best`, score by score, for losses with kinks in which scores do not meet."""
    table = np.zeros(len(P))

    def along(score: float, place: int) -> float:
        return loss(objective, np.where(np.arange(len(P)) == place, score, table), x, y)

    scores = [
        minimize_scalar(along, bounds=(-3, 3), args=(place,), method="bounded", options={"xatol": 1e-10}).x
        for place in range(len(P))
    ]
    return np.array(scores), loss(objective, np.array(scores), x, y)


def minimize(closure: Callable[[], Tensor], variables: list[Tensor], steps: int = 300) -> None:
    """L-BFGS in float64, in place."""
    options: dict[str, Any] = {"tolerance_grad": 1e-14, "tolerance_change": 1e-18, "line_search_fn": "strong_wolfe"}
    optimizer = torch.optim.LBFGS(variables, max_iter=steps, **options)

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        value = closure()
        value.backward()
        return value

    optimizer.step(evaluate)


def centered(table: Array) -> Array:
    """Less its mean: critics that a constant does not change are compared so."""
    return np.asarray(table - table.mean())


def jensen_shannon(a: Array, b: Array) -> float:
    """The divergence in nats; scipy's distance is its root."""
    return float(jensenshannon(a, b) ** 2)


def total_variation(a: Array, b: Array) -> float:
    """Half the sum of absolute differences."""
    return float(np.abs(a - b).sum() / 2)
