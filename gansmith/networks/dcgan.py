"""The convolutional pair of DCGAN, for 8 to 128 pixels, with shapes that kernels like."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn

Normalize = Callable[[int], nn.Module]


def _levels(size: int) -> int:
    """How often 4 pixels double to ``size``."""
    levels = int(math.log2(size)) - 2 if size > 0 else 0
    if size not in (8, 16, 32, 64, 128) or levels < 1:
        raise ValueError(f"needs a picture size of 8, 16, 32, 64 or 128 pixels, but got {size}")
    return levels


class DCGANGenerator(nn.Module):
    """Latents (n, d) -> pictures (n, channels, size, size) in [-1, 1].

    A linear map to 4 x 4, then 4x4 transposed convolutions of stride 2 that double the size and halve the channels,
    each but the last with normalization and ReLU; tanh at the end. Weights start as N(0, 0.02), as in DCGAN.

    Arguments:
        latent: numbers per latent.
        size: 8, 16, 32, 64 or 128 pixels.
        channels: of the pictures.
        width: channels at the last but one resolution, a multiple of 16 for speed; each level below has twice as many,
            at most 8 times.
        normalize: channels -> module; BatchNorm by default (there is none in the critic), None for nothing.

    References:
        Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks, Radford, Metz and
        Chintala, 2015, https://arxiv.org/abs/1511.06434.

    Example:
        >>> import torch
        >>> DCGANGenerator(16, 32, 1, width=16)(torch.zeros(2, 16)).shape
        torch.Size([2, 1, 32, 32])
    """

    def __init__(
        self, latent: int, size: int, channels: int, width: int = 64, normalize: Normalize | None = nn.BatchNorm2d
    ) -> None:
        super().__init__()
        levels = _levels(size)
        widths = [width * min(2**i, 8) for i in reversed(range(levels))]
        self.width = widths[0]
        self.start = nn.Linear(latent, widths[0] * 16, bias=normalize is None)
        modules: list[nn.Module] = []
        for i, inside in enumerate(widths):
            modules += _activated(inside, normalize)
            last = i == levels - 1
            outside = channels if last else widths[i + 1]
            modules.append(nn.ConvTranspose2d(inside, outside, 4, 2, 1, bias=last or normalize is None))
        self.body = nn.Sequential(*modules, nn.Tanh())
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.ConvTranspose2d)):
                nn.init.normal_(m.weight, 0, 0.02)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, z: Tensor) -> Tensor:
        pictures: Tensor = self.body(self.start(z).unflatten(1, (self.width, 4, 4)))
        return pictures


def _activated(channels: int, normalize: Normalize | None) -> list[nn.Module]:
    return [nn.ReLU()] if normalize is None else [normalize(channels), nn.ReLU()]


class DCGANCritic(nn.Module):
    """Pictures (n, channels, size, size) -> scores (n,), or with ``outputs`` codes (n, outputs).

    4x4 convolutions of stride 2 with leaky ReLUs halve the size down to 4 x 4, then one linear map. No normalization
    by default: BatchNorm makes samples depend on each other and voids every penalty on slopes.

    Arguments:
        size: 8, 16, 32, 64 or 128 pixels.
        channels: of the pictures.
        outputs: numbers per picture; None for one score per picture.
        width: channels after the first convolution; each level below has twice as many, at most 8 times.
        normalize: channels -> module, after each convolution but the first; None for nothing.

    Example:
        >>> import torch
        >>> x = torch.zeros(2, 1, 32, 32)
        >>> DCGANCritic(32, 1, width=16)(x).shape, DCGANCritic(32, 1, outputs=64, width=16)(x).shape
        (torch.Size([2]), torch.Size([2, 64]))
    """

    def __init__(
        self,
        size: int,
        channels: int,
        outputs: int | None = None,
        width: int = 64,
        normalize: Normalize | None = None,
    ) -> None:
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(_levels(size))]
        modules: list[nn.Module] = []
        for i, outside in enumerate(widths):
            modules.append(nn.Conv2d(widths[i - 1] if i else channels, outside, 4, 2, 1))
            if i and normalize is not None:
                modules.append(normalize(outside))
            modules.append(nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*modules, nn.Flatten(), nn.Linear(widths[-1] * 16, outputs or 1))
        self.scores = outputs is None
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Conv2d)):
                nn.init.kaiming_normal_(m.weight, a=0.2)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
        head = self.body[-1]
        nn.init.normal_(head.weight, 0, 1 / math.sqrt(head.in_features))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out.squeeze(1) if self.scores else out
