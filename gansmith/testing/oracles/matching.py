"""McGan and Fisher GAN: primal against dual, projections, frames, and the generator's gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from scipy.linalg import expm, norm, qr, svd, svdvals
from scipy.optimize import minimize as constrained
from torch import Tensor

from gansmith.duel.slopes import slope
from gansmith.objectives import CovarianceMatching, Fisher, MeanCovarianceMatching, MeanMatching, balls, frames
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import Array, batches, best, lookup, minimize, p, q

MROUEH = "Mroueh et al., 2017"
FISHER = "Mroueh and Sercu, 2017"
DERIVATION = "derivation"

_rng = np.random.default_rng(9)
M = 6
X, Y = _rng.normal(size=(40, M)) + 0.3, _rng.normal(size=(30, M)) * np.linspace(0.5, 2, M)
"""Features of real and of fake samples, unequally many."""
GAP = X.mean(0) - Y.mean(0)
S = X.T @ X / len(X) - Y.T @ Y / len(Y)
BALLS = [1, 2, math.inf]
CONJUGATE = {1: np.inf, 2: 2, math.inf: 1}
KS = [1, 2, 4, M]


def _features(x: Tensor) -> Tensor:
    return x


def _batches() -> tuple[Tensor, Tensor]:
    return torch.as_tensor(X), torch.as_tensor(Y)


@claim(
    "McGan, means: the dual is the norm conjugate to the ball of v (p = 1, 2, infinity)", source=MROUEH, tolerance=1e-12
)
def _() -> Pair:
    measured = [float(MeanMatching(b, dual=True).generator_loss(_features, *_batches())) for b in BALLS]
    return np.array(measured), np.array([norm(GAP, CONJUGATE[b]) for b in BALLS])


@claim(
    "McGan, means: projected ascent of v in the primal reaches the dual, <v, E x - E y>", source=MROUEH, tolerance=1e-9
)
def _() -> Pair:
    measured = []
    for b in BALLS:
        objective = MeanMatching(b, M).double()
        for _ in range(50):
            (toward,) = torch.autograd.grad(objective.critic_loss(_features, *_batches()), objective.v)
            objective.v.data -= 10 * toward
            objective.project_(_features)
        measured.append(
            [float(objective.joint_loss(_features, *_batches()).detach()), objective.v.detach().numpy() @ GAP]
        )
    return np.array(measured), np.array([[norm(GAP, CONJUGATE[b])] * 2 for b in BALLS])


def _nearest(v: Array, b: float) -> Array:
    """Of the ball, by a solver of quadratic programs; signs and magnitudes apart, so that the constraint is smooth."""
    size = np.abs(v)
    limit: Callable[[Array], float] = {
        1: lambda w: 1 - w.sum(),
        2: lambda w: 1 - (w * w).sum(),
        math.inf: lambda w: 1 - w.max(),
    }[b]
    bound = (0.0, 1.0 if b == math.inf else None)
    lengths = constrained(
        lambda w: ((w - size) ** 2).sum() / 2,
        np.full(len(v), 1e-3),
        jac=lambda w: w - size,
        bounds=[bound] * len(v),
        constraints=() if b == math.inf else {"type": "ineq", "fun": limit},
        options={"ftol": 1e-16, "maxiter": 500},
    ).x
    return np.asarray(np.sign(v) * lengths)


@claim(
    "McGan: v is projected to the nearest point of its ball, by a quadratic program",
    source="Duchi et al., 2008",
    tolerance=1e-6,
)
def _() -> Pair:
    points = np.random.default_rng(3).normal(size=(5, M)) * np.array([[0.05], [0.3], [1.0], [3.0], [10.0]])
    cases = [(v, b) for v in points for b in BALLS]
    measured = torch.stack([balls.project(torch.as_tensor(v), b) for v, b in cases])
    return measured, np.stack([_nearest(v, b) for v, b in cases])


@claim("McGan, covariances: the dual is the sum of the k largest singular values of S", source=MROUEH, tolerance=1e-11)
def _() -> Pair:
    measured = [float(CovarianceMatching(k, dual=True).generator_loss(_features, *_batches())) for k in KS]
    return np.array(measured), np.array([svdvals(S)[:k].sum() for k in KS])


def _primal(u: Array, v: Array) -> float:
    objective = CovarianceMatching(u.shape[1], M).double()
    with torch.no_grad():
        for frame, columns in zip(objective.parameters(), (u, v), strict=True):
            frame.copy_(torch.as_tensor(columns))
        return float(objective.joint_loss(_features, *_batches()))


@claim(
    "McGan, covariances: of a hundred orthonormal frames at random and the singular vectors of S, the largest primal "
    "is the dual",
    source=MROUEH,
    tolerance=1e-11,
)
def _() -> Pair:
    rng = np.random.default_rng(4)
    pairs = [(qr(rng.normal(size=(M, M)))[0], qr(rng.normal(size=(M, M)))[0]) for _ in range(100)]
    left, values, right = svd(S)
    pairs.append((left, right.T))
    measured = [max(_primal(u[:, :k], v[:, :k]) for u, v in pairs) for k in (1, 3)]
    return np.array(measured), np.array([values[:k].sum() for k in (1, 3)])


def _at_frames(objective: CovarianceMatching) -> Array:
    """The primal by the library, and tr U'SV of its frames by numpy."""
    u, v = (frame().detach().numpy() for frame in (objective.u, objective.v))
    return np.array([float(objective.joint_loss(_features, *_batches()).detach()), np.trace(u.T @ S @ v)])


