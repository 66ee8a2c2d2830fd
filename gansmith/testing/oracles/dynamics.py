"""How players move: moduli on a pure rotation, Euler's error, and equivalent ways to take the same step."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils import parameters_to_vector
from torch.optim import SGD, Adam

from gansmith.batch import Batch
from gansmith.dynamics import (
    EULER,
    HEUN,
    MIDPOINT,
    RK4,
    Alternating,
    ClipLayerNorm,
    ClipNorm,
    ClipValue,
    Consensus,
    Dynamics,
    Extragradient,
    Optimistic,
    Project,
    RungeKutta,
    Sign,
    Simultaneous,
    Tableau,
    rates,
)
from gansmith.dynamics.gradients import Gradients
from gansmith.games import GAN
from gansmith.games.base import Player
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating, Wasserstein
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.dirac import Dirac

DERIVATION = "derivation"
Make = Callable[[dict[str, Any]], Dynamics]


def step_matrix(make: Make, a: float) -> NDArray[Any]:
    """What a step of size a does to (theta, psi) in the game min max theta psi, which is linear in them."""
    return np.array([_step(make, a, 1.0, 0.0), _step(make, a, 0.0, 1.0)]).T


def _step(make: Make, a: float, theta: float, psi: float) -> list[float]:
    game = Dirac(Wasserstein()).at(theta, psi)
    players = game.players()
    dynamics = make({name: SGD(player.parameters(), a) for name, player in players.items()})
    dynamics.step(players, lambda _: game.batch, (0,))
    return [float(v.detach()) for v in game.variables()]


ROTATION = np.array([[0.0, 1.0], [-1.0, 0.0]])
"""The field of that game: theta' = psi, psi' = -theta."""


def modulus(
    statement: str,
    make: Make,
    matrix: Callable[[float, NDArray[Any]], NDArray[Any]],
    expected: Callable[[float], float],
    steps: Sequence[float] = (0.1, 0.5, 1.0, 1.5),
    source: str = DERIVATION,
) -> None:
    """Claims the matrix of a step on a pure rotation, and its largest modulus: one line a dynamics.

    Arguments:
        statement: in words.
        make: optimizers by player's name -> dynamics.
        matrix: step size a, a times the field's matrix -> the step's matrix in closed form, less the identity.
        expected: step size times frequency -> modulus in closed form.
        steps: sizes to measure at.
        source: where it is from.
    """

    @claim(f"pure rotation, {statement}", source=source, tolerance=1e-9)
    def _() -> Pair:
        matrices = [step_matrix(make, a) for a in steps]
        measured = [np.append(m.ravel(), np.abs(np.linalg.eigvals(m)).max()) for m in matrices]
        return np.stack(measured), np.stack(
            [np.append(np.eye(2) + matrix(a, a * ROTATION), expected(a)) for a in steps]
        )


def _series(order: int) -> Callable[[float, NDArray[Any]], NDArray[Any]]:
    """A + A^2/2 + ..., as far as that."""
    return lambda _, m: np.sum([np.linalg.matrix_power(m, k) / math.factorial(k) for k in range(1, order + 1)], axis=0)


modulus(
    "simultaneous: a step of size a is I + aA, it grows by sqrt(1 + a^2)",
    Simultaneous,
    _series(1),
    lambda a: (1 + a**2) ** 0.5,
)
modulus(
    "extragradient: a step of size a is I + aA (I + aA), it shrinks by sqrt(1 - a^2 + a^4) below a = 1",
    Extragradient,
    lambda _, m: m + m @ m,
    lambda a: (1 - a**2 + a**4) ** 0.5,
    source="Gidel et al., 2018",
)
modulus(
    "Heun: a step of size a is the series of exp(aA) to order 2, it grows by sqrt(1 + a^4/4)",
    lambda o: RungeKutta(o, method=HEUN),
    _series(2),
    lambda a: (1 + a**4 / 4) ** 0.5,
)
modulus("midpoint: the same", lambda o: RungeKutta(o, method=MIDPOINT), _series(2), lambda a: (1 + a**4 / 4) ** 0.5)
modulus(
    "RK4: a step of size a is the series to order 4, it shrinks by sqrt(1 - a^6/72 + a^8/576) below a = 2 sqrt 2",
    lambda o: RungeKutta(o, method=RK4),
    _series(4),
    lambda a: (1 - a**6 / 72 + a**8 / 576) ** 0.5,
    (0.5, 1.0, 2.0, 2.9),
)
modulus(
    "consensus of weight w: a step of size a is (1 - aw) I + aA, of the modulus sqrt((1 - aw)^2 + a^2)",
    lambda o: Consensus(o, 0.4),
    lambda a, m: m - 0.4 * a * np.eye(2),
    lambda a: ((1 - 0.4 * a) ** 2 + a**2) ** 0.5,
    source="Mescheder et al., 2017",
)
for moves in (1, 5):
    modulus(
        f"alternating, critic moves a round: {moves}: with n a step is [[1 - na^2, a], [-na, 1]], of modulus 1 as "
        "long as n a^2 < 4",
        partial(Alternating, critic=moves),
        lambda a, m, n=moves: np.array([[-n * a * a, a], [-n * a, 0.0]]),  # type: ignore[misc]
        lambda a: 1.0,
        (0.1, 0.5, 0.8),
    )


@claim(
    "pure rotation, optimistic: x_(t+1) = x_t + aA (2 x_t - x_(t-1)); with a <= 1/2 it shrinks by "
    "sqrt((1 + sqrt(1 - 4a^2))/2) in the long run",
    source="Daskalakis et al., 2017",
    tolerance=1e-9,
)
def _() -> Pair:
    sizes, measured, expected = np.array([0.3, 0.45]), [], []
    for a in sizes:
        game = Dirac(Wasserstein()).at(1.0, 0.0)
        players = game.players()
        dynamics = Optimistic({name: SGD(player.parameters(), a) for name, player in players.items()})
        path, formula = [np.array([1.0, 0.0])], [np.array([1.0, 0.0])]
        for step in range(80):
            dynamics.step(players, lambda _, game=game: game.batch, (0,))  # type: ignore[misc]
            path.append(np.array([float(v.detach()) for v in game.variables()]))
            ahead = 2 * formula[-1] - formula[-2] if step else formula[0]
            formula.append(formula[-1] + a * ROTATION @ ahead)
        measured.append(np.append(path[4], np.linalg.norm(path[-1]) / np.linalg.norm(path[-2])))
        expected.append(np.append(formula[4], np.sqrt((1 + np.sqrt(1 - 4 * a**2)) / 2)))
    return np.stack(measured), np.stack(expected)


@claim(
    "pure rotation, ODE-GAN's regularizer w |dL_G|^2 on the critic: a step of Euler is [[1, a], [-a, 1 - 2wa]]",
    source="Qin et al., 2020",
    tolerance=1e-12,
)
def _() -> Pair:
    measured = step_matrix(lambda o: RungeKutta(o, method=EULER, regularize=("generator", "critic", 0.07)), 0.3)
    return measured, np.array([[1, 0.3], [-0.3, 1 - 2 * 0.07 * 0.3]])


def _integrated(method: Tableau) -> list[float]:
    """y' = -y^2 from 1 in four steps of 1/4."""
    y, one = nn.ParameterList([torch.ones((), dtype=torch.float64)]), Batch(torch.zeros(1, 1), None, torch.zeros(1))
    player, places = Player([y], lambda _: y[0] ** 3 / 3), []
    dynamics = RungeKutta({"alone": SGD(y, 0.25)}, method=method)
    for _ in range(4):
        dynamics.step({"alone": player}, lambda _: one, (0,))
        places.append(float(y[0].detach()))
    return places


