"""How players move: moduli on a pure rotation, Euler's error, and equivalent ways to take the same step."""

from __future__ import annotations

import copy
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
)
from gansmith.dynamics.gradients import Gradients
from gansmith.dynamics.rates import rate_groups, scale_rate
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


def modulus(
    statement: str,
    make: Make,
    expected: Callable[[float], float],
    steps: Sequence[float] = (0.1, 0.5, 1.0, 1.5),
    source: str = DERIVATION,
) -> None:
    """Claims the largest modulus of a step's eigenvalues on a pure rotation: one line a dynamics.

    Arguments:
        statement: in words.
        make: optimizers by player's name -> dynamics.
        expected: step size times frequency -> modulus.
        steps: sizes to measure at.
        source: where it is from.
    """

    @claim(f"pure rotation, {statement}", source=source, tolerance=1e-6)
    def _() -> Pair:
        measured = [np.abs(np.linalg.eigvals(step_matrix(make, a))).max() for a in steps]
        return np.array(measured), np.array([expected(a) for a in steps])


def _alternating(a: float) -> float:
    """The roots of r^2 - (2 - a^2) r + 1."""
    return float(np.abs(np.roots([1, a**2 - 2, 1])).max())


modulus("simultaneous: a step of size a grows by sqrt(1 + a^2)", Simultaneous, lambda a: (1 + a**2) ** 0.5)
modulus("alternating: a step of size a < 2 stays bounded: modulus 1", Alternating, lambda a: 1.0, (0.1, 0.5, 1.0, 1.9))
modulus(
    "alternating: a step of size a > 2 grows by a^2/2 - 1 + a sqrt(a^2/4 - 1)",
    Alternating,
    lambda a: a**2 / 2 - 1 + a * (a**2 / 4 - 1) ** 0.5,
    (2.1, 3.0),
)


modulus(
    "extragradient: a step of size a shrinks by sqrt(1 - a^2 + a^4), below a = 1",
    Extragradient,
    lambda a: (1 - a**2 + a**4) ** 0.5,
    (0.1, 0.5, 1.0, 1.5),
    source="Gidel et al., 2018",
)
modulus(
    "Heun: a step of size a grows by sqrt(1 + a^4/4)",
    lambda o: RungeKutta(o, method=HEUN),
    lambda a: (1 + a**4 / 4) ** 0.5,
)
modulus(
    "midpoint: the same",
    lambda o: RungeKutta(o, method=MIDPOINT),
    lambda a: (1 + a**4 / 4) ** 0.5,
)
modulus(
    "RK4: a step of size a shrinks by sqrt(1 - a^6/72 + a^8/576), below a = 2 sqrt 2",
    lambda o: RungeKutta(o, method=RK4),
    lambda a: (1 - a**6 / 72 + a**8 / 576) ** 0.5,
    (0.5, 1.0, 2.0, 2.9),
)
modulus(
    "consensus of weight w: a step of size a has the modulus sqrt((1 - a w)^2 + a^2)",
    lambda o: Consensus(o, 0.4),
    lambda a: ((1 - 0.4 * a) ** 2 + a**2) ** 0.5,
    source="Mescheder et al., 2017",
)


@claim(
    "pure rotation, optimistic: a step of size a <= 1/2 shrinks by sqrt((1 + sqrt(1 - 4a^2))/2) in the long run",
    source="Daskalakis et al., 2017",
    tolerance=1e-9,
)
def _() -> Pair:
    sizes, measured = np.array([0.1, 0.3, 0.45]), []
    for a in sizes:
        game = Dirac(Wasserstein()).at(1.0, 0.0)
        players = game.players()
        dynamics = Optimistic({name: SGD(player.parameters(), a) for name, player in players.items()})
        lengths = []
        for _ in range(80):
            dynamics.step(players, lambda _, game=game: game.batch, (0,))  # type: ignore[misc]
            lengths.append(float(torch.stack([*game.variables()]).detach().norm()))
        measured.append(lengths[-1] / lengths[-2])
    return np.array(measured), np.sqrt((1 + np.sqrt(1 - 4 * sizes**2)) / 2)


