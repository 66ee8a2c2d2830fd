"""An autoencoder whose reconstructions are sharpened by a critic of patches: a loop of one's own, as in tokenizers.

python examples/autoencoder.py [STEPS]
"""

from __future__ import annotations

import sys

import torch
from torch import nn
from torch.optim import Adam

from gansmith.data import load
from gansmith.evaluate.sharpness import sharpness
from gansmith.objectives import Hinge, Patchwise, balance
from gansmith.regularizers import R1


def main(steps: int = 450, start: float = 0.3) -> None:
    torch.manual_seed(0)
    data = load("digits")
    encoder = nn.Sequential(nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 4))
    last = nn.ConvTranspose2d(32, 1, 4, 2, 1)
    decoder = nn.Sequential(nn.Linear(4, 512), nn.ReLU(), nn.Unflatten(1, (32, 4, 4)), last, nn.Tanh())
    critic = nn.Sequential(nn.Conv2d(1, 64, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 3, 1, 1))  # a map, 8 x 8
    objective = Patchwise(Hinge() + R1(1.0))
    of_codec = Adam([*encoder.parameters(), *decoder.parameters()], 2e-3)
    of_critic = Adam(critic.parameters(), 2e-3, betas=(0.0, 0.99))
    for step in range(steps):
        x = data.batch(seed=0, draw=step, size=64).x
        reconstructed = decoder(encoder(x))
        of_critic.zero_grad()
        objective.critic_loss(critic, x, reconstructed.detach()).backward()
        of_critic.step()
        loss = (x - reconstructed).abs().mean()
        if step >= start * steps:  # first learn to reconstruct, then to look real
            adversarial = objective.generator_loss(critic, x, reconstructed)
            loss = loss + 0.8 * balance(loss, adversarial, last.weight) * adversarial
        of_codec.zero_grad()
        loss.backward()
        of_codec.step()
    x = data.values(data.held_out)
    with torch.no_grad():
        reconstructed = decoder(encoder(x))
    detail = sharpness(reconstructed) / sharpness(x)
    print(f"held-out digits: mean error {(x - reconstructed).abs().mean():.3f}, {detail:.0%} of their fine detail")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
