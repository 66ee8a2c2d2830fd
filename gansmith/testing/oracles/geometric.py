"""Geometric GAN: the hinge loss with weight decay is a support vector machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from gansmith.objectives import Hinge
from gansmith.testing.claims import Pair, claim

STRENGTH = 1.0  # C of the machine: |w|^2/2 + C times the sum of hinges


def _clouds() -> tuple[Tensor, Tensor]:
    """Two clouds of 15 points that overlap a little."""
    drawn = np.random.default_rng(3).normal(size=(2, 15, 2))
    return torch.as_tensor(drawn[0] + [1.5, 0.5]), torch.as_tensor(drawn[1] - [1.0, 0.0])


def _critic(line: Tensor, x: Tensor) -> Tensor:
    return x @ line[:2] + line[2]


def _cut(line: NDArray[Any]) -> tuple[float, NDArray[Any]]:
    """The library's loss and its gradient at a linear critic (w, b)."""
    at = torch.tensor(line, requires_grad=True)
    x, y = _clouds()
    loss = Hinge().critic_loss(lambda s: _critic(at, s), x, y)
    return float(loss.detach()), torch.autograd.grad(loss, at)[0].numpy()


def _trained() -> NDArray[Any]:
    """Minimizes |w|^2/2 + C n L_D by cutting planes: exact after finitely many, the loss being piecewise linear."""
    line, heights, slopes = np.zeros(3), np.zeros(0), np.zeros((0, 3))
    for _ in range(200):
        value, gradient = _cut(line)
        if value - (heights + slopes @ line).max(initial=-np.inf) < 1e-10:
            break
        heights, slopes = np.append(heights, value - gradient @ line), np.vstack([slopes, gradient])
        line = _under(heights, slopes, line)
    return line


def _under(heights: NDArray[Any], slopes: NDArray[Any], start: NDArray[Any]) -> NDArray[Any]:
    """The best critic where the loss is the highest of some planes, a quadratic program in (w, b, loss)."""
    weight = STRENGTH * len(_clouds()[0])
    solution = minimize(
        lambda v: v[:2] @ v[:2] / 2 + weight * v[3],
        np.append(start, (heights + slopes @ start).max()),
        jac=lambda v: np.append(v[:2], [0, weight]),
        bounds=[(-20, 20)] * 3 + [(0, None)],
        constraints={
            "type": "ineq",
            "fun": lambda v: v[3] - heights - slopes @ v[:3],
            "jac": lambda v: np.column_stack([-slopes, np.ones(len(slopes))]),
        },
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 200},
    )
    return np.asarray(solution.x[:3])


def _machine() -> NDArray[Any]:
    """(w, b) of scikit-learn's."""
    from sklearn.svm import SVC

    x, y = _clouds()
    labels = [1] * len(x) + [-1] * len(y)
    machine = SVC(kernel="linear", C=STRENGTH, tol=1e-9).fit(torch.cat([x, y]).numpy(), labels)
    return np.append(machine.coef_[0], machine.intercept_)


@claim(
    "hinge with weight decay: the best linear critic is the support vector machine's",
    source="Lim and Ye, 2017",
    tolerance=1e-5,
)
def _() -> Pair:
    return _trained(), _machine()


@claim(
    "hinge: the generator's gradient in each sample is -w/n, along the hyperplane's normal",
    source="Lim and Ye, 2017",
    tolerance=1e-12,
)
def _() -> Pair:
    machine = _machine()
    x, y = _clouds()
    y.requires_grad_()
    loss = Hinge().generator_loss(lambda s: _critic(torch.as_tensor(machine), s), x, y)
    return torch.autograd.grad(loss, y)[0], np.tile(-machine[:2] / len(y), (len(y), 1))
