"""A training as a whole: the average, rates, fresh batches, parts of a batch, and going on where it stopped."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils import parameters_to_vector
from torch.optim import SGD, Adam

from gansmith.batch import Batch
from gansmith.chance import Part, keyed
from gansmith.data.dataset import assemble
from gansmith.data.raw_data import RawData
from gansmith.dynamics import Alternating, Decay, Extragradient, Pull
from gansmith.games import GAN, Normal
from gansmith.games.average import Average
from gansmith.networks import MLP, spectral_norm
from gansmith.objectives import NonSaturating, Wasserstein
from gansmith.regularizers import R1, Lazy, LeCam
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.dirac import Dirac
from gansmith.testing.oracles.dynamics import ROTATION
from gansmith.testing.oracles.support import Array
from gansmith.training.checkpoint import load, save
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.loop import Training

DERIVATION = "derivation"

X = np.random.default_rng(71).normal(size=(20, 2))


def _average(path: list[Array], decay: float) -> Array:
    """The moving average of what was on the way."""
    average = path[0]
    for t, point in enumerate(path[1:], 1):
        keep = min(decay, (1 + t) / (10 + t))
        average = keep * average + (1 - keep) * point
    return average


def _training() -> Training:
    """A small game with all that has a history: Adam, an average, moving anchors, a lazy term, power iterations."""
    game = GAN(MLP(2, 2, width=4, layers=1), spectral_norm(MLP(2, None, width=4, layers=1)), _objective(), Normal(2))
    optimizers = {name: Adam(player.parameters(), 1e-2) for name, player in game.players().items()}
    data = assemble(RawData(torch.as_tensor(X).float()), "points", "points")
    dynamics = Alternating(optimizers, critic=2, schedule=Decay(6, 0.0, 0.5))
    return Training(
        Experiment([Stage(game, dynamics, data, 6, 4)]), seed=1, device="cpu", precision="float32", decay=0.6
    )


def _objective() -> Any:
    return NonSaturating() + LeCam() + Lazy(R1(1.0), 3)


def _vector(training: Training) -> Array:
    return parameters_to_vector(training.game.parameters()).detach().numpy().astype(float)


@claim(
    "the average: m <- b m + (1 - b) theta once a step, b = min(decay, (1 + t)/(10 + t)), the first a copy; buffers "
    "are copies",
    source="Yazici et al., 2018",
    tolerance=1e-6,
)
def _() -> Pair:
    training, path = _training(), []
    for _ in range(6):
        training.advance()
        path.append(_vector(training))
    long, values = Average(nn.Linear(1, 1).double(), 0.9), np.random.default_rng(1).normal(size=(200, 2))  # type: ignore[arg-type]
    for value in values:
        follower = nn.Linear(1, 1).double()
        follower.weight.data.fill_(value[0])
        follower.bias.data.fill_(value[1])
        long.update_parameters(follower)
    buffers = [
        torch.cat([b.double().flatten() for b in g.buffers()]).numpy() for g in (training.average, training.game)
    ]
    measured = parameters_to_vector(training.average.parameters()).detach().numpy(), _flat(long.module)
    return np.concatenate([*measured, buffers[0]]), np.concatenate(
        [_average(path, 0.6), _average(list(values), 0.9), buffers[1]]
    )


def _flat(module: nn.Module) -> Array:
    return parameters_to_vector(module.parameters()).detach().numpy()


def _numbers(state: Any) -> Iterator[float]:
    """Every number in a state."""
    if isinstance(state, Tensor):
        yield from state.double().flatten().tolist()
    elif isinstance(state, Mapping):
        for value in state.values():
            yield from _numbers(value)
    elif isinstance(state, (list, tuple)):
        for value in state:
            yield from _numbers(value)
    elif isinstance(state, (int, float)):
        yield float(state)


@claim(
    "resume: six steps, and three, a checkpoint on disk, and three more in another object, end in the same bits",
    source=DERIVATION,
    tolerance=1e-300,
)
def _() -> Pair:
    torch.manual_seed(0)
    whole = _training()
    torch.manual_seed(0)
    half = _training()
    for _ in range(6):
        whole.advance()
    for _ in range(3):
        half.advance()
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "state.pt", half.state_dict())
        torch.manual_seed(9)
        half = _training()
        half.load_state_dict(load(Path(folder) / "state.pt"))
    for _ in range(3):
        half.advance()
    states = [{k: v for k, v in t.state_dict().items() if k != "torch"} for t in (half, whole)]
    measured, expected = (np.array([*_numbers(state)]) for state in states)
    return measured, expected


@claim(
    "parts of a batch: the gradient of three unequal micro-batches, and the mean of two ranks' halves, is that of the "
    "whole batch by its formula",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    generator, critic = nn.Linear(3, 2, bias=False).double(), nn.Linear(2, 1, bias=False).double()
    game = GAN(generator, nn.Sequential(critic, nn.Flatten(0)), NonSaturating() + R1(3.0), Normal(3))
    x, key = torch.as_tensor(X[:8]), (4, 2)
    batch, player = Batch(x, None, torch.arange(8)), game.players()["critic"]
    measured = [Pull(micro=micro)(player, batch, key)[0][0] for micro in (1, 3)]
    halves: list[Tensor] = []
    for rank in (0, 1):
        with keyed(Part(key, 4 * rank, 4, 8)):
            halves += torch.autograd.grad(player.loss(batch[4 * rank : 4 * rank + 4]), critic.weight)
    with keyed(Part(key, 0, 8, 8)):
        z = Normal(3)(8, x)
    w = critic.weight
    loss = softplus(-x @ w[0]).mean() + softplus(generator(z).detach() @ w[0]).mean() + 1.5 * w.square().sum()
    (expected,) = torch.autograd.grad(loss, w)
    whole = torch.stack([g for g in measured if g is not None])
    return torch.cat([whole, torch.stack(halves).mean(0, keepdim=True)]), expected.expand(3, 1, 2)


@claim(
    "fresh batches: with two critic's moves a round, batches are drawn in order, one for each move, and the notes are "
    "those of the newest",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    game = Dirac(Wasserstein()).at(1.0, 0.0)
    players, asked = game.players(), []

    def batch(draw: int) -> Batch:
        asked.append(float(draw))
        return Batch(torch.full((4, 1), float(draw)).double(), None, torch.arange(4))

    dynamics = Alternating({name: SGD(p.parameters(), 0.0) for name, p in players.items()}, critic=2)
    game.at(1.0, 1.0)
    losses = [float(dynamics.step(players, batch, (0,))["critic/loss"]) for _ in range(2)]
    return np.array([*asked, *losses]), np.array([*range(6), 1 - 1, 1 - 4])


@claim(
    "a falling rate: constant to the share a of a run, then straight down to the part b, by numpy's interpolation",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    weight = nn.Parameter(torch.zeros(1))
    optimizer, decay = SGD([weight], 0.2), Decay(40, start=0.25, end=0.1)
    optimizer.param_groups[0]["initial_lr"] = 0.2
    rates = []
    for step in range(50):
        decay(step, {"player": [optimizer]})
        rates.append(optimizer.param_groups[0]["lr"])
    return np.array(rates), 0.2 * np.interp(np.arange(50), [0, 10, 40], [1, 1, 0.1])


@claim(
    "extragradient under Adam: the look-ahead leaves neither its place nor Adam's moments, by Adam's formula",
    source="Gidel et al., 2018",
    tolerance=1e-9,
)
def _() -> Pair:
    game = Dirac(Wasserstein()).at(1.0, 0.5)
    players = game.players()
    optimizers = {name: Adam(p.parameters(), 0.1, betas=(0.5, 0.9), eps=1e-300) for name, p in players.items()}
    dynamics = Extragradient(optimizers)
    for _ in range(4):
        dynamics.step(players, lambda _: game.batch, (0,))
    x, m, v = np.array([1.0, 0.5]), np.zeros(2), np.zeros(2)
    for step in range(1, 5):
        ahead, _, _ = _adam(x, -ROTATION @ x, m, v, step)
        x, m, v = _adam(x, -ROTATION @ ahead, m, v, step)
    return np.array([float(each.detach()) for each in game.variables()]), x


def _adam(x: Array, g: Array, m: Array, v: Array, step: int) -> tuple[Array, Array, Array]:
    m, v = 0.5 * m + 0.5 * g, 0.9 * v + 0.1 * g**2
    return x - 0.1 * (m / (1 - 0.5**step)) / np.sqrt(v / (1 - 0.9**step)), m, v
