"""The Dirac GAN: data at 0, one fake sample at theta, the critic D(x) = psi x; and the eigenvalues that decide."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gansmith.batch import Batch
from gansmith.duel.scores import crossing
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import (
    Divergence,
    Fisher,
    Hinge,
    LeastSquares,
    NonSaturating,
    Objective,
    Quadratic,
    Relativistic,
    Saturating,
    SlopeQuadratic,
    Wasserstein,
)
from gansmith.objectives.divergence import KL
from gansmith.regularizers import DRAGAN, R1, R2, Consistency, GradientPenalty, GradientPower, LeCam
from gansmith.testing.claims import Pair, claim

MESCHEDER = "Mescheder et al., 2018"
DERIVATION = "derivation"


class Point(nn.Module):
    """The generator: one point, and around it the noise of each sample."""

    noise: Tensor

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.register_buffer("noise", noise * torch.tensor([[1.0], [-1.0], [1.0], [-1.0]], dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        return self.theta + self.noise


class Slope(nn.Module):
    """The critic: D(x) = psi x."""

    def __init__(self) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.psi * x[:, 0]


class Dirac(GAN):
    """The game, with data and fake samples moved by +noise and -noise: the second moment is all that counts at 0."""

    def __init__(self, objective: Objective, noise: float = 0.0) -> None:
        super().__init__(Point(noise), Slope(), objective, Normal(1))
        spread = noise * torch.tensor([[1.0], [1.0], [-1.0], [-1.0]], dtype=torch.float64)
        self.batch = Batch(spread, None, torch.arange(4))

    def variables(self) -> list[nn.Parameter]:
        """theta and psi."""
        return [*self.generator.parameters(), *self.critic.parameters()]

    def at(self, theta: float, psi: float) -> Dirac:
        """Puts the players there."""
        for variable, value in zip(self.variables(), (theta, psi), strict=True):
            variable.data.fill_(value)
        return self

    def field(self) -> Tensor:
        """(-dL_G/dtheta, -dL_D/dpsi) where the players are, with its graph."""
        theta, psi = self.variables()
        players = self.players()
        with crossing(True):
            losses = players["generator"].loss(self.batch), players["critic"].loss(self.batch)
        pulls = [torch.autograd.grad(a, b, create_graph=True)[0] for a, b in zip(losses, (theta, psi), strict=True)]
        return -torch.stack(pulls)

    def jacobian(self) -> Tensor:
        """Of the field, in (theta, psi)."""
        options: dict[str, Any] = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
        return torch.stack([torch.stack(torch.autograd.grad(v, self.variables(), **options)) for v in self.field()])


def ordered(eigenvalues: Sequence[complex] | NDArray[Any]) -> NDArray[np.complex128]:
    """By real and then by imaginary part, up to rounding."""
    return np.array(sorted((complex(v) for v in eigenvalues), key=lambda v: (round(v.real, 6), v.imag)))


def around(center: float, discriminant: float) -> list[complex]:
    """The two roots center +- sqrt(discriminant)."""
    root = cmath.sqrt(discriminant)
    return [center - root, center + root]


Matrix = list[list[float]]


def turns(
    statement: str,
    source: str,
    game: Callable[[float], Dirac],
    jacobian: Callable[[float], Matrix],
    eigenvalues: Callable[[float], list[complex]],
    strengths: Sequence[float] = (0.4, 1.0, 3.0),
) -> None:
    """Claims the field's Jacobian in (theta, psi) at the equilibrium, and its eigenvalues: one line a method.

    Arguments:
        statement: in words.
        source: where it is from.
        game: strength of the regularizer, or of the noise -> the game.
        jacobian: the same -> the matrix in closed form.
        eigenvalues: the same -> its two eigenvalues in closed form.
        strengths: weak, critical and strong.
    """

    @claim(f"Dirac GAN, {statement}", source=source, tolerance=1e-6)
    def _() -> Pair:
        matrices = [game(s).jacobian().numpy() for s in strengths]
        measured = [np.append(m.ravel(), ordered(np.linalg.eigvals(m))) for m in matrices]
        expected = [np.append(np.ravel(jacobian(s)), ordered(eigenvalues(s))) for s in strengths]
        return np.stack(measured), np.stack(expected)


def plain(name: str, source: str, make: Callable[[], Objective], speed: float) -> None:
    """Claims that a method without a regularizer turns for ever."""
    turns(
        f"{name}: theta' = s psi and psi' = -s theta near 0, s = {speed:g}: the eigenvalues are +-{speed:g}i, it turns",
        source,
        lambda _: Dirac(make()),
        lambda _: [[0, speed], [-speed, 0]],
        lambda _: around(0, -(speed**2)),
        (0.0,),
    )


plain("saturating", MESCHEDER, Saturating, 0.5)
plain("non-saturating", MESCHEDER, NonSaturating, 0.5)
plain("hinge", DERIVATION, Hinge, 1.0)
plain("relativistic pairs", DERIVATION, Relativistic, 0.5)
plain("relativistic average", DERIVATION, lambda: Relativistic(average=True), 0.5)
plain("LSGAN to -1 and 1", DERIVATION, lambda: LeastSquares(-1, 1, 1), 1.0)
plain("f-GAN, 2 JSD", DERIVATION, Divergence, 0.5)
plain("f-GAN, KL, with the speed 1/e", DERIVATION, lambda: Divergence(KL), 1 / math.e)
plain("Fisher", DERIVATION, Fisher, 1.0)

turns(
    "non-saturating + R1(g): the eigenvalues are -g/2 +- sqrt(g^2/4 - 1/4)",
    MESCHEDER,
    lambda g: Dirac(NonSaturating() + R1(g)),
    lambda g: [[0, 0.5], [-0.5, -g]],
    lambda g: around(-g / 2, g**2 / 4 - 1 / 4),
)
turns(
    "non-saturating + R2(g): the eigenvalues are -g/2 +- sqrt(g^2/4 - 1/4)",
    MESCHEDER,
    lambda g: Dirac(NonSaturating() + R2(g)),
    lambda g: [[0, 0.5], [-0.5, -g]],
    lambda g: around(-g / 2, g**2 / 4 - 1 / 4),
)
turns(
    "Wasserstein + R1(g): the eigenvalues are -g/2 +- sqrt(g^2/4 - 1)",
    MESCHEDER,
    lambda g: Dirac(Wasserstein() + R1(g)),
    lambda g: [[0, 1], [-1, -g]],
    lambda g: around(-g / 2, g**2 / 4 - 1),
)
turns(
    "relativistic pairs + R1(g) + R2(g): the eigenvalues are -g +- sqrt(g^2 - 1/4)",
    DERIVATION,
    lambda g: Dirac(Relativistic() + R1(g) + R2(g)),
    lambda g: [[0, 0.5], [-0.5, -2 * g]],
    lambda g: around(-g, g**2 - 1 / 4),
)
turns(
    "non-saturating with noise s: the eigenvalues are -s^2/4 +- sqrt(s^4/16 - 1/4), so that s^2 = 2 is critical",
    MESCHEDER,
    lambda s: Dirac(NonSaturating(), noise=s),
    lambda s: [[0, 0.5], [-0.5, -(s**2) / 2]],
    lambda s: around(-(s**2) / 4, s**4 / 16 - 1 / 4),
    (0.5, 2**0.5, 2.0),
)


PLACES = [(0.3, -0.7), (-1.2, 0.4), (0.8, 1.5)]


def flows(
    statement: str, source: str, make: Callable[[], Objective], expected: Callable[[float, float], list[float]]
) -> None:
    """Claims the field away from the equilibrium, (theta, psi) -> (theta', psi'): one line a method."""

    @claim(f"Dirac GAN, {statement}", source=source, tolerance=1e-9)
    def _() -> Pair:
        measured = torch.stack([Dirac(make()).at(*place).field() for place in PLACES])
        return measured, np.array([expected(*place) for place in PLACES])


flows("Wasserstein: the field is (psi, -theta)", MESCHEDER, Wasserstein, lambda a, b: [b, -a])
flows(
    "GAN-QP: the field is (psi, -theta - psi |theta|/w), damped by a term of higher order",
    DERIVATION,
    lambda: Quadratic(2.0),
    lambda a, b: [b, -a - b * abs(a) / 2],
)
flows(
    "slope QP: the field is (psi, -theta - 2w psi) as under R1(2w)",
    DERIVATION,
    lambda: SlopeQuadratic(0.25),
    lambda a, b: [b, -a - 0.5 * b],
)
flows(
    "Wasserstein + GradientPenalty: the field is (psi, -theta - 2w (|psi| - 1) sign psi), never at rest",
    MESCHEDER,
    lambda: Wasserstein() + GradientPenalty(0.1),
    lambda a, b: [b, -a - 0.2 * (abs(b) - 1) * np.sign(b)],
)
turns(
    "Wasserstein + GradientPower(k, 2): the eigenvalues are -k +- sqrt(k^2 - 1), as under R1(2k)",
    "Wu et al., 2018",
    lambda k: Dirac(Wasserstein() + GradientPower(k, 2)),
    lambda k: [[0, 1], [-1, -2 * k]],
    lambda k: around(-k, k**2 - 1),
)
turns(
    "Wasserstein + Consistency(w, w) with a shift d: the eigenvalues are -2w d^2 +- sqrt(4w^2 d^4 - 1)",
    DERIVATION,
    lambda w: Dirac(Wasserstein() + Consistency(w, w, lambda x: x + 0.5)),
    lambda w: [[0, 1], [-1, -w]],
    lambda w: around(-w / 2, w**2 / 4 - 1),
)
flows(
    "Wasserstein + GradientPower(k, 6): the field is (psi, -theta - 6k |psi|^5 sign psi)",
    "Wu et al., 2018",
    lambda: Wasserstein() + GradientPower(0.3, 6),
    lambda a, b: [b, -a - 1.8 * abs(b) ** 5 * np.sign(b)],
)
flows(
    "non-saturating + DRAGAN: the field is (psi s(-psi theta), -theta s(psi theta) - 2w (|psi| - 1) sign psi)",
    DERIVATION,
    lambda: NonSaturating() + DRAGAN(0.1),
    lambda a, b: [b / (1 + np.exp(a * b)), -a / (1 + np.exp(-a * b)) - 0.2 * (abs(b) - 1) * np.sign(b)],
)


def _lecam(weight: float, anchor: float) -> LeCam:
    term = LeCam(weight, one_sided=False).double()
    term.advance_({"real": torch.tensor(anchor), "fake": torch.tensor(-anchor)})
    return term


turns(
    "Wasserstein + LeCam(w) with anchors +-a: the eigenvalues are +-i sqrt(1 - 2wa), undamped, real beyond wa = 1/2",
    DERIVATION,
    lambda w: Dirac(Wasserstein() + _lecam(w, 0.5)),
    lambda w: [[0, 1], [w - 1, 0]],
    lambda w: around(0, w - 1),
    (0.3, 0.9, 1.5),
)
