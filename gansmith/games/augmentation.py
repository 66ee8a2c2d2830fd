"""Differentiable augmentation: real and generated pictures are changed alike before the critic sees them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gansmith import chance
from gansmith.notes import scope


class DifferentiableAugmentation:
    r"""Changes each picture at random, so that a critic cannot learn a few hundred of them by heart.

    Real and fake pictures are changed alike, in both players' moves, and the generator's gradient goes through the
    change: what is generated stays unchanged. With u of each picture, uniform in [0, 1) and drawn anew for each change,

    - color: brightness :math:`x + u - \frac12`, saturation :math:`m + 2u (x - m)` with m the mean over channels,
      contrast :math:`M + (u + \frac12)(x - M)` with M the mean of the picture; of four channels the first three;
    - translation: by up to an eighth of the sides, whole pixels, zeros (gray) where nothing comes from;
    - cutout: a rectangle of half the sides around a random pixel becomes 0.

    Arguments:
        color: change brightness, saturation and contrast.
        translation: move.
        cutout: cut out.

    References:
        Differentiable Augmentation for Data-Efficient GAN Training, Zhao et al., 2020,
        https://arxiv.org/abs/2006.10738, section 3.3 and appendix.

    Example:
        >>> augment = DifferentiableAugmentation(cutout=True)
        >>> augment(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, *, color: bool = True, translation: bool = True, cutout: bool = False) -> None:
        self.color, self.translation, self.cutout = color, translation, cutout

    def __call__(self, x: Tensor) -> Tensor:
        """Changed pictures.

        Arguments:
            x: (n, c, h, w), floats; 0 is gray.

        Raises:
            ValueError: no pictures.
        """
        if x.ndim != 4:
            raise ValueError(
                f"needs pictures (n, c, h, w) to augment, but got {tuple(x.shape)}: leave augmentation out"
            )
        with scope("augmentation"):
            x = _color(x) if self.color else x
            x = _translated(x) if self.translation else x
            return _cut(x) if self.cutout else x

    def __repr__(self) -> str:
        return f"{type(self).__name__}(color={self.color}, translation={self.translation}, cutout={self.cutout})"


def _color(x: Tensor) -> Tensor:
    if x.shape[1] == 4:
        return torch.cat([_color(x[:, :3]), x[:, 3:]], 1)
    brightness, saturation, contrast = (
        chance.uniform(name, len(x), 1, 1, 1, like=x) for name in ("brightness", "saturation", "contrast")
    )
    x = x + brightness - 0.5
    gray = x.mean(1, keepdim=True)
    x = gray + 2 * saturation * (x - gray)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5) * (x - mean)


def _translated(x: Tensor) -> Tensor:
    """By shifting which rows and columns are taken from a picture with a border of zeros."""
    n, channels, height, width = x.shape
    down, across = height // 8, width // 8
    rows, columns = _taken("down", n, height, down, x), _taken("across", n, width, across, x)
    x = functional.pad(x, (across, across, down, down))
    x = x.gather(2, rows[:, None, :, None].expand(n, channels, height, x.shape[3]))
    return x.gather(3, columns[:, None, None, :].expand(n, channels, height, width))


def _taken(name: str, n: int, size: int, most: int, like: Tensor) -> Tensor:
    return chance.integers(2 * most + 1, name, n, 1, like=like) + torch.arange(size, device=like.device)


def _cut(x: Tensor) -> Tensor:
    n, _, height, width = x.shape
    rows, columns = _within("row", n, height, x), _within("column", n, width, x)
    return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0)


def _within(name: str, n: int, size: int, like: Tensor) -> Tensor:
    """Which of the rows (or columns) lie within a quarter of the side from a random one, (n, size)."""
    middle = chance.integers(size, name, n, 1, like=like)
    place = torch.arange(size, device=like.device)
    return (place >= middle - size // 4) & (place < middle + size // 4)
