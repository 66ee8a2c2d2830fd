"""How far generated samples are from held-out ones, in the features that fit the data."""

from __future__ import annotations

import math
from typing import Any

from gansmith.counting import counted
from gansmith.evaluate.compare import compare
from gansmith.evaluate.metrics import METRICS
from gansmith.examinations.base import FEW, Examination, Subject, generates
from gansmith.examinations.table import Table, short

INTERVALS = (
    "An interval is about the mean of a number at this n; the true value, for n without end, may lie outside, because "
    "these numbers change with n (a Frechet distance is too large). The intervals of the kernel distance, the energy "
    "distance, the distance among samples and the corrected value are about the true value."
)


RELATED = (
    "A critic saw maps of a small classifier; the judge is another network, which learned the same ten kinds of things "
    "from other pictures. --features random asks one that learned nothing."
)


def measure(subject: Subject) -> dict[str, Any]:
    """Every distance beside its floor: as many training samples in the place of the generated ones.

    Where too few are held out, the distance is that from one half of the training samples, and the other half makes
    the floor.
    """
    numbers: dict[str, Any] = {"samples": len(subject.samples), "content": list(subject.samples.shape[1:])}
    if subject.enough:
        real, twin = subject.real_features, subject.train_features
    elif subject.halves is not None:
        real, twin = map(subject.of_data, subject.halves)
        numbers |= {"distances_against": "half of the training samples", "seen": _seen(subject)}
    else:
        few = f"too few held-out samples to measure a distance by: {subject.n}, but it needs {FEW}"
        return numbers | {"too_few": few}
    return numbers | {"metrics": compare(real, subject.sample_features[: len(real)], twin, seed=subject.seed)}


def _seen(subject: Subject) -> str:
    """Why the distance is one from training samples, and how more would be held out, where that leaves enough."""
    total = len(subject.data.train) + len(subject.data.held_out)
    share = math.ceil(100 * FEW / total) / 100
    cure = f"; --held-out {share:g} keeps enough for the numbers" if share <= 0.5 else ""
    return (
        f"{subject.n} held-out samples are too few to measure a distance by: it is one from training samples, which "
        f"the networks have seen, and copies of them would be called good{cure}"
    )


def sentences(numbers: dict[str, Any]) -> list[str]:
    """Example:
    >>> sentences({"too_few": "12 held-out samples are too few"})
    ['12 held-out samples are too few']
    """
    lines = [numbers[key] for key in ("too_few", "seen", "no_floor") if key in numbers]
    metrics = numbers.get("metrics", {})
    if "frechet_distance" in metrics:
        entry, features = metrics["frechet_distance"], numbers["features"]["name"]
        real, _ = _sizes(numbers, entry)
        compared = counted(real, "real sample") if real else "the statistics of real samples"
        coverage = f"; coverage {_beside_floor(metrics['coverage'])}" if "coverage" in metrics else ""
        lines.append(f"Frechet distance to {compared}, in the features '{features}': {_beside_floor(entry)}{coverage}")
        lines += [
            *_corrected(entry),
            *([RELATED] if numbers.get("taught_by") and features == "objects" else []),
            INTERVALS,
        ]
    return lines


def tables(numbers: dict[str, Any]) -> list[Table]:
    """Precision never stands without coverage."""
    metrics = numbers.get("metrics", {})
    shown = [m for m in METRICS if m.name in metrics and not (m.name == "precision" and "coverage" not in metrics)]
    if not shown:
        return []
    smaller = any("value_at_floor_n" in metrics[metric.name] for metric in shown)
    rows: list[tuple[str, ...]] = []
    for metric in shown:
        entry = metrics[metric.name]
        floor = (_floor(entry), *([short(entry.get("value_at_floor_n"))] if smaller else []))
        rows.append((metric.title, short(entry["value"]), _between(entry), *floor, metric.better, metric.words))
        if entry.get("corrected"):
            corrected = entry["corrected"]
            words = (
                "what the Frechet distance would be for n without end; of a perfect generator about 0, of either sign"
            )
            blank = [""] * (len(floor) - 1)
            rows.append(
                ("corrected for n", short(corrected["value"]), _between(corrected), "0", *blank, metric.better, words)
            )
    beside = ("real against real", *(["samples at the same n"] if smaller else []))
    head = ("number", "value", "95 % interval", *beside, "better", "in plain words")
    last = len(head) - 1
    return [Table(_caption(numbers, smaller), head, rows, words=(0, 3, last - 1, last), wide=(last,))]


def _caption(numbers: dict[str, Any], smaller: bool) -> str:
    metrics, features = numbers["metrics"], numbers.get("features", {})
    sizes = [_sizes(numbers, entry) for entry in metrics.values()]
    real, fake = sizes[0]
    against = numbers.get("distances_against", numbers.get("against", "held out"))
    compared = f"{counted(real, 'real one')} ({against})" if real else "the statistics of real ones"
    name, why = features.get("name", ""), features.get("why", "")
    text = f"{counted(fake, 'sample')} beside {compared}, in the features “{name}”: {why}."
    for other, some in sorted(set(sizes) - {sizes[0]}):
        text += f" Numbers that compare all pairs are of {counted(some, 'sample')} and {counted(other, 'real one')}."
    if all(entry.get("floor") is None for entry in metrics.values()):
        return text
    text += " Real against real is what a perfect generator would get"
    if not smaller:
        return f"{text}."
    floors = {(entry["floor_n"]["fake"], entry["floor_n"]["real"]) for entry in metrics.values() if entry["floor_n"]}
    places = " and ".join(
        f"{counted(k, 'real one')} in the place of samples, beside {counted(n, 'other')}" for k, n in sorted(floors)
    )
    return f"{text} at a smaller n: {places}; compare it with the samples at the same n."


def _sizes(numbers: dict[str, Any], entry: dict[str, Any]) -> tuple[int, int]:
    """How many real samples (0 where that is not known) and how many generated ones."""
    n = entry.get("n") or {"real": numbers.get("n", 0), "fake": numbers.get("n", 0)}
    return n["real"] or 0, n["fake"]


def _between(entry: dict[str, Any]) -> str:
    interval = entry.get("interval")
    return f"{short(interval[0])} to {short(interval[1])}" if interval else ""


def _floor(entry: dict[str, Any]) -> str:
    """Real against real, with its own interval."""
    between = entry.get("floor_interval")
    return short(entry.get("floor")) + (f" ({short(between[0])} to {short(between[1])})" if between else "")


def _beside_floor(entry: dict[str, Any]) -> str:
    """The value, and the floor with its own n where that is another."""
    floor, text = entry.get("floor"), short(entry["value"])
    if floor is None:
        return text
    if "value_at_floor_n" not in entry:
        return f"{text} (real against real: {short(floor)})"
    n, at_n = entry["floor_n"], short(entry["value_at_floor_n"])
    return f"{text} (at {n['fake']:,} against {n['real']:,}: {at_n}, real against real: {short(floor)})"


def _corrected(entry: dict[str, Any]) -> list[str]:
    if entry.get("no_corrected"):
        return [entry["no_corrected"]]
    if not entry.get("corrected"):
        return []
    corrected = entry["corrected"]
    return [
        f"corrected for n, so that n no longer matters: {short(corrected['value'])} (95 % interval "
        f"{_between(corrected)}; a perfect generator has about 0)"
    ]


DISTANCES = Examination("distances", generates, measure, sentences, tables)
