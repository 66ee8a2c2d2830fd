"""The pair of the widely taught MNIST tutorial for spectral normalization, 28 pixels exactly."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gansmith.refusal import check_sizes


class TutorialGenerator(nn.Module):
    """Latents (n, d) -> pictures (n, channels, 28, 28) in [-1, 1], through 1, 3, 6 and 13 pixels.

    Transposed convolutions, each but the last with BatchNorm and ReLU; weights start as N(0, 0.02), BatchNorm's factors
    as N(1, 0.02). The published notebook starts those factors as N(0, 0.02), which makes activations fifty times
    smaller in every layer.

    Arguments:
        latent: numbers per latent.
        channels: of the pictures.
        width: channels of the last hidden layer; the others are 2 and 4 times as wide.

    Example:
        >>> import torch
        >>> TutorialGenerator(64)(torch.zeros(2, 64)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, latent: int, channels: int = 1, width: int = 64) -> None:
        super().__init__()
        check_sizes(latent=latent, channels=channels, width=width)
        through = [latent, 4 * width, 2 * width, width]
        modules: list[nn.Module] = []
        for (inside, outside), (kernel, stride) in zip(pairwise(through), [(3, 2), (4, 1), (3, 2)], strict=True):
            modules += [nn.ConvTranspose2d(inside, outside, kernel, stride), nn.BatchNorm2d(outside), nn.ReLU()]
        self.body = nn.Sequential(*modules, nn.ConvTranspose2d(width, channels, 4, 2), nn.Tanh())
        _start(self)

    def forward(self, z: Tensor) -> Tensor:
        pictures: Tensor = self.body(z[:, :, None, None])
        return pictures


class TutorialCritic(nn.Module):
    """Pictures (n, channels, 28, 28) -> scores (n,), through 13 and 5 pixels.

    4x4 convolutions of stride 2; between them BatchNorm and leaky ReLU, as in the tutorial, although BatchNorm undoes
    what spectral normalization is for (a warning says so when it trains). Normalize it by
    :func:`gansmith.networks.spectral_norm`.

    Arguments:
        channels: of the pictures.
        width: channels of the first layer; the second is twice as wide.

    Example:
        >>> import torch
        >>> TutorialCritic()(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2])
    """

    def __init__(self, channels: int = 1, width: int = 16) -> None:
        super().__init__()
        check_sizes(channels=channels, width=width)
        modules: list[nn.Module] = []
        for inside, outside in pairwise([channels, width, 2 * width]):
            modules += [nn.Conv2d(inside, outside, 4, 2), nn.BatchNorm2d(outside), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*modules, nn.Conv2d(2 * width, 1, 4, 2), nn.Flatten(0))
        _start(self)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.body(x)
        return scores


def _start(net: nn.Module) -> None:
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(m.weight, 0, 0.02)
        elif isinstance(m, _BatchNorm):
            nn.init.normal_(m.weight, 1, 0.02)
