"""One adversarial objective inside a loop of one's own: WGAN-GP on the ring, without our trainer.

python examples/own_loop.py [STEPS]
"""

from __future__ import annotations

import sys

import torch
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LinearLR

from gansmith.data import load, ring_modes
from gansmith.evaluate import mode_coverage
from gansmith.objectives import Wasserstein
from gansmith.regularizers import GradientPenalty


def network(inputs: int, outputs: int, activation: nn.Module) -> nn.Sequential:
    first, second, third = nn.Linear(inputs, 64), nn.Linear(64, 64), nn.Linear(64, 64)
    return nn.Sequential(first, activation, second, activation, third, activation, nn.Linear(64, outputs))


def main(steps: int = 2500) -> None:
    torch.manual_seed(0)
    data = load("ring")
    generator = network(2, 2, nn.ReLU())
    critic = nn.Sequential(network(2, 1, nn.LeakyReLU(0.2)), nn.Flatten(0))  # scores of shape (n,)
    objective = Wasserstein() + GradientPenalty(0.1)
    of_critic = Adam(critic.parameters(), 3e-3, betas=(0.0, 0.99))
    of_generator = Adam(generator.parameters(), 3e-3, betas=(0.0, 0.99))
    schedules = [LinearLR(optimizer, 1.0, 0.0, steps) for optimizer in (of_critic, of_generator)]  # down to 0
    for step in range(steps):
        x = data.batch(seed=0, draw=step, size=128).x
        fake = generator(torch.randn(128, 2))
        of_critic.zero_grad()
        objective.critic_loss(critic, x, fake.detach()).backward()
        of_critic.step()
        of_generator.zero_grad()
        objective.generator_loss(critic, x, fake).backward()
        of_generator.step()
        for schedule in schedules:
            schedule.step()
    with torch.no_grad():
        found = mode_coverage(generator(torch.randn(2500, 2)), *ring_modes())
    print(f"{found.captured} of {found.modes} modes, {found.high_quality:.0%} of samples close to one")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
