"""Mixtures of Gaussians in the plane, with PacGAN's parameters: a ring of 8 and a grid of 25."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gansmith.data.raw_data import RawData

POINTS = 100_000
_SEED = 20171212


def ring_modes() -> tuple[Tensor, float]:
    r"""The ring: eight centers on the unit circle, standard deviation 0.01.

    .. math:: \mu_i = (\cos 2\pi i/8, \sin 2\pi i/8), \quad i = 0, \dots, 7

    Returns:
        Centers, float32 ``(8, 2)``, and the standard deviation of each coordinate.

    References:
        Zinan Lin, Ashish Khetan, Giulia Fanti, Sewoong Oh. PacGAN: The power of two samples in generative
        adversarial networks. 2018. https://arxiv.org/abs/1712.04086

    Example:
        >>> centers, sd = ring_modes()
        >>> centers.shape, sd
        (torch.Size([8, 2]), 0.01)
    """
    angles = [2 * math.pi * i / 8 for i in range(8)]
    return torch.tensor([[math.cos(a), math.sin(a)] for a in angles]), 0.01


def grid_modes() -> tuple[Tensor, float]:
    """The grid: 25 centers in {-4, -2, 0, 2, 4} x {-4, -2, 0, 2, 4}, standard deviation 0.05.

    Returns:
        Centers, float32 ``(25, 2)``, and the standard deviation of each coordinate.

    References:
        As in `ring_modes`.

    Example:
        >>> centers, sd = grid_modes()
        >>> centers[0].tolist(), centers[-1].tolist(), sd
        ([-4.0, -4.0], [4.0, 4.0], 0.05)
    """
    line = [-4.0, -2.0, 0.0, 2.0, 4.0]
    return torch.tensor([[a, b] for a in line for b in line]), 0.05


def ring() -> RawData:
    """100,000 points from the ring, drawn once with a fixed seed; the label is the mode."""
    return _draw(*ring_modes())


def grid() -> RawData:
    """100,000 points from the grid, drawn once with a fixed seed; the label is the mode."""
    return _draw(*grid_modes())


def _draw(centers: Tensor, sd: float) -> RawData:
    import numpy as np

    # NumPy's generator draws the same points on every machine; torch's normals differ with the vector unit.
    generator = np.random.default_rng(_SEED)
    mode = torch.from_numpy(generator.integers(len(centers), size=POINTS))
    noise = torch.from_numpy(generator.standard_normal((POINTS, 2)))
    return RawData((centers.double()[mode] + sd * noise).float(), mode)
