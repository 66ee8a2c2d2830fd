"""O-GAN's heads: what of a code is the score, and what is left free for the latent."""

from __future__ import annotations

import math

from torch import Tensor, nn


def standardize(v: Tensor) -> Tensor:
    r"""Each code less its mean, over its standard deviation, :math:`N(v) = (v - \mathrm{avg}(v)) / \mathrm{std}(v)`.

    Mean and (population) deviation run over the coordinates of *one* code, shape (n, d); d >= 3, because two
    coordinates leave only a sign.

    Raises:
        ValueError: codes of fewer than three coordinates.

    Example:
        >>> import torch
        >>> standardize(torch.tensor([[1.0, 2.0, 3.0]]))
        tensor([[-1.2247,  0.0000,  1.2247]])
    """
    if v.ndim != 2 or v.shape[1] < 3:
        raise ValueError(f"needs codes of shape (n, d) with d >= 3, but got {tuple(v.shape)}: take a larger latent")
    centered = v - v.mean(1, keepdim=True)
    return centered / centered.square().mean(1, keepdim=True).clamp(min=1e-12).sqrt()


def direction(v: Tensor) -> Tensor:
    r"""Each code (n, d) scaled to the length :math:`\sqrt d`, that of a typical normal latent.

    Example:
        >>> import torch
        >>> direction(torch.tensor([[3.0, 4.0]]))
        tensor([[0.8485, 1.1314]])
    """
    return math.sqrt(v.shape[1]) * v / v.square().sum(1, keepdim=True).clamp(min=1e-12).sqrt()


class Mean(nn.Module):
    """The head without parameters: a code's mean is its score; what it leaves free is the standardized code."""

    def forward(self, code: Tensor) -> Tensor:
        return code.mean(1)


class Radius(nn.Module):
    r"""The polar head: a code's length is its score, :math:`D(x) = \|E(x)\|`, and its direction is free for the latent.

    A length is not negative: with it goes a loss whose targets are not, such as
    :math:`f = [m - t]_+,\; g = t,\; h = -t` (``Pointwise``), or its logarithm, which can have any sign.

    Arguments:
        log: score by the logarithm of the length.

    Example:
        >>> import torch
        >>> Radius()(torch.tensor([[3.0, 4.0]])), Radius(log=True)(torch.tensor([[0.6, 0.8]]))
        (tensor([5.]), tensor([0.]))
    """

    def __init__(self, log: bool = False) -> None:
        super().__init__()
        self.log = log

    def forward(self, code: Tensor) -> Tensor:
        squares = code.square().sum(1).clamp(min=1e-12)  # the root's derivative at 0 is infinite
        return squares.log() / 2 if self.log else squares.sqrt()
