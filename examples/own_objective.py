"""An objective of one's own, held to the laws, and played: a hinge without its corner."""

from __future__ import annotations

import sys

import torch
from torch import nn
from torch.nn.functional import relu

from gansmith.data import load, ring_modes
from gansmith.evaluate import mode_coverage
from gansmith.games import GAN, Normal
from gansmith.objectives import Pointwise
from gansmith.recipes.pairs import adam
from gansmith.regularizers import R1, R2
from gansmith.testing import check_objective
from gansmith.training import Experiment, Stage, Training, train


class SquaredHinge(Pointwise):
    """f(t) = max(1 - t, 0)^2, g(t) = max(1 + t, 0)^2, h(t) = -t: the best critic is (p - q) / (p + q)."""

    def __init__(self) -> None:
        super().__init__(lambda t: relu(1 - t).square(), lambda t: relu(1 + t).square(), lambda t: -t)


def network(inputs: int, outputs: int, activation: nn.Module) -> nn.Sequential:
    first, second, third = nn.Linear(inputs, 64), nn.Linear(64, 64), nn.Linear(64, 64)
    return nn.Sequential(first, activation, second, activation, third, activation, nn.Linear(64, outputs))


def main(steps: int = 1800) -> None:
    check_objective(SquaredHinge())  # raises, and names the law, where one is broken
    torch.manual_seed(0)
    critic = nn.Sequential(network(2, 1, nn.LeakyReLU(0.2)), nn.Flatten(0))  # scores of shape (n,)
    game = GAN(network(2, 2, nn.ReLU()), critic, SquaredHinge() + R1(0.02) + R2(0.02), Normal(2))
    dynamics = adam(game, steps, rate=3e-3)  # betas (0, 0.99), and a rate that falls
    stage = Stage(game, dynamics, load("ring"), steps, batch=128)
    trained = train(Training(Experiment([stage]), device="cpu")).average
    assert isinstance(trained, GAN)
    modes = mode_coverage(trained.sample(2500), *ring_modes())
    print(f"all laws hold; {modes.captured} of {modes.modes} modes, {modes.high_quality:.0%} of samples close to one")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
