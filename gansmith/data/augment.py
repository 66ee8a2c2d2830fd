"""Random augmentation of training pictures, each a pure function of (seed, epoch, picture)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

# Splitmix64's 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9 and 0x94D049BB133111EB, as signed integers (same bits).
GOLDEN, FIRST, SECOND = -7046029254386353131, -4658895280553007687, -7723592293110705685


@dataclass(frozen=True)
class Augment:
    """Flips and shifts pictures at random.

    Attributes:
        flip: flip left to right with probability 1/2.
        shift: the largest shift in pixels, uniform in each direction. Edges are repeated, so this is a random crop of
            the picture padded by its edges. A padded picture moves together with its padding.

    Raises:
        ValueError: a negative shift.

    References:
        The numbers come from splitmix64: Fast splittable pseudorandom number generators, Steele, Lea, Flood, 2014,
        https://doi.org/10.1145/2714064.2660195.

    Example:
        >>> x = torch.tensor([1, 2]).view(1, 1, 1, 2).expand(4, 1, 1, 2)
        >>> Augment(flip=True)(x, torch.arange(4), torch.zeros(4, dtype=torch.int64), seed=0).squeeze().tolist()
        [[2, 1], [2, 1], [1, 2], [2, 1]]
    """

    flip: bool = False
    shift: int = 0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ValueError(f"needs a shift of at least 0 pixels, but got {self.shift}")

    def __call__(self, x: Tensor, index: Tensor, epoch: Tensor, seed: int) -> Tensor:
        """Augmented pictures.

        Arguments:
            x: ``(n, c, h, w)``, any type.
            index: int64 ``(n,)``, the positions of the pictures in the data.
            epoch: int64 ``(n,)``, the epoch in which each picture is used.
            seed: the seed of the run.
        """
        bits = _bits(index, epoch, seed)
        columns = torch.arange(x.shape[3]).expand(len(x), -1)
        if self.shift:
            steps = 2 * self.shift + 1
            across, down = (((bits >> start & 0xFFFFF) * steps >> 20) - self.shift for start in (1, 21))
            columns = (columns + across[:, None]).clamp(0, x.shape[3] - 1)
            rows = (torch.arange(x.shape[2]) + down[:, None]).clamp(0, x.shape[2] - 1)
            x = x.gather(2, rows[:, None, :, None].expand_as(x))
        if self.flip:
            columns = torch.where((bits & 1).bool()[:, None], columns.flip(1), columns)
        return x.gather(3, columns[:, None, None, :].expand_as(x))


def _bits(index: Tensor, epoch: Tensor, seed: int) -> Tensor:
    """63 random bits (n,), a pure function of (seed, epoch, index) of each row."""
    start = torch.empty_like(epoch)
    for walk in epoch.unique().tolist():
        digest = hashlib.blake2b(f"{seed}|augment|{walk}".encode(), digest_size=8).digest()
        start[epoch == walk] = int.from_bytes(digest, "little", signed=True)
    x = start + (index + 1) * GOLDEN
    x = (x ^ _right(x, 30)) * FIRST
    x = (x ^ _right(x, 27)) * SECOND
    return _right(x ^ _right(x, 31), 1)


def _right(x: Tensor, places: int) -> Tensor:
    """Logical right shift; torch's ``>>`` keeps the sign."""
    return (x >> places) & ((1 << (64 - places)) - 1)
