"""Whether samples are copies of training samples, or of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gansmith.data.dataset import Dataset
from gansmith.evaluate.duplicates import duplicates
from gansmith.evaluate.memorization import memorization
from gansmith.evaluate.neighbors import nearest
from gansmith.examinations.base import FEW, Examination, Subject, finite, generates
from gansmith.examinations.table import Cell, Table, short


def measure(subject: Subject) -> dict[str, Any]:
    """Duplicates among as many samples as real ones; copies among all training samples, for a part would hide some."""
    n, samples = subject.n, subject.sample_features
    every, looked_at, held_out = subject.of_data(subject.every), samples[: max(n, FEW)], subject.real_features
    if subject.data.augment is not None and subject.data.augment.flip:
        mirrored = subject.extracted(subject.samples[: len(looked_at)].flip(-1))
        looked_at = nearer(looked_at, mirrored, every)
        held_out = nearer(held_out, subject.extracted(subject.cropped(subject.held_out).flip(-1)), every)
    copied = memorization(looked_at, every, held_out)
    numbers = {"train": len(every)} | {name: finite(value) for name, value in vars(copied).items()}
    return {
        "duplicates": duplicates(samples[:n], subject.real_features).as_dict(),
        "memorization": numbers | {"closest": closest(subject.data, subject.every, looked_at, every)},
    }


def nearer(samples: Tensor, mirrored: Tensor, train: Tensor) -> Tensor:
    """Of each sample the view, as it is or mirrored, that lies nearer to the training samples.

    Who learns from mirrored pictures can copy them mirrored.

    Arguments:
        samples: features, shape `(m, d)`.
        mirrored: of the same pictures mirrored, shape `(m, d)`.
        train: features of the training samples, shape `(n, d)`.

    Example:
        >>> nearer(torch.tensor([[1.0], [5.0]]), torch.tensor([[3.0], [4.0]]), torch.tensor([[0.0]])).T
        tensor([[1., 4.]])
    """
    own, other = (nearest(view, train)[0] for view in (samples, mirrored))
    return torch.where(other < own, mirrored, samples)


def closest(data: Dataset, index: Tensor, samples: Tensor, train: Tensor, most: int = 5) -> list[dict[str, Any]]:
    """The training samples that a generated one comes nearest to, beside the distance to their own nearest neighbor.

    Arguments:
        data: what names the samples.
        index: positions of the training samples.
        samples: features of generated ones, shape `(m, d)`.
        train: features of the training samples, shape `(n, d)`.
        most: how many to name.

    Returns:
        For each its `name`, the `distance` to a generated sample, and how far it is `apart` from the other ones.
    """
    distance, which = (column[:, 0] for column in nearest(samples, train))
    apart = nearest(train[which], train, 2)[0][:, 1]
    ratio = torch.where(distance == apart, 1.0, distance / apart)
    found: dict[int, dict[str, Any]] = {}
    for place in ratio.argsort().tolist():
        row = int(which[place])
        entry = {"name": data.sample_name(int(index[row])), "distance": float(distance[place])}
        found.setdefault(row, entry | {"apart": float(apart[place])})
        if len(found) == most:
            break
    return list(found.values())


def tables(numbers: dict[str, Any]) -> list[Table]:
    rows: list[tuple[Cell, ...]] = []
    copies, repeated = numbers.get("memorization"), numbers.get("duplicates")
    if copies:
        rows += [
            _row("distance to training samples, over that to held-out ones", copies, "nearest_ratio", "floor"),
            _row(
                "share farther from training samples than these are apart",
                copies,
                "authenticity",
                "authenticity_of_real",
            ),
        ]
        if copies.get("c_t") is not None:
            title = "C_T, below −3 where samples lean on training samples"
            rows.append((title, f"{copies['c_t']:.2g}", ""))
    if repeated:
        rows.append(_row("share of near duplicates", repeated, "share", "floor"))
    head = ("copies and repetitions", "samples", "unseen real ones")
    return [Table("Whether samples are copies of training samples, or of each other.", head, rows)] if rows else []


def _row(title: str, values: Mapping[str, Any], key: str, floor: str) -> tuple[Cell, ...]:
    return title, short(values.get(key)), short(values.get(floor))


COPIES = Examination("copies", generates, measure, tables=tables)
