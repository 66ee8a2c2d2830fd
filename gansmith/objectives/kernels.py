"""Kernels between features: functions of two batches (n, m) and (k, m) that return (n, k)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

SMALL = 2**22
"""Differences of features that are held in memory at once (16 MiB of float32)."""


class Kernel(Protocol):
    """Any function of two batches of features; ``low`` and ``high`` clamp the squared distances that it sees."""

    def __call__(self, a: Tensor, b: Tensor, low: float = 0.0, high: float = math.inf) -> Tensor: ...


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    r""":math:`\|a_i - b_j\|^2`, shape (n, k); never negative.

    From the differences (n, k, m) where these are few, and otherwise from products, which cancel where samples lie far
    from their mean and close to each other.

    Example:
        >>> squared_distances(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
        tensor([[25.]])
    """
    if len(a) * b.numel() <= SMALL:
        return (a[:, None] - b).square().sum(2)
    middle = b.mean(0).detach()  # near zero the expansion cancels less
    a, b = a - middle, b - middle
    squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
    return squares.clamp(min=0)


@dataclass(frozen=True)
class RBF:
    r"""A sum of Gaussian kernels, :math:`\sum_\sigma \exp(-\|a - b\|^2 / 2 \sigma^2)`.

    Arguments:
        sigmas: the widths.

    Example:
        >>> RBF((1.0,))(torch.zeros(1, 2), torch.ones(1, 2))  # exp(-1)
        tensor([[0.3679]])
    """

    sigmas: Sequence[float] = (1.0, 2.0, 4.0, 8.0, 16.0)

    def __post_init__(self) -> None:
        _several("sigmas", self.sigmas)

    def __call__(self, a: Tensor, b: Tensor, low: float = 0.0, high: float = math.inf) -> Tensor:
        squares = squared_distances(a, b).clamp(low, high)
        return torch.stack([(-squares / (2 * s * s)).exp() for s in self.sigmas]).sum(0)


@dataclass(frozen=True)
class RationalQuadratic:
    r"""A sum of rational quadratic kernels.

    .. math::
        \sum_\alpha (1 + \|a - b\|^2 / 2\alpha)^{-\alpha} + w \langle a, b \rangle

    Its tails are heavier than the Gaussian's: distant samples still feel each other.

    Arguments:
        alphas: the exponents.
        dot: w, the weight of a linear kernel beside them.

    Example:
        >>> RationalQuadratic((1.0,))(torch.zeros(1, 2), torch.ones(1, 2))  # 1 / (1 + 2 / 2)
        tensor([[0.5000]])
    """

    alphas: Sequence[float] = (0.1, 1.0, 10.0)
    dot: float = 0.0

    def __post_init__(self) -> None:
        _several("alphas", self.alphas)

    def __call__(self, a: Tensor, b: Tensor, low: float = 0.0, high: float = math.inf) -> Tensor:
        squares = squared_distances(a, b).clamp(low, high)
        total = torch.stack([(1 + squares / (2 * s)).pow(-s) for s in self.alphas]).sum(0)
        return total + self.dot * (a @ b.T) if self.dot else total


@dataclass(frozen=True)
class DistanceKernel:
    r"""The kernel of the energy distance, :math:`\|a\| + \|b\| - \|a - b\|`.

    Where a norm is 0, its subgradient is 0: features may be zero (a last layer that starts there, a black picture).

    Example:
        >>> DistanceKernel()(torch.tensor([[3.0]]), torch.tensor([[5.0]]))
        tensor([[6.]])
    """

    def __call__(self, a: Tensor, b: Tensor, low: float = 0.0, high: float = math.inf) -> Tensor:
        apart = _root(squared_distances(a, b).clamp(low, high))
        return _root(a.square().sum(1))[:, None] + _root(b.square().sum(1)) - apart


def _root(squares: Tensor) -> Tensor:
    """The root, with a derivative of 0 at 0, however often it is taken: that of the root itself is infinite there."""
    return squares.clamp(min=1e-24).sqrt()


def _several(name: str, values: object) -> None:
    if not isinstance(values, (list, tuple)) or not values or not all(value > 0 for value in values):
        raise ValueError(f"needs {name}, a tuple of one or more numbers above 0, but got {values!r}")
