"""Compares two datasets, generated and real, without a run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gansmith.data.dataset import Dataset
from gansmith.evaluate.compare import compare
from gansmith.evaluate.data_features import data_features
from gansmith.evaluate.duplicates import duplicates
from gansmith.evaluate.features import Features

FEW = 20
"""The least number of samples of each kind."""


def measure_sets(
    fake: Dataset, real: Dataset, features: Features, *, n: int | None = None, most: int = 10_000, seed: int = 0
) -> dict[str, Any]:
    """All metrics of a set of generated samples against a set of real ones.

    As many samples of each are compared, chosen at random. The floor compares two disjoint sets of real samples of the
    same number. So by default, fakes are compared with half of the real samples.

    Arguments:
        fake: the generated samples.
        real: the real samples, of the same shape.
        features: features of images; vectors are their own features.
        n: samples of each kind; by default the largest number that allows a floor, at most `most`; or all samples if
            there are too few for a floor.
        most: see `n`.
        seed: of the random choice, and of the halves for intervals.

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
    if not real.is_images:
        fake = fake.with_scale(real.scale)
    fake_rows, real_rows = _permutation(len(fake), seed)[:n], _permutation(len(real), seed + 1)
    real_features, fake_features = (
        data_features(features, real, real_rows[:n]),
        data_features(features, fake, fake_rows, keep=False),
    )
    twin = data_features(features, real, real_rows[n : 2 * n]) if 2 * n <= len(real) else None
    report: dict[str, Any] = {
        "n": n,
        "samples": n,
        "there_are": {"fake": len(fake), "real": len(real)},
        "content": list(real.crop(real.x[:1]).shape[1:]),
        "resize": {name: list(each.notes) for name, each in (("fake", fake), ("real", real))},
        "seed": seed,
        "features": {"name": features.name, "size": fake_features.shape[1], "why": features.why},
        "metrics": compare(real_features, fake_features, twin, seed=seed),
        "duplicates": duplicates(fake_features, real_features).as_dict(),
    }
    if twin is None:
        report["no_floor"] = f"no floor: it needs {2 * n:,} real samples, but there are {len(real):,}"
    return report


def _permutation(n: int, seed: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))
