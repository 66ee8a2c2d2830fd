"""The yardstick: the DCGAN tutorial's loop at 32 pixels. float32, BatchNorm in both, Adam 2e-4 (0.5, 0.999)."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from gansmith.data import Dataset

Z = 100


def generator(width: int = 64) -> nn.Sequential:
    w = width
    return nn.Sequential(
        nn.ConvTranspose2d(Z, 4 * w, 4, 1, 0, bias=False),
        nn.BatchNorm2d(4 * w),
        nn.ReLU(True),
        nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * w),
        nn.ReLU(True),
        nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False),
        nn.BatchNorm2d(w),
        nn.ReLU(True),
        nn.ConvTranspose2d(w, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def critic(width: int = 64) -> nn.Sequential:
    w = width
    return nn.Sequential(
        nn.Conv2d(1, w, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * w),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(2 * w, 4 * w, 4, 2, 1, bias=False),
        nn.BatchNorm2d(4 * w),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(4 * w, 1, 4, 1, 0, bias=False),
        nn.Sigmoid(),
    )


def start(m: nn.Module) -> None:
    if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(m.weight, 0.0, 0.02)
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1.0, 0.02)
        nn.init.zeros_(m.bias)


def train(data: Dataset, seconds: float, seed: int) -> tuple[nn.Module, int]:
    """Trains for so many seconds; returns the generator and the number of rounds."""
    torch.manual_seed(seed)
    g, d = generator(), critic()
    g.apply(start)
    d.apply(start)
    loss = nn.BCELoss()
    of_g = torch.optim.Adam(g.parameters(), 2e-4, betas=(0.5, 0.999))
    of_d = torch.optim.Adam(d.parameters(), 2e-4, betas=(0.5, 0.999))
    ones, zeros = torch.ones(64), torch.zeros(64)
    begun, rounds = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        x = data.batch(seed, rounds, 64).x
        of_d.zero_grad()
        loss(d(x).view(-1), ones).backward()
        fake = g(torch.randn(64, Z, 1, 1))
        loss(d(fake.detach()).view(-1), zeros).backward()
        of_d.step()
        of_g.zero_grad()
        loss(d(fake).view(-1), ones).backward()
        of_g.step()
        rounds += 1
    return g, rounds


@torch.no_grad()
def sample(g: nn.Module, n: int, seed: int) -> Tensor:
    """n pictures, in the mode that the network is in, 64 at a time."""
    noise = torch.Generator().manual_seed(seed)
    parts = [g(torch.randn(64, Z, 1, 1, generator=noise)) for _ in range(-(-n // 64))]
    return torch.cat(parts)[:n]
