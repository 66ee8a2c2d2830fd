"""How far generated samples are from held-out ones, in the features that fit the data."""

from __future__ import annotations

from typing import Any

from gansmith.counting import counted
from gansmith.evaluate.compare import compare
from gansmith.evaluate.metrics import METRICS
from gansmith.examinations.base import FEW, Examination, Subject, generates
from gansmith.examinations.table import Table, short


def measure(subject: Subject) -> dict[str, Any]:
    """Every distance beside its floor: as many training samples in the place of the generated ones."""
    numbers: dict[str, Any] = {"samples": len(subject.samples), "content": list(subject.samples.shape[1:])}
    if not subject.enough:
        few = f"too few held-out samples to measure a distance by: {subject.n}, but it needs {FEW}"
        return numbers | {"too_few": few}
    real, fake = subject.real_features, subject.sample_features[: subject.n]
    return numbers | {"metrics": compare(real, fake, subject.train_features, seed=subject.seed)}


def sentences(numbers: dict[str, Any]) -> list[str]:
    """Example:
    >>> sentences({"too_few": "12 held-out samples are too few"})
    ['12 held-out samples are too few']
    """
    lines = [numbers[key] for key in ("too_few", "no_floor") if key in numbers]
    metrics = numbers.get("metrics", {})
    if "frechet_distance" in metrics and "coverage" in metrics:
        frechet, coverage = (_beside_floor(metrics[name]) for name in ("frechet_distance", "coverage"))
        features = numbers["features"]["name"]
        lines.append(
            f"Frechet distance to {counted(numbers['n'], 'real sample')}, in the features '{features}': {frechet}; "
            f"coverage {coverage}"
        )
    return lines


def tables(numbers: dict[str, Any]) -> list[Table]:
    """Precision never stands without coverage."""
    metrics = numbers.get("metrics", {})
    rows = []
    for metric in METRICS:
        if metric.name in metrics and not (metric.name == "precision" and "coverage" not in metrics):
            entry = metrics[metric.name]
            interval = entry.get("interval")
            between = f"{short(interval[0])} to {short(interval[1])}" if interval else ""
            rows.append(
                (metric.title, short(entry["value"]), between, short(entry.get("floor")), metric.better, metric.words)
            )
    if not rows:
        return []
    features, n = numbers.get("features", {}), numbers.get("n", 0)
    beside = "a real one" if n == 1 else f"{n:,} real ones"
    caption = (
        f"{counted(n, 'sample')} beside {beside} ({numbers.get('against', 'held out')}), in the features "
        f"“{features.get('name', '')}”: {features.get('why', '')}. "
        "Real against real is what a perfect generator would get."
    )
    head = ("number", "value", "95 % interval", "real against real", "better", "in plain words")
    return [Table(caption, head, rows, words=(0, 4, 5), wide=(5,))]


def _beside_floor(entry: dict[str, Any]) -> str:
    floor = entry.get("floor")
    return short(entry["value"]) + ("" if floor is None else f" (real against real: {short(floor)})")


DISTANCES = Examination("distances", generates, measure, sentences, tables)
