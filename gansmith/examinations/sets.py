"""One set of pictures against another, for whoever has no run of ours."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gansmith.data.dataset import Dataset
from gansmith.evaluate.compare import compare
from gansmith.evaluate.duplicates import duplicates
from gansmith.evaluate.features import Features
from gansmith.examinations.data_features import data_features

FEW = 20
"""Samples of each kind below which nothing can be said."""


def measure_sets(
    fake: Dataset, real: Dataset, features: Features, *, n: int | None = None, most: int = 10_000, seed: int = 0
) -> dict[str, Any]:
    """Numbers for one set of samples against another.

    As many of each are compared, chosen by the seed. The floor compares two disjoint halves of the real ones at the
    same number, so that by default half of the real samples are what the fakes are compared with.

    Arguments:
        fake: the samples to be judged.
        real: what they are judged by, in the same shape.
        features: what images are compared in; vectors are their own.
        n: samples of each kind; by default as many as leave a floor, `most` at most, or all
            where there are too few for that.
        most: see `n`.
        seed: of the choice.

    Raises:
        ValueError: where shapes differ, or there are too few samples.
    """
    if fake.crop(fake.x[:1]).shape[1:] != real.crop(real.x[:1]).shape[1:]:
        raise ValueError(f"needs samples of one shape, but got {fake.shape} and {real.shape}: resize one by --size")
    if n is None:
        halves = min(len(fake), len(real) // 2, most)
        n = halves if halves >= FEW else min(len(fake), len(real))
    if not FEW <= n <= min(len(fake), len(real)):
        raise ValueError(
            f"needs {max(n, FEW):,} samples of each kind, but got {len(fake):,} and {len(real):,}: add some"
        )
    chosen, first = _choose(len(fake), seed)[:n], _choose(len(real), seed + 1)
    seen, judged = data_features(features, real, first[:n]), data_features(features, fake, chosen, keep=False)
    twin = data_features(features, real, first[n : 2 * n]) if 2 * n <= len(real) else None
    found: dict[str, Any] = {
        "n": n,
        "samples": n,
        "there_are": {"fake": len(fake), "real": len(real)},
        "content": list(real.crop(real.x[:1]).shape[1:]),
        "resize": {name: list(each.notes) for name, each in (("fake", fake), ("real", real))},
        "seed": seed,
        "features": {"name": features.name, "size": judged.shape[1], "why": features.why},
        "metrics": compare(seen, judged, twin, seed=seed),
        "duplicates": duplicates(judged, seen).as_dict(),
    }
    if twin is None:
        found["no_floor"] = f"no floor: it needs {2 * n:,} real samples, but there are {len(real):,}"
    return found


def _choose(n: int, seed: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))
