"""The yardstick: the DCGAN tutorial's loop at 32 pixels. float32, BatchNorm in both, Adam 2e-4 (0.5, 0.999).

Beside it the same loop with the recipes' learning rate, and with their whole optimizer: what these win is no merit of
an objective or a network. Each is measured with and without an average of the generator.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from gansmith.data import Dataset
from gansmith.dynamics import Decay

Z = 100


@dataclass(frozen=True)
class Setting:
    """What the optimizers are set to."""

    words: str
    rate: float
    betas: tuple[float, float]
    decay: bool = False  # that of the recipes; it needs a number of rounds


SETTINGS = {
    "tutorial": Setting("tutorial, as published: rate 2e-4, betas (0.5, 0.999)", 2e-4, (0.5, 0.999)),
    "tutorial-rate": Setting("tutorial at rate 1e-3", 1e-3, (0.5, 0.999)),
    "tutorial-decay": Setting("tutorial at rate 1e-3 with decay, betas (0, 0.99)", 1e-3, (0.0, 0.99), decay=True),
}


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


def train(
    data: Dataset, seed: int, setting: Setting, *, seconds: float, rounds: int | None = None
) -> tuple[nn.Module, nn.Module, int]:
    """Trains for so many rounds, or for so many seconds; returns the generator, its average, and how many rounds."""
    if setting.decay and rounds is None:
        raise SystemExit(f"{setting.words}: decay needs to know the end: give --rounds")
    torch.manual_seed(seed)
    g, d = generator(), critic()
    g.apply(start)
    d.apply(start)
    average = AveragedModel(g, multi_avg_fn=follow)
    loss = nn.BCELoss()
    of_g = torch.optim.Adam(g.parameters(), setting.rate, betas=setting.betas)
    of_d = torch.optim.Adam(d.parameters(), setting.rate, betas=setting.betas)
    decay = Decay(rounds) if setting.decay and rounds is not None else None
    ones, zeros = torch.ones(64), torch.zeros(64)
    begun, done = time.perf_counter(), 0
    while done < rounds if rounds is not None else time.perf_counter() - begun < seconds:
        if decay is not None:
            for group in (*of_g.param_groups, *of_d.param_groups):
                group["lr"] = setting.rate * decay.factor(done)
        x = data.batch(seed, done, 64).x
        of_d.zero_grad()
        loss(d(x).view(-1), ones).backward()
        fake = g(torch.randn(64, Z, 1, 1))
        loss(d(fake.detach()).view(-1), zeros).backward()
        of_d.step()
        of_g.zero_grad()
        loss(d(fake).view(-1), ones).backward()
        of_g.step()
        average.update_parameters(g)
        done += 1
    return g, average, done


def follow(averaged: Any, current: Any, updates: Any) -> None:
    """The recipes' average, of torch's parts: 0.999, less at the start."""
    t = int(updates)
    torch._foreach_lerp_(averaged, current, 1 - min(0.999, (1 + t) / (10 + t)))


@torch.no_grad()
def sample(g: nn.Module, n: int, seed: int) -> Tensor:
    """n pictures, in the mode that the network is in, 64 at a time."""
    noise = torch.Generator().manual_seed(seed)
    parts = [g(torch.randn(64, Z, 1, 1, generator=noise)) for _ in range(-(-n // 64))]
    return torch.cat(parts)[:n]
