"""Compares two datasets, generated and real, without a run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gansmith.data.dataset import Dataset
from gansmith.evaluate.compare import FEW, compare, compare_statistics
from gansmith.evaluate.data_features import data_features
from gansmith.evaluate.duplicates import duplicates
from gansmith.evaluate.features import Features
from gansmith.evaluate.frechet import Statistics


def measure_sets(
    fake: Dataset, real: Dataset, features: Features, *, n: int | None = None, most: int = 10_000, seed: int = 0
) -> dict[str, Any]:
    """All metrics of a set of generated samples against a set of real ones.

    All samples of both are compared, so that a value is the one that others get of the same features. The floor
    compares real samples with each other, of which there are fewer then; `compare` says how many.

    Arguments:
        fake: the generated samples.
        real: the real samples, of the same shape.
        features: features of images; vectors are their own features.
        n: so many samples of each kind, chosen at random, instead of all; then the floor has the same n where there are
            2n real samples.
        most: without n, metrics of all pairs take so many of each kind at most, since their time grows as the square.
        seed: of the random order, and of the parts for intervals.

    Raises:
        ValueError: where shapes differ, or there are too few samples.
    """
    if fake.crop(fake.x[:1]).shape[1:] != real.crop(real.x[:1]).shape[1:]:
        raise ValueError(f"needs samples of one shape, but got {fake.shape} and {real.shape}: resize one by --size")
    if not FEW <= (n or FEW) <= min(len(fake), len(real)):
        raise ValueError(
            f"needs {max(n or FEW, FEW):,} samples of each kind, but got {len(fake):,} and {len(real):,}: add some"
        )
    if not real.is_images:
        fake = fake.with_scale(real.scale)
    fake_rows, real_rows = _permutation(len(fake), seed)[:n], _permutation(len(real), seed + 1)
    known = data_features(features, real, real_rows if n is None else real_rows[: 2 * n])
    made = data_features(features, fake, fake_rows, keep=False)
    twin = None if n is None or len(known) < 2 * n else known[n:]
    known = known[:n]
    metrics = compare(known, made, twin, seed=seed, most=most if n is None else None)
    report: dict[str, Any] = {
        "there_are": {"fake": len(fake), "real": len(real)},
        "content": list(real.crop(real.x[:1]).shape[1:]),
        "resize": {name: list(each.notes) for name, each in (("fake", fake), ("real", real))},
        "seed": seed,
        "features": {"name": features.name, "size": made.shape[1], "why": features.why},
        "metrics": metrics,
        "duplicates": duplicates(made[:most], known[:most]).as_dict(),
    }
    if all(entry["floor"] is None for entry in metrics.values()):
        report["no_floor"] = f"no floor: it needs {2 * FEW} real samples, but there are {len(real):,}"
    return report


def measure_statistics(
    fake: Dataset, real: Statistics, features: Features, *, n: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """The Frechet distance of a set of generated samples from the statistics of real ones, in the same features.

    Arguments:
        fake: the generated samples.
        real: mean and covariance of the features of real samples.
        features: features of images; vectors are their own features.
        n: so many of the samples, chosen at random, instead of all.
        seed: of the random order, and of the parts for intervals.

    Raises:
        ValueError: where the features have another width than the statistics, or there are too few samples.
    """
    check_width(features, len(real.mean))
    if not FEW <= (n or FEW) <= len(fake):
        raise ValueError(f"needs {max(n or FEW, FEW):,} samples, but got {len(fake):,}: add some")
    made = data_features(features, fake, _permutation(len(fake), seed)[:n], keep=False)
    return {
        "there_are": {"fake": len(fake), "real": None},
        "content": list(fake.crop(fake.x[:1]).shape[1:]),
        "resize": {"fake": list(fake.notes)},
        "seed": seed,
        "features": {"name": features.name, "size": made.shape[1], "why": features.why},
        "metrics": compare_statistics(real, made, seed=seed),
        "no_floor": "no floor, and no other number: a mean and a covariance give the Frechet distance alone; all else "
        "needs the real samples",
    }


def check_width(features: Features, width: int) -> None:
    """Refuses features of another width than statistics have.

    Raises:
        ValueError: they differ.
    """
    if features.size != width:
        raise ValueError(
            f"needs features of {width:,} numbers, as the statistics are, but {features.name!r} has {features.size:,}: "
            "name by --features those that the file was made with"
        )


def _permutation(n: int, seed: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))