@claim("McGan, covariances: ascent with QR retraction reaches the dual", source=MROUEH, tolerance=1e-6)
def _() -> Pair:
    objective = CovarianceMatching(2, M).double()
    for _ in range(300):
        toward = torch.autograd.grad(objective.critic_loss(_features, *_batches()), list(objective.parameters()))
        with torch.no_grad():
            for frame, g in zip(objective.parameters(), toward, strict=True):
                frame.sub_(g)
        objective.project_(_features)
    return _at_frames(objective), np.full(2, svdvals(S)[:2].sum())


@claim(
    "McGan, covariances: frames that are exponentials of skew matrices reach the dual, unprojected",
    source=DERIVATION,
    tolerance=1e-8,
)
def _() -> Pair:
    objective = CovarianceMatching(2, M, frame=frames.Exponential).double()
    minimize(lambda: objective.critic_loss(_features, *_batches()), list(objective.parameters()))
    return _at_frames(objective), np.full(2, svdvals(S)[:2].sum())


@claim(
    "McGan, centered covariances: the dual is the nuclear norm of the covariances' difference, wherever the means are",
    source=DERIVATION,
    tolerance=1e-11,
)
def _() -> Pair:
    difference = np.cov(X.T, ddof=0) - np.cov(Y.T, ddof=0)
    x, y = _batches()
    dual = CovarianceMatching(M, dual=True, centered=True)
    measured = [float(dual.generator_loss(_features, x, y + shift)) for shift in (0, 3)]
    return np.array(measured), np.full(2, norm(difference, "nuc"))


@claim("McGan, both: the dual is the sum of the two", source=MROUEH, tolerance=1e-11)
def _() -> Pair:
    measured = MeanCovarianceMatching(2, 3, dual=True).generator_loss(_features, *_batches())
    return measured, norm(GAP) + svdvals(S)[:3].sum()


@claim(
    "McGan: the dual's gradient in the fake samples is that of the primal at the best v, U, V (Danskin)",
    source=MROUEH,
    tolerance=1e-11,
)
def _() -> Pair:
    y = torch.tensor(Y, requires_grad=True)
    loss = MeanCovarianceMatching(2, 2, dual=True).generator_loss(_features, torch.as_tensor(X), y)
    left, _, right = svd(S)
    u, v = left[:, :2], right[:2].T
    return torch.autograd.grad(loss, y)[0], -(GAP / norm(GAP) + Y @ (u @ v.T + v @ u.T)) / len(Y)