def _slope(y: float) -> float:
    return -(y**2)


def _textbook(y: float, h: float) -> list[float]:
    """A step of y' = -y^2 by Euler, midpoint, Heun and RK4."""
    a = _slope(y)
    b = _slope(y + h * a / 2)
    c = _slope(y + h * b / 2)
    d = _slope(y + h * c)
    return [y + h * a, y + h * b, y + h * (a + _slope(y + h * a)) / 2, y + h * (a + 2 * b + 2 * c + d) / 6]


@claim(
    "y' = -y^2: four steps of Euler, midpoint, Heun and RK4 are those of the textbook's formulas",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    expected = [[1.0], [1.0], [1.0], [1.0]]
    for _ in range(4):
        for i, places in enumerate(expected):
            places.append(_textbook(places[-1], 0.25)[i])
    return np.array([_integrated(m) for m in (EULER, MIDPOINT, HEUN, RK4)]), np.array(expected)[:, 1:]


@claim(
    "adaptive Heun: no step of y' = -y^2 from 3 differs from Euler's by more than the tolerance",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    y, one = nn.ParameterList([torch.tensor(3.0, dtype=torch.float64)]), Batch(torch.zeros(1, 1), None, torch.zeros(1))
    player = Player([y], lambda _: y[0] ** 3 / 3)
    dynamics = RungeKutta({"alone": SGD(y, 0.5)}, method=HEUN, tolerance=1e-2)
    beyond = []
    for _ in range(20):
        before = float(y[0].detach())
        h = float(dynamics.step({"alone": player}, lambda _: one, (0,))["alone/step_size"])
        euler = before - h * before**2
        heun = before - h * (before**2 + euler**2) / 2
        beyond += [abs(heun - euler) - 1e-2, abs(float(y[0].detach()) - heun)]
    return max(*beyond, 0.0), 0.0


H = np.array([[3.0, 1.0], [1.0, 2.0]])
START = np.array([1.0, -0.7])
"""A player alone, who wants x'Hx/2 small, and where it starts."""


class Place(nn.Module):
    """x, or phi with x = scale * phi."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor(START))
        if scale != 1:
            rates.scale_rate(self, scale)

    def forward(self) -> Tensor:
        return self.x


def _descend(
    make: Make, optimizer: Callable[[list[nn.Parameter]], Any], steps: int = 1, scale: float = 1.0
) -> NDArray[Any]:
    """Where the player is after so many steps."""
    place, one = Place(scale), Batch(torch.zeros(1, 1), None, torch.zeros(1))
    player = Player([place], lambda _: place() @ torch.as_tensor(H) @ place() / 2)
    dynamics = make({"alone": optimizer(player.parameters())})
    for _ in range(steps):
        dynamics.step({"alone": player}, lambda _: one, (0,))
    value: NDArray[Any] = place().detach().numpy()
    return value


def _sgd(rate: float) -> Callable[[list[nn.Parameter]], SGD]:
    return partial(SGD, lr=rate)


@claim(
    "gradient descent: a step h misses the flow by h^2 H gradient/2, by scipy's exponential",
    source=DERIVATION,
    tolerance=1e-4,
)
def _() -> Pair:
    from scipy.linalg import expm

    def miss(h: float) -> NDArray[Any]:
        return np.asarray((expm(-h * H) @ START - _descend(Simultaneous, _sgd(h))) / h**2)

    return 2 * miss(1e-3) - miss(2e-3), H @ H @ START / 2


@claim(
    "x = c phi: under SGD a rate r for phi is a rate c^2 r for x, x_n = (1 - c^2 r H)^n x_0",
    source="derivation",
    tolerance=1e-12,
)
def _() -> Pair:
    shrink = np.eye(2) - 3.0**2 * 0.01 * H
    return _descend(Alternating, _sgd(0.01), 5, scale=3.0), np.linalg.matrix_power(shrink, 5) @ START


@claim(
    "x = c phi: under Adam a rate r for phi is a rate c r for x, by Adam's formula",
    source="derivation",
    tolerance=1e-12,
)
def _() -> Pair:
    x, m, v = START.copy(), np.zeros(2), np.zeros(2)
    for step in range(1, 6):
        g = H @ x
        m, v = 0.5 * m + 0.5 * g, 0.9 * v + 0.1 * g**2
        x = x - 3.0 * 0.01 * (m / (1 - 0.5**step)) / np.sqrt(v / (1 - 0.9**step))
    return _descend(Alternating, partial(Adam, lr=0.01, betas=(0.5, 0.9), eps=1e-300), 5, scale=3.0), x


@claim("parameter groups with a factor c of the rate: x_n = (1 - c r H)^n x_0", source="derivation", tolerance=1e-12)
def _() -> Pair:
    place, one = Place(), Batch(torch.zeros(1, 1), None, torch.zeros(1))
    player = Player([place], lambda _: place() @ torch.as_tensor(H) @ place() / 2)
    dynamics = Alternating({"alone": SGD(rates.rate_groups(player, 0.01, {place: 9.0}))})
    for _ in range(5):
        dynamics.step({"alone": player}, lambda _: one, (0,))
    return place(), np.linalg.matrix_power(np.eye(2) - 9.0 * 0.01 * H, 5) @ START


@claim(
    "gradient transforms: clipping by value, by norm and by layer, signs, and what a projection leaves, by numpy",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    a, b, along = np.array([3.0, -4.0]), np.array([0.5]), np.array([1.0, 2.0, -2.0])
    whole = np.append(a, b)
    size = np.linalg.norm(whole)
    expected = [
        np.clip(whole, -1, 1),
        whole * min(1, 2 / size),
        np.append(a * min(1, 2 / np.linalg.norm(a)), b * min(1, 2 / np.linalg.norm(b))),
        np.sign(whole),
        whole - along * (along @ whole) / (along @ along),
    ]
    direction = [torch.as_tensor(along[:2]), torch.as_tensor(along[2:])]
    transforms: list[Callable[[Gradients], Gradients]] = [
        ClipValue(1.0),
        ClipNorm(2.0),
        ClipLayerNorm(2.0),
        Sign(),
        Project([direction]),
    ]
    measured = [t([torch.tensor(a), torch.tensor(b)]) for t in transforms]
    return torch.stack([torch.cat([g for g in each if g is not None]) for each in measured]), np.stack(expected)


class Given:
    """Latents that are the same at each call."""

    size, std = 3, 1.0

    def __call__(self, n: int, like: Tensor | None = None) -> Tensor:
        return torch.as_tensor(np.random.default_rng(7).normal(size=(n, self.size)))


def _single_loss(game: GAN, x: Tensor, weight: float) -> Tensor:
    """What both players share: its last term is 0, and gives its gradient to the generator alone."""
    y = game.generator(Given()(len(x)))
    real, fake, still = game.critic(x), game.critic(y), game.critic(y.detach())
    return (softplus(-real) + softplus(still) + weight * (softplus(-fake) - softplus(-still))).mean()


@claim(
    "one loss, L_D(x, sg y) + k (L_G(y) - L_G(sg y)), moves under SGD as simultaneous players with rates r and k r",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    networks = MLP(3, 2, width=8, layers=2), MLP(2, None, width=8, layers=2)
    game = GAN(*networks, NonSaturating(), Given()).double()
    one = copy.deepcopy(game)
    x = torch.as_tensor(np.random.default_rng(6).normal(size=(16, 2)))
    players = game.players()
    speeds = {"critic": 0.1, "generator": 0.3}
    dynamics = Simultaneous({name: SGD(player.parameters(), speeds[name]) for name, player in players.items()})
    dynamics.step(players, lambda _: Batch(x, None, torch.arange(len(x))), (0,))
    single = SGD(one.parameters(), 0.1)
    _single_loss(one, x, 3.0).backward()
    single.step()
    return parameters_to_vector(game.parameters()), parameters_to_vector(one.parameters())
