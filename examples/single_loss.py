"""Both players by one loss, one backward pass and one optimizer, in plain PyTorch.

L = L_D(x, sg y) + kappa (L_G(y) - L_G(sg y)) with y = G(z), and sg for what is held constant: the bracket is 0, its
gradient that of L_G in the generator and none in the critic. So this equals *simultaneous* updates by two losses,
which on a rotation spiral outward, where alternating ones keep their distance. The critic must score alike in each
pass: dropout and spectral norm break it. The factor kappa is a ratio of learning rates under plain SGD only: Adam
divides it out.

python examples/single_loss.py [STEPS]
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from gansmith.data import load, ring_modes
from gansmith.evaluate import mode_coverage
from gansmith.objectives import Relativistic
from gansmith.regularizers import R1, R2

objective = Relativistic() + R1(0.02) + R2(0.02)


def network(inputs: int, outputs: int, activation: nn.Module) -> nn.Sequential:
    first, second, third = nn.Linear(inputs, 64), nn.Linear(64, 64), nn.Linear(64, 64)
    return nn.Sequential(first, activation, second, activation, third, activation, nn.Linear(64, outputs))


def single_loss(critic: nn.Module, real: Tensor, fake: Tensor, kappa: float = 1.0) -> Tensor:
    loss, still = objective.generator_loss, fake.detach()
    bracket = loss(critic, real, fake) - loss(critic, real, still)
    return objective.critic_loss(critic, real, still) + kappa * bracket


def prove(generator: nn.Module, critic: nn.Module, real: Tensor, z: Tensor) -> None:
    """The gradients of the one loss against those of the two."""
    of_critic, of_generator = list(critic.parameters()), list(generator.parameters())
    one = torch.autograd.grad(single_loss(critic, real, generator(z)), [*of_critic, *of_generator])
    two = [
        *torch.autograd.grad(objective.critic_loss(critic, real, generator(z).detach()), of_critic),
        *torch.autograd.grad(objective.generator_loss(critic, real, generator(z)), of_generator),
    ]
    apart = max(float((a - b).abs().max()) for a, b in zip(one, two, strict=True))
    rounding = 10 * torch.finfo(real.dtype).eps * max(float(g.abs().max()) for g in two)
    print(f"the gradients of one loss and of two differ by at most {apart:.1e}")
    if apart > rounding:
        raise ArithmeticError(f"the single loss has other gradients: rounding may make {rounding:.1e}")


def main(steps: int = 2500) -> None:
    torch.manual_seed(0)
    data = load("ring")
    generator = network(2, 2, nn.ReLU())
    critic = nn.Sequential(network(2, 1, nn.LeakyReLU(0.2)), nn.Flatten(0))  # scores of shape (n,)
    prove(generator, critic, data.batch(seed=0, draw=0, size=128).x, torch.randn(128, 2))
    optimizer = Adam([*critic.parameters(), *generator.parameters()], 3e-3, betas=(0.0, 0.99))
    schedule = LambdaLR(optimizer, lambda step: min(1.0, (1 - step / steps) / 0.7))  # falls to 0 after 30 %
    for step in range(steps):
        optimizer.zero_grad()
        single_loss(critic, data.batch(seed=0, draw=step, size=128).x, generator(torch.randn(128, 2))).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        found = mode_coverage(generator(torch.randn(2500, 2)), *ring_modes())
    print(f"{found.captured} of {found.modes} modes, {found.high_quality:.0%} of samples close to one")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
