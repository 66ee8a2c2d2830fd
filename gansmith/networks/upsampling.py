"""A generator of photographs for few cores: nearest upsampling, small convolutions, few channels at the large maps."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from gansmith.refusal import check_sizes
from gansmith.sides import COARSE, Sides, check_sides, coarse, halvings, sides_of

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


def channels_at(size: int | Sides, width: int) -> list[int]:
    """Channels at each resolution, from 4 pixels (of a rectangle 4 to 7) up to the picture's size.

    They halve with each level down to ``width``, from at most 8 times it; small pictures have the first levels only.

    Raises:
        ValueError: a size that networks are not made for, see :func:`gansmith.sides.check_sides`; a width below 1.

    Example:
        >>> channels_at(64, 16), channels_at(16, 16)
        ([128, 128, 64, 32, 16], [128, 128, 64])
    """
    check_sides(sides_of(size))
    check_sizes(width=width)
    levels = halvings(sides_of(size)) + 1
    return [width * min(2**i, 8) for i in range(max(levels, 5))][-levels:][::-1]


def _kaiming(layer: Layer) -> Layer:
    nn.init.kaiming_normal_(layer.weight, a=0.2)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class UpsampledConvolution(nn.Module):
    r"""Maps (n, inside, h, w) -> (n, outside, 2h, 2w): nearest upsampling, then a 3x3 convolution without a bias.

    Both at once, as the transposed convolution of stride 2 whose kernel is

    .. math::
        K_4 = K_3 * \mathbf{1}_{2 \times 2},

    which needs 4 products for a place of the large map instead of 9, and no upsampled map in between: on a CPU two to
    three times as fast, and equal but for rounding.

    Arguments:
        inside: channels of the small map.
        outside: channels of the large map.

    Example:
        >>> convolution, x = UpsampledConvolution(8, 4), torch.randn(2, 8, 4, 4)
        >>> plain = functional.conv2d(functional.interpolate(x, scale_factor=2.0), convolution.weight, padding=1)
        >>> torch.allclose(convolution(x), plain, atol=1e-5)
        True
    """

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.kaiming_normal_(torch.empty(outside, inside, 3, 3), a=0.2))

    def forward(self, x: Tensor) -> Tensor:
        rows = functional.pad(self.weight, (0, 0, 0, 1)) + functional.pad(self.weight, (0, 0, 1, 0))
        kernel = functional.pad(rows, (0, 1)) + functional.pad(rows, (1, 0))
        return functional.conv_transpose2d(x, kernel.flip(2, 3).transpose(0, 1), stride=2, padding=1)


class Excitation(nn.Module):
    """Maps (n, small, ...), (n, large, ...) -> (n, large, ...): the small map scales the channels of the large one.

    .. math::
        y = 2\\,\\sigma(B\\,\\mathrm{lrelu}(A\\,\\mathrm{pool}_4(s)))\\,x

    with s pooled to 4 x 4, A a convolution over all of it and B a linear map, which starts at zero: y = x.

    Arguments:
        small: channels of the small map.
        large: channels of the large map.
        pooled: height and width to which the small map is pooled.

    References:
        Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image Synthesis, Liu et al., 2021,
        https://arxiv.org/abs/2101.04775, skip-layer excitation; the factor 2 is ours.

    Example:
        >>> x = torch.randn(2, 16, 32, 32)
        >>> torch.equal(Excitation(64, 16)(torch.randn(2, 64, 4, 4), x), x)
        True
    """

    def __init__(self, small: int, large: int, pooled: Sides = (COARSE, COARSE)) -> None:
        super().__init__()
        self.pooled = pooled
        self.code = _kaiming(nn.Linear(small * math.prod(pooled), large))
        self.scale = nn.Linear(large, large)
        nn.init.zeros_(self.scale.weight)
        nn.init.zeros_(self.scale.bias)

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        times = small.shape[-1] // self.pooled[1]
        pooled = small if times == 1 else functional.avg_pool2d(small, times)
        code = functional.leaky_relu(self.code(pooled.flatten(1)), 0.2)
        return large * (2 * torch.sigmoid(self.scale(code)))[:, :, None, None]


class UpsamplingGenerator(nn.Module):
    """Latents (n, d) -> pictures (n, channels, size, size) in [-1, 1].

    A linear map to 4 x 4 and a 3x3 convolution there; then at each level nearest upsampling by 2 and a 3x3 convolution
    (`UpsampledConvolution`), each with BatchNorm and a leaky ReLU; a last 3x3 convolution and tanh. The map of each
    level scales the channels of the one that is eight times as wide (`Excitation`). Against transposed convolutions of
    any weights there is no checkerboard, and the large maps, which take most of the time, have few channels.

    Arguments:
        latent: numbers per latent.
        size: 8, 16, 32, 64, 128 or 256 pixels; or height and width, see :func:`gansmith.sides.check_sides`.
        channels: of the pictures.
        width: channels of the largest map of 64 pixels and more, see :func:`channels_at`; 16 and its multiples are
            fast.

    References:
        FastGAN, Liu et al., 2021, https://arxiv.org/abs/2101.04775; on upsampling: Deconvolution and Checkerboard
        Artifacts, Odena, Dumoulin and Olah, 2016, https://doi.org/10.23915/distill.00003.

    Example:
        >>> UpsamplingGenerator(16, 32, 3)(torch.zeros(2, 16)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, latent: int, size: int | Sides, channels: int, width: int = 16) -> None:
        super().__init__()
        check_sizes(latent=latent, channels=channels)
        at = channels_at(size, width)
        pooled = coarse(sides_of(size))
        self.first_map = at[0], *pooled
        self.start = _kaiming(nn.Linear(latent, math.prod(self.first_map), bias=False))
        first = _kaiming(nn.Conv2d(at[0], at[0], 3, 1, 1, bias=False))
        self.convolutions = nn.ModuleList([first, *(UpsampledConvolution(a, b) for a, b in pairwise(at))])
        self.norms = nn.ModuleList(nn.BatchNorm2d(c) for c in [at[0], *at])
        pairs = zip(at, at[3:], strict=False)
        self.excitations = nn.ModuleList(Excitation(small, large, pooled) for small, large in pairs)
        self.last = nn.Conv2d(at[-1], channels, 3, 1, 1)
        nn.init.normal_(self.last.weight, 0, 0.3 / math.sqrt(at[-1] * 9))  # pictures start gray

    def forward(self, z: Tensor) -> Tensor:
        h = self.start(z).unflatten(1, self.first_map)
        h = functional.leaky_relu(self.norms[0](h), 0.2)
        maps: list[Tensor] = []
        for level, (convolution, norm) in enumerate(zip(self.convolutions, self.norms[1:], strict=True)):
            h = functional.leaky_relu(norm(convolution(h)), 0.2)
            if level >= 3:
                h = self.excitations[level - 3](maps[level - 3], h)
            maps.append(h)
        return torch.tanh(self.last(h))
