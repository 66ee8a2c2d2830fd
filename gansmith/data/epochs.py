"""Shuffling: one independent permutation for each epoch, each a pure function of (seed, epoch)."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import torch
from torch import Tensor


# A batch spans at most two epochs, so a run needs two permutations; two more are for a second dataset beside it, such
# as one for an evaluation.
@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, n: int) -> Tensor:
    digest = hashlib.blake2b(f"{seed}|epoch|{epoch}".encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "little"))
    return torch.randperm(n, generator=generator)


def positions(seed: int, draw: int, size: int, n: int) -> tuple[Tensor, Tensor]:
    """Batch ``draw`` of the endless concatenation of permutations of ``0 .. n - 1``.

    These are its entries ``[draw * size, (draw + 1) * size)``.
    Torch's global random generator is not used.

    Arguments:
        seed: of the permutations.
        draw: the number of the batch, from 0.
        size: samples in a batch, at most ``n``.
        n: the number of samples to draw from.

    Returns:
        Positions, int64 ``(size,)``, and the epoch of each, int64 ``(size,)``.

    Example:
        >>> epoch = [positions(seed=0, draw=i, size=2, n=6)[0] for i in range(3)]
        >>> sorted(torch.cat(epoch).tolist())
        [0, 1, 2, 3, 4, 5]
    """
    epoch, first = divmod(draw * size, n)
    places = _permutation(seed, epoch, n)[first : first + size]
    if len(places) < size:
        places = torch.cat([places, _permutation(seed, epoch + 1, n)[: size - len(places)]])
    epochs = (torch.arange(size) + first) // n + epoch
    return places.clone(), epochs  # never a view of the cached permutation
