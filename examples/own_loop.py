"""One adversarial objective inside a loop of one's own: WGAN-GP on the ring, without our trainer.

python examples/own_loop.py [STEPS]
"""

from __future__ import annotations

import sys

import torch
from torch.optim import Adam

from gansmith.data import load, ring_modes
from gansmith.evaluate import mode_coverage
from gansmith.networks import MLP
from gansmith.objectives import Wasserstein
from gansmith.regularizers import GradientPenalty


def main(steps: int = 2000) -> None:
    torch.manual_seed(0)
    data = load("ring")
    generator, critic = MLP(8, 2), MLP(2, None)
    objective = Wasserstein() + GradientPenalty(1.0)
    of_critic = Adam(critic.parameters(), 5e-4, betas=(0.0, 0.9))
    of_generator = Adam(generator.parameters(), 5e-4, betas=(0.0, 0.9))
    for step in range(steps):
        for move in range(3):
            x = data.batch(seed=0, draw=3 * step + move, size=128).x
            fake = generator(torch.randn(128, 8))
            of_critic.zero_grad()
            objective.critic_loss(critic, x, fake.detach()).backward()
            of_critic.step()
        of_generator.zero_grad()
        objective.generator_loss(critic, x, fake).backward()
        of_generator.step()
    with torch.no_grad():
        found = mode_coverage(generator(torch.randn(2500, 8)), *ring_modes())
    print(f"{found.captured} of {found.modes} modes, {found.high_quality:.0%} of samples close to one")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
