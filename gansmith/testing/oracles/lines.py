"""Two parallel lines a distance t apart: what each objective tells a generator that is far from the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from gansmith.duel.samples import Critic
from gansmith.objectives import (
    Divergence,
    Fisher,
    Hinge,
    KernelDiscrepancy,
    LeastSquares,
    MeanMatching,
    NonSaturating,
    Objective,
    PairwiseQuadratic,
    Quadratic,
    Relativistic,
    Saturating,
    SlopeQuadratic,
    Wasserstein,
)
from gansmith.objectives.divergence import KL
from gansmith.objectives.kernels import RBF, DistanceKernel
from gansmith.regularizers import GradientPenalty
from gansmith.testing.claims import Numbers, Pair, claim
from gansmith.testing.oracles.support import minimize

ARJOVSKY = "Arjovsky et al., 2017"

DISTANCES = np.array([0.1, 0.7, 3.0])
STEEP = np.array([1.0, 10.0, 100.0])


def line(t: Tensor | float) -> Tensor:
    """Points (8, 2) at the height t."""
    along = torch.linspace(0, 1, 8, dtype=torch.float64)
    return torch.stack([torch.as_tensor(t, dtype=torch.float64).expand(8), along], 1)


def falling(slope: float | Tensor, t: float) -> Critic:
    """D(x) = slope (t/2 - x), zero half way between the lines."""
    return lambda s: slope * (t / 2 - s[:, 0])


def best_slope(objective: Objective, t: float) -> float:
    """Of all critics that fall straight from line to line, that of the least critic loss."""
    slope = torch.full((), 0.5, dtype=torch.float64, requires_grad=True)
    minimize(lambda: objective.critic_loss(falling(slope, t), line(0.0), line(t)), [slope])
    return float(slope.detach())


def push(objective: Objective, slope: float, t: float) -> float:
    """dL_G/dt: how much the generator gains by coming nearer."""
    distance = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    loss = objective.generator_loss(falling(slope, t), line(0.0), line(distance))
    return float(torch.autograd.grad(loss, distance)[0])


def gains(statement: str, source: str, make: Callable[[], Objective], expected: Callable[[float], float]) -> None:
    """Claims the best slope, and dL_G/dt at it, as a function of the distance: one line an objective that has one."""

    @claim(f"two lines t apart, {statement}", source=source, tolerance=1e-6)
    def _() -> Pair:
        slopes = [best_slope(make(), t) for t in DISTANCES]
        measured = [[slope, push(make(), slope, t)] for slope, t in zip(slopes, DISTANCES, strict=True)]
        return np.array(measured), np.array([[expected(t)] * 2 for t in DISTANCES])


def gains_under(
    statement: str, source: str, make: Callable[[], Objective], expected: Callable[[np.ndarray, float], Numbers]
) -> None:
    """Claims dL_G/dt under the critic k(t/2 - x) as a function of k and t: one line an objective."""

    @claim(f"two lines t apart, {statement}", source=source, tolerance=1e-9)
    def _() -> Pair:
        measured = [[push(make(), k, t) for k in STEEP] for t in DISTANCES]
        return np.array(measured), np.array([expected(STEEP, t) for t in DISTANCES])


@claim(
    "two lines t apart, non-saturating: L_D = 2 log(1 + e^(-kt/2)) under D = k(t/2 - x), 0 as k grows: JSD = log 2",
    source=ARJOVSKY,
    tolerance=1e-12,
)
def _() -> Pair:
    cases = [(k, t) for k in STEEP for t in DISTANCES]
    losses = [float(NonSaturating().critic_loss(falling(k, t), line(0.0), line(t))) for k, t in cases]
    return np.array(losses), np.array([2 * np.log1p(np.exp(-k * t / 2)) for k, t in cases])


gains_under(
    "saturating: dL_G/dt = k/(1 + e^(kt/2)) under D = k(t/2 - x), nothing as k grows",
    "Arjovsky and Bottou, 2017",
    Saturating,
    lambda k, t: k * expit(-k * t / 2),
)
gains_under(
    "non-saturating: dL_G/dt = k/(1 + e^(-kt/2)) under D = k(t/2 - x)",
    "Arjovsky and Bottou, 2017",
    NonSaturating,
    lambda k, t: k * expit(k * t / 2),
)
gains_under(
    "relativistic pairs: dL_G/dt = k/(1 + e^(-kt)) under D = k(t/2 - x)",
    "derivation",
    Relativistic,
    lambda k, t: k * expit(k * t),
)
gains_under(
    "relativistic average: dL_G/dt = k/(1 + e^(-kt)) under D = k(t/2 - x)",
    "derivation",
    lambda: Relativistic(average=True),
    lambda k, t: k * expit(k * t),
)
gains_under(
    "hinge: dL_G/dt = k under D = k(t/2 - x)",
    "Lim and Ye, 2017",
    Hinge,
    lambda k, t: k,
)
gains_under("Wasserstein: dL_G/dt = k under D = k(t/2 - x), dW1/dt where k = 1", ARJOVSKY, Wasserstein, lambda k, t: k)
gains(
    "Wasserstein + GradientPenalty: the best slope, and dL_G/dt, is 1 + t/2w",
    "derivation",
    lambda: Wasserstein() + GradientPenalty(10.0),
    lambda t: 1 + t / 20,
)
gains(
    "Wasserstein + GradientPenalty(one_sided=True): the best slope, and dL_G/dt, is 1 + t/2w, too",
    "derivation",
    lambda: Wasserstein() + GradientPenalty(10.0, one_sided=True),
    lambda t: 1 + t / 20,
)
gains(
    "GAN-QP: the best slope, and dL_G/dt, is w d/t at every distance",
    "Su, 2018",
    lambda: Quadratic(10.0),
    lambda t: 10 / 2,
)
gains(
    "slope QP: the best slope, and dL_G/dt, is mean (x - y)^2/(2wt)",
    "Su, 2019",
    lambda: SlopeQuadratic(0.25),
    lambda t: t / 2 / 0.5,
)
gains_under(
    "LSGAN to 0 and 1: dL_G/dt = k(1 + kt/2) under D = k(t/2 - x)",
    "Mao et al., 2017",
    LeastSquares,
    lambda k, t: k * (1 + k * t / 2),
)
gains_under(
    "f-GAN, KL: dL_G/dt = k e^(-kt/2 - 1) under D = k(t/2 - x), nothing as k grows",
    "Nowozin et al., 2016",
    lambda: Divergence(KL),
    lambda k, t: k * np.exp(-k * t / 2 - 1),
)
gains_under(
    "f-GAN, KL, by the trick: dL_G/dt = k under D = k(t/2 - x)",
    "Nowozin et al., 2016",
    lambda: Divergence(KL, trick=True),
    lambda k, t: k,
)
gains_under("Fisher: dL_G/dt = k under D = k(t/2 - x)", "Mroueh and Sercu, 2017", Fisher, lambda k, t: k)


def moved(statement: str, source: str, make: Callable[[], Objective], expected: Callable[[float], float]) -> None:
    """Claims dL_G/dt where the features are the points themselves: one line an objective of features."""

    @claim(f"two lines t apart, features the points: {statement}", source=source, tolerance=1e-8)
    def _() -> Pair:
        measured = []
        for t in DISTANCES:
            at = torch.tensor(t, dtype=torch.float64, requires_grad=True)
            loss = make().generator_loss(lambda s: s, line(0.0), line(at))
            measured.append(float(torch.autograd.grad(loss, at)[0]))
        return np.array(measured), np.array([expected(t) for t in DISTANCES])


def _between(slope: Callable[[np.ndarray], np.ndarray], t: float) -> float:
    """-2 dE k/dt between the lines, from the slope of a kernel in the squared distance."""
    along = np.linspace(0, 1, 8)
    return float(-2 * (2 * t * slope(np.subtract.outer(along, along) ** 2 + t**2)).mean())


moved("McGan of means has dL_G/dt = 1", "Mroueh et al., 2017", lambda: MeanMatching(2, dual=True), lambda t: 1)
moved(
    "MMD with a Gaussian kernel has dL_G/dt = 2t E k/s^2, nothing far away",
    "derivation",
    lambda: KernelDiscrepancy(RBF((0.5,))),
    lambda t: _between(lambda d: -2 * np.exp(-2 * d), t),
)
moved(
    "MMD with the distance kernel has dL_G/dt = 2t E 1/d, a pull that stays",
    "derivation",
    lambda: KernelDiscrepancy(DistanceKernel(), biased=True),
    lambda t: _between(lambda d: -0.5 / np.sqrt(d), t),
)


@claim(
    "two lines t apart, GAN-QP of pairs: dL_G/dt = w d/t at the best critic k(y - x)/2",
    source="Su, 2018",
    tolerance=1e-6,
)
def _() -> Pair:
    objective, measured = PairwiseQuadratic(10.0), []
    for t in DISTANCES:
        slope = torch.full((), 0.5, dtype=torch.float64, requires_grad=True)

        def critic(pair: tuple[Tensor, Tensor], slope: Tensor = slope) -> Tensor:
            return slope * (pair[1] - pair[0])[:, 0] / 2

        minimize(lambda t=t, critic=critic: objective.critic_loss(critic, line(0.0), line(t)), [slope])  # type: ignore[misc]
        at = torch.tensor(t, dtype=torch.float64, requires_grad=True)
        measured.append(float(torch.autograd.grad(objective.generator_loss(critic, line(0.0), line(at)), at)[0]))
    return np.array(measured), np.full(len(DISTANCES), 10 / 2)
