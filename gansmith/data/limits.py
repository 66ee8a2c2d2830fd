"""A fixed choice of a limited number of samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch

LIMIT_SEED = 20141210  # constant: every run uses the same samples


def choice(n: int, limit: int | None) -> Sequence[int]:
    """The positions of at most ``limit`` of n samples, in order: a random choice with a fixed seed."""
    if limit is None or limit >= n:
        return range(n)
    generator = torch.Generator().manual_seed(LIMIT_SEED)
    return torch.randperm(n, generator=generator)[:limit].sort().values.tolist()


def limit_note(count: int, n: int) -> tuple[str, ...]:
    """What a limit left of n samples, for the user."""
    return (f"{count:,} of {n:,} samples, a fixed choice",) if count < n else ()
