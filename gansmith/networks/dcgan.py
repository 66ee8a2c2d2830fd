"""The convolutional pair of DCGAN, for 8 to 256 pixels, with shapes that kernels like."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gansmith.refusal import check_sizes
from gansmith.sides import Sides, check_sides, coarse, halvings, sides_of

Normalize = Callable[[int], nn.Module]


def widths(size: int | Sides, width: int) -> list[int]:
    """Channels at each resolution, from half the picture's size down to 4 pixels (of a rectangle 4 to 7).

    They double with each level, from ``width`` to at most 8 times it; small pictures have the lower levels only.

    Raises:
        ValueError: a size that networks are not made for, see :func:`gansmith.sides.check_sides`; a width below 1.

    Example:
        >>> widths(128, 32), widths(32, 32), widths(8, 32), widths((64, 96), 32)
        ([32, 64, 128, 256, 256], [32, 64, 128], [128], [32, 64, 128, 256])
    """
    check_sides(sides_of(size))
    check_sizes(width=width)
    levels = halvings(sides_of(size))
    return [width * min(2**i, 8) for i in range(max(levels, 3))][-levels:]


class DCGANGenerator(nn.Module):
    """Latents (n, d) -> pictures (n, channels, size, size) in [-1, 1].

    A linear map to 4 x 4, a 3x3 convolution there, then 4x4 transposed convolutions of stride 2 that double the size;
    each but the last with normalization and ReLU, tanh at the end. Weights start as N(0, 0.02), as in DCGAN. (The 3x3
    convolution is ours: it brings most where pictures are small.)

    Arguments:
        latent: numbers per latent.
        size: 8, 16, 32, 64, 128 or 256 pixels; or height and width, see :func:`gansmith.sides.check_sides`.
        channels: of the pictures.
        width: the channels at each resolution are multiples of it, see :func:`widths`; 16 and its multiples are fast.
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
        self,
        latent: int,
        size: int | Sides,
        channels: int,
        width: int = 32,
        normalize: Normalize | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        check_sizes(latent=latent, channels=channels)
        up = widths(size, width)[::-1]
        bias = normalize is None
        self.first_map = up[0], *coarse(sides_of(size))
        self.start = nn.Linear(latent, math.prod(self.first_map), bias=bias)
        modules = [*_activated(up[0], normalize), nn.Conv2d(up[0], up[0], 3, 1, 1, bias=bias)]
        for inside, outside in pairwise(up):
            modules += [*_activated(inside, normalize), nn.ConvTranspose2d(inside, outside, 4, 2, 1, bias=bias)]
        modules += [*_activated(up[-1], normalize), nn.ConvTranspose2d(up[-1], channels, 4, 2, 1), nn.Tanh()]
        self.body = nn.Sequential(*modules)
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(m.weight, 0, 0.02)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, _BatchNorm) and m.affine:
                nn.init.normal_(m.weight, 1, 0.02)

    def forward(self, z: Tensor) -> Tensor:
        pictures: Tensor = self.body(self.start(z).unflatten(1, self.first_map))
        return pictures


def _activated(channels: int, normalize: Normalize | None) -> list[nn.Module]:
    return [nn.ReLU()] if normalize is None else [normalize(channels), nn.ReLU()]


class DCGANCritic(nn.Module):
    """Pictures (n, channels, size, size) -> scores (n,), or with ``outputs`` codes (n, outputs).

    4x4 convolutions of stride 2 with leaky ReLUs halve the size down to 4 x 4; there a 3x3 convolution, then one linear
    map. No normalization by default: BatchNorm makes samples depend on each other and voids every penalty on slopes.

    Arguments:
        size: 8, 16, 32, 64, 128 or 256 pixels; or height and width, see :func:`gansmith.sides.check_sides`.
        channels: of the pictures.
        outputs: numbers per picture; None for one score per picture.
        width: the channels at each resolution are multiples of it, see :func:`widths`.
        normalize: channels -> module, after each convolution but the first; None for nothing.

    Example:
        >>> import torch
        >>> x = torch.zeros(2, 1, 32, 32)
        >>> DCGANCritic(32, 1, width=16)(x).shape, DCGANCritic(32, 1, outputs=64, width=16)(x).shape
        (torch.Size([2]), torch.Size([2, 64]))
    """

    def __init__(
        self,
        size: int | Sides,
        channels: int,
        outputs: int | None = None,
        width: int = 32,
        normalize: Normalize | None = None,
    ) -> None:
        super().__init__()
        check_sizes(channels=channels, outputs=outputs)
        down = widths(size, width)
        modules: list[nn.Module] = [nn.Conv2d(channels, down[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for convolution in (
            *(nn.Conv2d(inside, outside, 4, 2, 1) for inside, outside in pairwise(down)),
            nn.Conv2d(down[-1], down[-1], 3, 1, 1),
        ):
            modules.append(convolution)
            if normalize is not None:
                modules.append(normalize(convolution.out_channels))
            modules.append(nn.LeakyReLU(0.2))
        head = nn.Linear(down[-1] * math.prod(coarse(sides_of(size))), outputs or 1)
        self.body = nn.Sequential(*modules, nn.Flatten(), head)
        self.scores = outputs is None
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Conv2d)):
                nn.init.kaiming_normal_(m.weight, a=0.2)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
        nn.init.normal_(head.weight, 0, 1 / math.sqrt(head.in_features))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out.squeeze(1) if self.scores else out