@claim(
    "McGan: the slope of the dual's best function at a sample is |v + (U V' + V U') x|",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    x, y = _batches()
    x = x.requires_grad_()  # part of the batch that the function was made from
    measured = slope(MeanCovarianceMatching(2, 2, dual=True).witness(_features, x, y), x)
    left, _, right = svd(S)
    u, v = left[:, :2], right[:2].T
    return measured, ((GAP / norm(GAP) + X @ (u @ v.T + v @ u.T)) ** 2).sum(1)


@claim(
    "McGan, means: over all batches of n and m signs the squared dual is (1/n + 1/m) tr Cov on average, its bias",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    n, m = 3, 4
    every = [torch.tensor(list(product((-1.0, 1.0), repeat=count)), dtype=torch.float64) for count in (n, m)]
    dual = MeanMatching(2, dual=True)
    values = [float(dual.generator_loss(_features, x[:, None], y[:, None])) for x in every[0] for y in every[1]]
    gaps = [abs(float(x.mean() - y.mean())) for x in every[0] for y in every[1]]
    return np.array([np.square(values).mean(), np.mean(values)]), np.array([1 / n + 1 / m, np.mean(gaps)])


@claim(
    "frames: QR with the sign of R's diagonal is the nearest continuation, as scipy's QR with positive diagonal",
    source="Absil et al., 2008",
    tolerance=1e-12,
)
def _() -> Pair:
    a = np.random.default_rng(1).normal(size=(M, 3))
    orthogonal, upper = qr(a, mode="economic")
    return frames.retract(torch.as_tensor(a)), orthogonal * np.sign(np.diag(upper))


@claim("frames: an orthonormal matrix is retracted to itself", source="Absil et al., 2008", tolerance=1e-14)
def _() -> Pair:
    frame = qr(np.random.default_rng(2).normal(size=(M, M)))[0][:, :3] * np.array([1, -1, 1])
    return frames.retract(torch.as_tensor(frame)), frame


@claim("frames: the exponential of W - W' is orthonormal, the columns of scipy's", source=DERIVATION, tolerance=1e-12)
def _() -> Pair:
    frame = frames.Exponential(M, 3).double()
    free = frame.free.detach().numpy()
    measured = frame().detach()
    return torch.cat([measured, measured.T @ measured]), np.concatenate([expm(free - free.T)[:, :3], np.eye(3)])


def _fishers() -> tuple[Array, Fisher]:
    """The best table under the augmented Lagrangian, after the multiplier has come to rest."""
    objective = Fisher(0.5).double()
    table = np.zeros(len(p))
    for _ in range(40):
        table, _ = best(objective, *batches())
        omega = ((p + q) / 2 * table**2).sum()
        objective.advance_({"slack": torch.as_tensor(1 - omega)})
    return table, objective


@claim(
    "Fisher: the best critic is in proportion to (p - q)/(p + q), with E D^2 = 1; the gap is the root of the sum of "
    "(p - q)^2/((p + q)/2), and the multiplier rests at half of it",
    source=FISHER,
    tolerance=1e-6,
)
def _() -> Pair:
    table, objective = _fishers()
    direction = (p - q) / (p + q)
    gap = np.sqrt(((p - q) ** 2 / ((p + q) / 2)).sum())
    measured = [float(objective.joint_loss(lookup(torch.as_tensor(table)), *batches())), float(objective.multiplier)]
    # at the optimum the gap's derivative, linear in D, is that of the multiplier times a square
    expected = direction / np.sqrt(((p + q) / 2 * direction**2).sum())
    return np.append(table, measured), np.append(expected, [gap, gap / 2])
