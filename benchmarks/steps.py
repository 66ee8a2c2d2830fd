"""What a round costs: the bare loop in PyTorch beside ours, each objective, each dynamics.

python benchmarks/steps.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from results import record
from torch.nn.functional import softplus
from torch.optim import SGD, Adam

from gansmith.batch import Batch
from gansmith.dynamics import (
    HEUN,
    Alternating,
    Consensus,
    Dynamics,
    Extragradient,
    Optimistic,
    RungeKutta,
    Simultaneous,
)
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import (
    CovarianceMatching,
    Divergence,
    Fisher,
    Hinge,
    KernelDiscrepancy,
    LeastSquares,
    MeanMatching,
    NonSaturating,
    Objective,
    Quadratic,
    Relativistic,
    Saturating,
    SlopeQuadratic,
    Wasserstein,
)
from gansmith.regularizers import R1, R2, Consistency, GradientPenalty, GradientPower, LeCam

SIZE, WIDTH, LATENT, POINTS = 64, 128, 64, 64
FEATURES = 16
BLOCKS = 9

Round = Callable[[int], object]


def batch(draw: int) -> Batch:
    return Batch(torch.randn(SIZE, POINTS), None, torch.arange(SIZE))


def bare() -> Round:
    """A loop as a tutorial writes it: non-saturating loss, R1 on the critic."""
    torch.manual_seed(0)
    generator, critic = MLP(LATENT, POINTS, WIDTH), MLP(POINTS, None, WIDTH)
    of_critic, of_generator = (Adam(net.parameters(), 1e-4, betas=(0.0, 0.99)) for net in (critic, generator))

    def go(draw: int) -> None:
        x = batch(draw).x.requires_grad_()
        with torch.no_grad():
            fake = generator(torch.randn(SIZE, LATENT))
        scores = critic(x)
        (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
        loss = softplus(-scores).mean() + softplus(critic(fake)).mean() + slope.square().sum(1).mean() / 2
        of_critic.zero_grad()
        loss.backward()
        of_critic.step()
        critic.requires_grad_(False)
        of_generator.zero_grad()
        softplus(-critic(generator(torch.randn(SIZE, LATENT)))).mean().backward()
        of_generator.step()
        critic.requires_grad_(True)
        batch(draw)  # ours draws a fresh batch for each move

    return go


def ours(objective: Objective, kind: Callable[..., Dynamics] = Alternating, features: int | None = None) -> Round:
    torch.manual_seed(0)
    game = GAN(MLP(LATENT, POINTS, WIDTH), MLP(POINTS, features, WIDTH), objective, Normal(LATENT))
    plain = getattr(kind, "func", kind) is RungeKutta
    make = partial(SGD, lr=1e-4) if plain else partial(Adam, lr=1e-4, betas=(0.0, 0.99))
    dynamics = kind({name: make(player.parameters()) for name, player in game.players().items()})
    return lambda draw: dynamics.step(game.players(), batch, (0,))


def milliseconds(rounds: dict[str, Round], count: int) -> dict[str, float]:
    """Medians of blocks, interleaved, so that a slow minute is slow for all."""
    times: dict[str, list[float]] = {name: [] for name in rounds}
    for block in range(BLOCKS + 1):
        for name, go in rounds.items():
            begun = time.perf_counter()
            for draw in range(count):
                go(draw)
            if block:
                times[name].append((time.perf_counter() - begun) / count * 1e3)
    return {name: statistics.median(several) for name, several in times.items()}


def table(title: str, rounds: dict[str, Round], count: int, against: str) -> list[str]:
    found = milliseconds(rounds, count)
    lines = [f"| {title} | ms a round | of `{against}` |", "|---|---|---|"]
    return [
        *lines,
        *(f"| `{name}` | {value:.2f} | {value / found[against]:.2f} |" for name, value in found.items()),
        "",
    ]


def main(count: int = 60) -> None:
    torch.set_num_threads(1)
    usual = "NonSaturating() + R1()"
    loops = {"the bare loop": bare(), usual: ours(NonSaturating() + R1())}
    scores: dict[str, Objective] = {
        "NonSaturating()": NonSaturating(),
        "Saturating()": Saturating(),
        "LeastSquares()": LeastSquares(),
        "Hinge()": Hinge(),
        "Wasserstein()": Wasserstein(),
        "Divergence()": Divergence(),
        "Relativistic()": Relativistic(),
        "Relativistic(average=True)": Relativistic(average=True),
        "Quadratic()": Quadratic(),
        "SlopeQuadratic()": SlopeQuadratic(),
        "Fisher()": Fisher(),
        "Wasserstein() + GradientPenalty()": Wasserstein() + GradientPenalty(),
        "Wasserstein() + GradientPower()": Wasserstein() + GradientPower(),
        "NonSaturating() + R1() + R2()": NonSaturating() + R1() + R2(),
        "Hinge() + LeCam()": Hinge() + LeCam(),
        "Hinge() + Consistency(transform=...)": Hinge() + Consistency(transform=lambda x: x + 0.1),
    }
    m = FEATURES
    moments: dict[str, Objective] = {
        "MeanMatching(2, m)": MeanMatching(2, m),
        "MeanMatching(2, dual=True)": MeanMatching(2, dual=True),
        "CovarianceMatching(4, m)": CovarianceMatching(4, m),
        "CovarianceMatching(4, dual=True)": CovarianceMatching(4, dual=True),
        "KernelDiscrepancy()": KernelDiscrepancy(),
        "MeanMatching(2, dual=True) + GradientPenalty()": MeanMatching(2, dual=True) + GradientPenalty(),
    }
    objectives = {name: ours(o) for name, o in scores.items()}
    objectives |= {name: ours(o, features=m) for name, o in moments.items()}
    kinds: dict[str, Callable[..., Dynamics]] = {
        "Alternating": Alternating,
        "Simultaneous": Simultaneous,
        "Extragradient": Extragradient,
        "Optimistic": Optimistic,
        "Consensus": partial(Consensus, weight=0.1),
        "RungeKutta (RK4)": RungeKutta,
        "RungeKutta (HEUN)": partial(RungeKutta, method=HEUN),
    }
    dynamics = {name: ours(NonSaturating() + R1(), kind) for name, kind in kinds.items()}
    lines = [
        "## What a round costs\n",
        f"Networks of three layers of {WIDTH}, batches of {SIZE} points of {POINTS} numbers, one thread: small, so "
        f"that what is not arithmetic shows. Medians of {BLOCKS} interleaved blocks of {count} rounds.\n",
        *table("loop", loops, count, "the bare loop"),
        *table("objective", objectives, count, "NonSaturating()"),
        *table("dynamics", dynamics, count, "Alternating"),
    ]
    record("steps", "\n".join(lines))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
