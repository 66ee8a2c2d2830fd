"""O-GAN: the correlation of two codes, and what it leaves free."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from gansmith.batch import Batch
from gansmith.dynamics import Pull
from gansmith.games import OGAN, ogan
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating, SlopeQuadratic
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.dynamics import Given

SU = "Su, 2019"

_rng = np.random.default_rng(8)
V, U = _rng.normal(size=(2, 6, 5)) * 2 + 1
"""Two times six codes of five numbers."""


def _rho(v: np.ndarray = V, u: np.ndarray = U) -> Tensor:
    return ogan.correlation(torch.tensor(v), torch.tensor(u))


def _pearson() -> np.ndarray:
    return np.array([np.corrcoef(v, u)[0, 1] for v, u in zip(V, U, strict=True)])


@claim("correlation: numpy's corrcoef, over the coordinates of one code", source=SU, tolerance=1e-12)
def _() -> Pair:
    return _rho(), _pearson()


@claim("correlation: rho(a z + b, w) = sign(a) rho(z, w)", source=SU, tolerance=1e-12)
def _() -> Pair:
    scales, shifts = np.array([[0.3], [-2.0], [7.0], [-0.1], [1.0], [-1.0]]), np.arange(6.0)[:, None]
    return _rho(scales * V + shifts), np.sign(scales[:, 0]) * _pearson()


@claim("correlation: its gradient is orthogonal to those of the code's mean and deviation", source=SU, tolerance=1e-12)
def _() -> Pair:
    code = torch.tensor(U, requires_grad=True)
    (gradient,) = torch.autograd.grad(ogan.correlation(torch.tensor(V), code).sum(), code)
    slope = gradient.numpy()
    along = np.stack([slope.sum(1), (slope * (U - U.mean(1, keepdims=True))).sum(1)])
    return np.append(along.ravel(), np.abs(slope).max() > 0.01), np.append(np.zeros(12), 1)


@claim("correlation: |N(z) - N(w)|^2 = 2 n (1 - rho), with Pearson's rho", source="derivation", tolerance=1e-12)
def _() -> Pair:
    gap = ogan.standardize(torch.tensor(V)) - ogan.standardize(torch.tensor(U))
    return gap.square().sum(1), 2 * 5 * (1 - _pearson())


@claim("standardize: each code has mean 0 and population deviation 1", source=SU, tolerance=1e-12)
def _() -> Pair:
    codes = ogan.standardize(torch.tensor(V)).numpy()
    return np.stack([codes.mean(1), codes.std(1)]), np.stack([np.zeros(6), np.ones(6)])


@claim("standardize: N(N(z)) = N(z), numpy's", source=SU, tolerance=1e-12)
def _() -> Pair:
    expected = (V - V.mean(1, keepdims=True)) / V.std(1, keepdims=True)
    return ogan.standardize(ogan.standardize(torch.tensor(V))), expected


def _softplus(t: np.ndarray) -> float:
    return float(np.logaddexp(0, t).mean())


@claim(
    "O-GAN: each player's loss is its plain one less w rho(z, E(G(z))), the score a code's mean (linear networks)",
    source=SU,
    tolerance=1e-12,
)
def _() -> Pair:
    generator, encoder = nn.Linear(3, 2, bias=False).double(), nn.Linear(2, 3, bias=False).double()
    game = OGAN(generator, encoder, NonSaturating(), Given(), weight=0.7)
    x, z = V[:, :2], Given()(6).numpy()
    a, b = generator.weight.detach().numpy().T, encoder.weight.detach().numpy().T
    real, fake = (x @ b).mean(1), (z @ a @ b).mean(1)
    rho = np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(z, z @ a @ b, strict=True)])
    batch = Batch(torch.tensor(x), None, torch.arange(6))
    measured = [float(player.loss(batch).detach()) for player in game.players().values()]
    return np.array(measured), np.array([_softplus(-real) + _softplus(fake), _softplus(-fake)]) - 0.7 * rho


def _published(game: OGAN, x: Tensor) -> Tensor:
    """The author's one loss for both networks, with a low score for real: a = -avg E."""
    z = Given()(len(x))
    y = game.generator(z)
    real, fake, still = (-game.encoder(s).mean(1) for s in (x, y, y.detach()))
    codes = torch.stack([z, game.encoder(y)])
    agreement = torch.stack([torch.corrcoef(pair)[0, 1] for pair in codes.unbind(1)])
    room = (x - y.detach()).square().mean(1)
    each: Tensor = (real - still) + (fake - still) - 0.5 * agreement + 0.25 * (real - still) ** 2 / room
    return each.mean()


@claim(
    "O-GAN with the slope QP: both players' gradients are those of the author's single loss",
    source="Su, 2019, code",
    tolerance=1e-12,
)
def _() -> Pair:
    game = OGAN(MLP(3, 2, width=8), MLP(2, 3, width=8), SlopeQuadratic(0.25), Given(), weight=0.5).double()
    x = torch.tensor(V[:, :2])
    batch, other = Batch(x, None, torch.arange(6)), copy.deepcopy(game)
    players = game.players()
    measured = [g for name in ("generator", "critic") for g in Pull()(players[name], batch, (0,))[0] if g is not None]
    expected = torch.autograd.grad(_published(other, x), [*other.generator.parameters(), *other.encoder.parameters()])
    return torch.cat([g.flatten() for g in measured]), torch.cat([g.flatten() for g in expected])
