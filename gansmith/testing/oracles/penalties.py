"""Penalties on slopes, at critics whose slopes are known: linear ones, and half the squared norm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gansmith.duel.samples import Critic
from gansmith.duel.slopes import interpolate
from gansmith.regularizers import DRAGAN, R1, R2, GradientPenalty, GradientPower, Lazy, Regularizer
from gansmith.testing.claims import Pair, claim

GULRAJANI = "Gulrajani et al., 2017"
PETZKA = "Petzka et al., 2018"
MESCHEDER = "Mescheder et al., 2018"

_rng = np.random.default_rng(5)
W = _rng.normal(size=(2, 3, 3))
X, Y = _rng.normal(size=(2, 6, 2, 3, 3)) * 0.5
"""The weights of a linear critic of images, with a norm of 4.4, and six real and six fake images."""


def linear(w: Tensor) -> Critic:
    """D(x) = <w, x>."""
    return lambda x: (w * x).flatten(1).sum(1)


def bowl(x: Tensor) -> Tensor:
    """D(x) = |x|^2/2, whose slope is |x|."""
    return x.square().flatten(1).sum(1) / 2


def _at_linear(term: Regularizer, scale: float) -> tuple[float, Tensor]:
    """A penalty at scale * W, and its gradient in the weights."""
    w = torch.tensor(scale * W, requires_grad=True)
    value = term(linear(w), torch.tensor(X), torch.tensor(Y))
    return float(value.detach()), torch.autograd.grad(value, w)[0]


SCALES = [0.1, 0.5, 2.0]


def of_linear(
    statement: str,
    source: str,
    make: Callable[[], Regularizer],
    value: Callable[[float], float],
    slope: Callable[[float], float],
) -> None:
    """Claims a penalty at a linear critic of weights w, and its gradient in w: one line a penalty.

    Arguments:
        statement: in words.
        source: where it is from.
        make: the penalty.
        value: norm of w -> the penalty.
        slope: norm of w -> the factor of w/|w| in the gradient.
    """
    norms = [float(scale * np.linalg.norm(W)) for scale in SCALES]

    @claim(f"linear critic: {statement}, and its gradient in w", source=source, tolerance=1e-8)
    def _() -> Pair:
        measured = [_at_linear(make(), scale) for scale in SCALES]
        expected = [np.append(value(n), slope(n) * W / np.linalg.norm(W)) for n in norms]
        return np.stack([np.append(v, g) for v, g in measured]), np.stack(expected)


of_linear(
    "GradientPenalty is 10 (|w| - 1)^2, whatever the data",
    GULRAJANI,
    GradientPenalty,
    lambda n: 10 * (n - 1) ** 2,
    lambda n: 20 * (n - 1),
)
of_linear(
    "GradientPenalty(target=c) is (|w| - c)^2",
    GULRAJANI,
    lambda: GradientPenalty(1.0, target=3.0),
    lambda n: (n - 3) ** 2,
    lambda n: 2 * (n - 3),
)
of_linear(
    "GradientPenalty(one_sided=True) is 10 max(|w| - 1, 0)^2",
    PETZKA,
    lambda: GradientPenalty(one_sided=True),
    lambda n: 10 * max(n - 1, 0) ** 2,
    lambda n: 20 * max(n - 1, 0),
)
of_linear(
    "GradientPower is k |w|^p",
    "Wu et al., 2018",
    lambda: GradientPower(0.5, 3),
    lambda n: 0.5 * n**3,
    lambda n: 1.5 * n**2,
)
of_linear(
    "DRAGAN is 10 (|w| - c)^2, whatever its noise",
    "Kodali et al., 2017",
    lambda: DRAGAN(10.0, 0.5),
    lambda n: 10 * (n - 0.5) ** 2,
    lambda n: 20 * (n - 0.5),
)
of_linear(
    "DRAGAN in the authors' form is the same",
    "Kodali et al., 2017",
    lambda: DRAGAN(10.0, 0.5, noise="authors"),
    lambda n: 10 * (n - 0.5) ** 2,
    lambda n: 20 * (n - 0.5),
)
of_linear(
    "Lazy(R1, k) is k g |w|^2/2 when it is due",
    "Karras et al., 2019",
    lambda: Lazy(R1(3.0), 4),
    lambda n: 6 * n**2,
    lambda n: 12 * n,
)
of_linear("R1 is g |w|^2/2", MESCHEDER, lambda: R1(3.0), lambda n: 3 * n**2 / 2, lambda n: 3 * n)
of_linear("R2 is g |w|^2/2", MESCHEDER, lambda: R2(3.0), lambda n: 3 * n**2 / 2, lambda n: 3 * n)


def _squares(images: np.ndarray) -> np.ndarray:
    return np.asarray((images**2).reshape(len(images), -1).sum(1))


@claim("at D = |x|^2/2: R1 is g/2 times the mean of |x|^2 over real samples", source=MESCHEDER, tolerance=1e-12)
def _() -> Pair:
    return R1(3.0)(bowl, torch.tensor(X), torch.tensor(Y)), 1.5 * _squares(X).mean()


@claim("at D = |x|^2/2: R2 is g/2 times the mean of |y|^2 over fake samples", source=MESCHEDER, tolerance=1e-12)
def _() -> Pair:
    return R2(3.0)(bowl, torch.tensor(X), torch.tensor(Y)), 1.5 * _squares(Y).mean()


@claim(
    "at D = |x|^2/2: GradientPenalty is 10 times the mean of (|x| - 1)^2 where real = fake",
    source=GULRAJANI,
    tolerance=1e-9,
)
def _() -> Pair:
    x = torch.tensor(X)
    return GradientPenalty()(bowl, x, x), 10 * ((np.sqrt(_squares(X)) - 1) ** 2).mean()


@claim(
    "at D = |x|^2/2, x = 0 and |y| = r: GradientPenalty(1) has the mean r^2/3 - r + 1 over the segments (20,000 draws)",
    source="derivation",
    tolerance=1e-2,
)
def _() -> Pair:
    y = torch.full((20_000, 4), 0.9, dtype=torch.float64)
    return GradientPenalty(1.0)(bowl, torch.zeros_like(y), y), 1.8**2 / 3 - 1.8 + 1


@claim("GradientPenalty's points lie on the segments: |x - p| + |p - y| = |x - y|", source=GULRAJANI, tolerance=1e-12)
def _() -> Pair:
    between = interpolate(torch.tensor(X), torch.tensor(Y))
    assert isinstance(between, Tensor)
    points = between.detach().numpy()
    ways = np.sqrt(_squares(points - X)) + np.sqrt(_squares(points - Y))
    return ways, np.sqrt(_squares(X - Y))
