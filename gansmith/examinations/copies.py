"""Whether samples are copies of training samples, or of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gansmith.evaluate.duplicates import duplicates
from gansmith.evaluate.memorization import memorization
from gansmith.examinations.base import FEW, Examination, Subject, finite, generates
from gansmith.examinations.table import Cell, Table, short


def measure(subject: Subject) -> dict[str, Any]:
    """Duplicates among as many samples as real ones; copies among all training samples, for a part would hide some."""
    n, samples = subject.n, subject.sample_features
    every = subject.of_data(subject.chosen(subject.data.train, "every", 30 * subject.most))
    copied = memorization(samples[: max(n, FEW)], every, subject.real_features)
    return {
        "duplicates": duplicates(samples[:n], subject.real_features).as_dict(),
        "memorization": {"train": len(every)} | {name: finite(value) for name, value in vars(copied).items()},
    }


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
