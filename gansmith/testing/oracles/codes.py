"""O-GAN's codes: what a head leaves free, and what is made of a code."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from gansmith.batch import Batch
from gansmith.games import OGAN, Normal, Sphere, Uniform
from gansmith.games.heads import Radius, direction
from gansmith.objectives import Wasserstein
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.dynamics import Given

SU = "Su, 2019"
DERIVATION = "derivation"

_rng = np.random.default_rng(41)
X = _rng.normal(size=(5, 4)) + 0.5
G, E = _rng.normal(size=(3, 4)), _rng.normal(size=(4, 3))
"""A linear generator and a linear encoder: rows times these."""


def _linear(matrix: np.ndarray) -> nn.Linear:
    rows, columns = matrix.shape
    layer = nn.Linear(rows, columns, bias=False).double()
    layer.weight.data.copy_(torch.as_tensor(matrix.T))
    return layer


def _game(head: nn.Module | None = None) -> OGAN:
    return OGAN(_linear(G), _linear(E), Wasserstein(), Uniform(3), head=head, weight=0.7)


def _standard(codes: np.ndarray) -> np.ndarray:
    return np.asarray((codes - codes.mean(1, keepdims=True)) / codes.std(1, keepdims=True))


def _unit(codes: np.ndarray) -> np.ndarray:
    return np.asarray(codes / np.linalg.norm(codes, axis=1, keepdims=True))


@claim(
    "O-GAN: a code is N(E(x)) in the latents' deviation, a reconstruction is G of it, and of a part t of it",
    source=SU,
    tolerance=1e-12,
)
def _() -> Pair:
    game, x = _game(), torch.as_tensor(X)
    codes = _standard(X @ E) / np.sqrt(3)
    measured = [game.encode(x), game.reconstruct(x), game.reconstruct(x, 0.6)]
    return torch.cat(measured, 1), np.hstack([codes, codes @ G, 0.6 * codes @ G])


@claim(
    "O-GAN: an interpolation goes from the first code to the second, and mixtures have the deviation of a code again",
    source=SU,
    tolerance=1e-12,
)
def _() -> Pair:
    a, b = X, X[::-1] - 1
    first, last = _standard(a @ E), _standard(b @ E)
    between = [_standard((1 - t) * first + t * last) / np.sqrt(3) @ G for t in (0, 0.25, 0.5, 0.75, 1)]
    return _game().interpolate(torch.as_tensor(a), torch.as_tensor(b.copy()), 5), np.stack(between, 1)


@claim(
    "O-GAN with the radius: the score is |E(x)|, or its logarithm, the free part the direction of length sqrt d, and "
    "the agreement the cosine",
    source=SU,
    tolerance=1e-12,
)
def _() -> Pair:
    x, z = torch.as_tensor(X), Given()(5).numpy()
    plain, log = _game(head=Radius()), _game(head=Radius(log=True))
    code = X @ E
    measured = [plain.score(x), log.score(x), plain.agreement(torch.as_tensor(z), torch.as_tensor(code))]
    expected = [np.linalg.norm(code, axis=1), np.log(np.linalg.norm(code, axis=1)), (_unit(z) * _unit(code)).sum(1)]
    directions = torch.cat([direction(torch.as_tensor(code)), plain.encode(x)], 1)
    free = np.sqrt(3) * _unit(code)
    return torch.cat([torch.stack(measured, 1), directions], 1), np.column_stack([*expected, free, free / np.sqrt(3)])


@claim(
    "O-GAN with a linear head: each player's loss is Wasserstein's at that score, less w rho(z, E(G(z)))",
    source=SU,
    tolerance=1e-12,
)
def _() -> Pair:
    h = np.array([0.5, -1.0, 2.0])
    game = OGAN(_linear(G), _linear(E), Wasserstein(), Given(), weight=0.7, head=_linear(h[:, None]))
    batch, z = Batch(torch.as_tensor(X), None, torch.arange(5)), Given()(5).numpy()
    code = z @ G @ E
    rho = np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(z, code, strict=True)])
    measured = [float(player.loss(batch).detach()) for player in game.players().values()]
    gap = (code @ h).mean() - (X @ E @ h).mean()
    return np.array(measured), np.array([gap, -(code @ h).mean()]) - 0.7 * rho


@claim(
    "latents have mean 0 and the deviation that they say, over 40,000 draws; on the sphere a length of sqrt d",
    source=DERIVATION,
    tolerance=1e-2,
)
def _() -> Pair:
    measured, expected = [], []
    for latent in (Normal(3, "normal"), Uniform(3, "uniform"), Sphere(3, "sphere")):
        z = latent(40_000, torch.zeros(1).double()).numpy()
        measured += [z.mean(), z.std()]
        expected += [0.0, latent.std]
    measured.append(np.abs(np.linalg.norm(z, axis=1) - np.sqrt(3)).max())
    return np.array(measured), np.array([*expected, 0.0])