@claim(
    "pure rotation, ODE-GAN's regularizer w |dL_G|^2 on the critic: a step of Euler is [[1, a], [-a, 1 - 2wa]]",
    source="Qin et al., 2020",
    tolerance=1e-12,
)
def _() -> Pair:
    measured = step_matrix(lambda o: RungeKutta(o, method=EULER, regularize=("generator", "critic", 0.07)), 0.3)
    return measured, np.array([[1, 0.3], [-0.3, 1 - 2 * 0.07 * 0.3]])


def _integrated(method: Tableau, steps: int) -> float:
    """y' = -y^2 from 1 over a unit of time, whose end is 1/2."""
    y, one = nn.ParameterList([torch.ones((), dtype=torch.float64)]), Batch(torch.zeros(1, 1), None, torch.zeros(1))
    player = Player([y], lambda _: y[0] ** 3 / 3)
    dynamics = RungeKutta({"alone": SGD(y, 1 / steps)}, method=method)
    for _ in range(steps):
        dynamics.step({"alone": player}, lambda _: one, (0,))
    return float(y[0].detach())


@claim(
    "orders of convergence on y' = -y^2, by halving the step: 1 (Euler), 2 (midpoint), 2 (Heun), 4 (RK4)",
    source=DERIVATION,
    tolerance=1e-2,
)
def _() -> Pair:
    errors = [[_integrated(m, n) - 0.5 for n in (128, 256)] for m in (EULER, MIDPOINT, HEUN, RK4)]
    return np.log2([abs(wide / narrow) for wide, narrow in errors]), np.array([1, 2, 2, 4])


@claim(
    "orders of convergence of the joint field on a rotation: 1 (Euler), 2 (midpoint), 2 (Heun), 4 (RK4)",
    source=DERIVATION,
    tolerance=1e-2,
)
def _() -> Pair:
    from scipy.linalg import expm

    def miss(method: Tableau, n: int) -> float:
        step = step_matrix(lambda o: RungeKutta(o, method=method), 1 / n)
        return float(np.linalg.norm(np.linalg.matrix_power(step, n) - expm(np.array([[0.0, 1.0], [-1.0, 0.0]]))))

    measured = [np.log2(miss(m, 64) / miss(m, 128)) for m in (EULER, MIDPOINT, HEUN, RK4)]
    return np.array(measured), np.array([1, 2, 2, 4])


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


@claim(
    "pure rotation, alternating, n critic moves a round: its matrix has determinant 1 and trace 2 - n a^2",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    cases = [(n, a) for n in (1, 2, 5) for a in (0.1, 0.7)]
    measured = [step_matrix(partial(Alternating, critic=n), a) for n, a in cases]
    return np.array([[np.linalg.det(m), np.trace(m)] for m in measured]), np.array(
        [[1, 2 - n * a**2] for n, a in cases]
    )


H = np.array([[3.0, 1.0], [1.0, 2.0]])
START = np.array([1.0, -0.7])
"""A player alone, who wants x'Hx/2 small, and where it starts."""


class Place(nn.Module):
    """x, or phi with x = scale * phi."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor(START))
        if scale != 1:
            scale_rate(self, scale)

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
    "gradient descent: as the step shrinks, the loss falls by |gradient|^2 a unit of time",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    def fall(h: float) -> float:
        end = _descend(Simultaneous, _sgd(h))
        return float(end @ H @ end - START @ H @ START) / (2 * h)

    return 2 * fall(1e-3) - fall(2e-3), -float((H @ START) @ (H @ START))


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
    dynamics = Alternating({"alone": SGD(rate_groups(player, 0.01, {place: 9.0}))})
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
    rates = {"critic": 0.1, "generator": 0.3}
    dynamics = Simultaneous({name: SGD(player.parameters(), rates[name]) for name, player in players.items()})
    dynamics.step(players, lambda _: Batch(x, None, torch.arange(len(x))), (0,))
    single = SGD(one.parameters(), 0.1)
    _single_loss(one, x, 3.0).backward()
    single.step()
    return parameters_to_vector(game.parameters()), parameters_to_vector(one.parameters())
