"""A critic that sees what a frozen classifier sees: light heads on two of its maps."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional

from gansmith.networks.spectral import spectral_norm
from gansmith.refusal import check_sizes
from gansmith.shipped import shipped
from gansmith.transparency import over_white

WEIGHTS = Path(__file__).with_name("trunk.safetensors")
SHA256 = "3ff263e30e8562cc5378565fce7682afb449385ef3bb5ab44098dda009166b51"
STRIDES = (1, 2, 1, 1, 2, 1, 1)
SEEN = (4, 7)
"""After which convolutions, from 1, maps are seen."""
CHANNELS = 48, 96
"""Of these maps, the fine and the coarse one."""
SIDE = 32
"""Pixels of the shorter side at which pictures are seen."""


class Trunk(nn.Module):
    r"""Pictures (n, c, h, w) -> maps (n, 48, h/2, w/2) and (n, 96, h/4, w/4) of a small classifier; it never learns.

    The classifier learned to name pictures of CIFAR-10 as JPEG (`benchmarks/object_classifiers.py`). It is another
    network than the judge of features `objects`, from another seed, and no picture taught both. Pictures whose shorter
    side has more than 32 pixels are seen at 32 (means of areas), gray ones as gray colors, transparent ones over
    white. Channels are standardized by their means and deviations on CIFAR-10.

    Attributes:
        sha256: of the weights; who was trained against them is not judged by them.

    Raises:
        ValueError: the file of weights is not the one that comes with gansmith.

    Example:
        >>> import torch
        >>> [tuple(map_.shape) for map_ in Trunk()(torch.zeros(2, 3, 64, 64))]
        [(2, 48, 16, 16), (2, 96, 8, 8)]
    """

    sha256 = SHA256

    def __init__(self) -> None:
        super().__init__()
        for name, value in shipped(WEIGHTS, SHA256).items():
            self.register_buffer(name.replace(".", "_"), value, persistent=False)  # they come with every gansmith

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self._seen(x)
        maps = []
        for i, stride in enumerate(STRIDES, 1):
            weight, bias = self.get_buffer(f"conv{i}_weight"), self.get_buffer(f"conv{i}_bias")
            x = functional.conv2d(x, weight.to(x.dtype), bias.to(x.dtype), stride, 1).relu()
            if i in SEEN:
                maps.append(x)
        return self._standardized(maps[0], "fine"), self._standardized(maps[1], "coarse")

    def _seen(self, x: Tensor) -> Tensor:
        x = over_white(x)
        side = min(x.shape[-2:])
        if side > SIDE:
            x = functional.interpolate(x, [round(SIDE * each / side) for each in x.shape[-2:]], mode="area")
        return x.expand(-1, 3, -1, -1)

    def _standardized(self, seen: Tensor, name: str) -> Tensor:
        mean, deviation = (
            self.get_buffer(f"{name}_{of}").view(-1, 1, 1).to(seen.dtype) for of in ("mean", "deviation")
        )
        return (seen - mean) / deviation


class FeatureCritic(nn.Module):
    """Pictures (n, c, h, w) -> two maps of scores: light heads on the maps of :class:`Trunk`.

    Convolutions with leaky ReLUs under spectral normalization; of pictures of 32 pixels and more the maps have
    8 places on their shorter side. For ``Several(Patchwise(Hinge()))``, beside a critic of pixels
    (:class:`gansmith.games.SeveralCritics`): alone it lets through what the trunk does not see.

    Arguments:
        width: channels of the heads.

    References:
        Projected GANs Converge Faster, Sauer et al., 2021, https://arxiv.org/abs/2111.01007.

    Example:
        >>> import torch
        >>> [tuple(scores.shape) for scores in FeatureCritic()(torch.zeros(2, 3, 64, 64))]
        [(2, 1, 8, 8), (2, 1, 8, 8)]
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        check_sizes(width=width)
        self.trunk = Trunk()
        self.fine = spectral_norm(
            nn.Sequential(
                *(nn.Conv2d(CHANNELS[0], width, 4, 2, 1), nn.LeakyReLU(0.2)),
                *(nn.Conv2d(width, width, 3, 1, 1), nn.LeakyReLU(0.2)),
                nn.Conv2d(width, 1, 3, 1, 1),
            )
        )
        self.coarse = spectral_norm(
            nn.Sequential(nn.Conv2d(CHANNELS[1], width, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 3, 1, 1))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        fine, coarse = self.trunk(x)
        return [self.fine(fine), self.coarse(coarse)]
