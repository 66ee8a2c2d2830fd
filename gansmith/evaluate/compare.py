"""Compares generated with real samples: every metric with its interval and with its value for real against real."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from gansmith.evaluate.extrapolation import LEAST, extrapolated_frechet_distance
from gansmith.evaluate.frechet import Statistics, frechet_distance
from gansmith.evaluate.interval import Spread, jackknife
from gansmith.evaluate.metrics import METRICS, Metric, Sets
from gansmith.evaluate.vectors import check_same_dimension

FEW = 20
"""The least number of samples of each kind for a floor."""
HALVINGS = 5
"""Of the jackknife for a floor, whose interval need not be so sharp."""
ABOUT = {True: "the true value", False: "the mean of this number at this n, not its value for n without end"}


@dataclass(frozen=True)
class Samples:
    """Features of what is compared, each in random order.

    Attributes:
        real: shape `(n, d)`.
        fake: shape `(m, d)`.
        twin: of other real samples, for the floor, shape `(k, d)`; or None.
    """

    real: Tensor
    fake: Tensor
    twin: Tensor | None

    def at_most(self, most: int | None) -> Samples:
        """The first of each; what is left of the real ones makes a floor where there is no twin."""
        if most is None or max(len(self.real), len(self.fake)) <= most:
            return self
        real, fake = self.real[:most], self.fake[:most]
        rest = self.real[most : most + len(fake)] if self.twin is None else self.twin[:most]
        return Samples(real, fake, rest if self.twin is not None or len(rest) == len(fake) else None)

    def floor(self) -> Samples | None:
        """What the floor compares: the twin; or else some of the real samples in the place of the generated ones."""
        if self.twin is not None:
            k = min(len(self.fake), len(self.twin))
            return Samples(self.real, self.fake[:k], self.twin[:k])
        k = min(len(self.fake), len(self.real) // 2)
        return None if k < FEW else Samples(self.real[:-k], self.fake[:k], self.real[-k:])


def distances(real: Tensor, fake: Tensor) -> dict[str, float]:
    """All `METRICS` of two sets of features `(n, d)`, except those that have their own formula for the error.

    `diversity` is of `fake` alone.

    Raises:
        ValueError: where a set is too small, not finite, or of another dimension than the other.

    Example:
        >>> import torch
        >>> x = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        >>> sorted(distances(x, x + 1))[:3]
        ['coverage', 'density', 'diversity']
    """
    return _values([metric for metric in METRICS if metric.error is None], real, fake)


def compare(
    real: Tensor, fake: Tensor, twin: Tensor | None = None, *, seed: int = 0, most: int | None = None
) -> dict[str, dict[str, Any]]:
    """All `METRICS`, each with its interval and its floor.

    The value is of all samples. For the floor, real samples stand in the place of the generated ones: those of `twin`,
    or without them some of `real` against the others, at most half. Then the floor is at a smaller n; what the samples
    have at that n stands beside it.

    Arguments:
        real: features of real samples in random order, shape `(n, d)`.
        fake: features of generated samples in random order, shape `(m, d)`.
        twin: features of other real samples, shape `(k, d)`; or None.
        seed: of the parts for intervals and for the corrected value.
        most: metrics of all pairs, whose time grows as the square of n, take so many samples of each kind at most.

    Returns:
        For each metric by name: `value`, and `n`, how many real and fake samples it is of; `interval`, the 95 %
        interval, by a jackknife over halves of both sets, or from the standard error if the metric has a formula for it
        (then `error` is that), and `interval_about`, in words, what it holds; `floor`, `floor_n` and `floor_interval`;
        where these n are others, `value_at_floor_n`. For `diversity` the floor is that of the real samples alone. The
        Frechet distance also has `corrected`, as `correct` returns it.

    Raises:
        ValueError: as `distances`.
    """
    whole = Samples(real, fake, twin)
    numbers = _measured([metric for metric in METRICS if not metric.pairs], whole, seed)
    numbers |= _measured([metric for metric in METRICS if metric.pairs], whole.at_most(most), seed)
    return {metric.name: numbers[metric.name] for metric in METRICS}


def compare_statistics(real: Statistics, fake: Tensor, *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """The Frechet distance of samples from the statistics of real ones, as an entry of `compare` without a floor.

    The interval and the correction are for the number of samples; how many real ones there were is not known.

    Raises:
        ValueError: where a value is not finite or the dimensions differ.
    """
    check_same_dimension(len(real.mean), fake.shape[1], "features")
    spread = jackknife(lambda _, part: frechet_distance(real, part), fake, fake, seed=seed)
    metric, value = METRICS[0], frechet_distance(real, fake)
    entry: dict[str, Any] = {"value": value, "n": {"real": None, "fake": len(fake)}, "floor": None}
    entry |= {"interval": _clamped(metric, *spread.interval(value)), "interval_about": ABOUT[False]}
    return {metric.name: entry | correct(real, fake, spread, seed=seed)}


def correct(real: Tensor | Statistics, fake: Tensor, spread: Spread, *, seed: int = 0) -> dict[str, Any]:
    """The Frechet distance corrected for n, under `corrected`; or under `no_corrected` the reason why there is none.

    Its interval has the error of the plain distance: both have the same errors of first order.
    """
    d = fake.shape[1]
    n = len(fake) if isinstance(real, Statistics) else min(len(real), len(fake))
    if n < LEAST * d:
        reason = f"it needs {LEAST * d:,} samples of each kind for {d:,} features, but there are {n:,}"
        return {"corrected": None, "no_corrected": f"no Frechet distance corrected for n: {reason}"}
    found = extrapolated_frechet_distance(real, fake, seed=seed)
    interval = list(spread.interval(found.value))
    corrected = {"value": found.value, "interval": interval, "interval_about": ABOUT[True]}
    return {"corrected": corrected | {"points": list(found.points)}}


def _measured(metrics: Sequence[Metric[Sets]], samples: Samples, seed: int) -> dict[str, dict[str, Any]]:
    real, fake, floor = samples.real, samples.fake, samples.floor()
    sets, entries = Sets(real, fake), {}
    scaled = partial(_scaled, [metric for metric in metrics if metric.error is None])
    spread = jackknife(scaled, real, fake, seed=seed)
    floors = None if floor is None or floor.twin is None else Sets(floor.real, floor.twin)
    around = {} if floors is None else jackknife(scaled, floors.real, floors.fake, halvings=HALVINGS, seed=seed)
    same = floor is not None and (len(floor.real), len(floor.fake)) == (len(real), len(fake))
    beside = None if floor is None or same else Sets(floor.real, floor.fake)
    for metric in metrics:
        value, interval = _estimate(metric, sets, spread)
        entry: dict[str, Any] = {"value": value, "n": _numbers(sets), "interval": interval}
        if metric.error is not None:
            entry["error"] = metric.error(sets)
        entry["interval_about"] = ABOUT[metric.unbiased]
        entry["floor"], entry["floor_interval"] = (None, None) if floors is None else _estimate(metric, floors, around)
        entry["floor_n"] = None if floors is None else _numbers(floors)
        if beside is not None:
            entry["value_at_floor_n"] = _value(metric, beside)
        if metric.name == "frechet_distance":
            entry |= correct(real, fake, spread[metric.name], seed=seed)
        entries[metric.name] = entry
    return entries


def _estimate(metric: Metric[Sets], sets: Sets, spread: Mapping[str, Spread]) -> tuple[float, list[float] | None]:
    """A value and its interval: by the metric's own formula for its error where it has one, or by the jackknife."""
    value = _value(metric, sets)
    if metric.error is None:
        return value, _clamped(metric, *spread[metric.name].interval(metric.scale.call(value)))
    error = metric.error(sets)
    return value, [value - 1.96 * error, value + 1.96 * error]


def _values(metrics: Sequence[Metric[Sets]], real: Tensor, fake: Tensor) -> dict[str, float]:
    sets = Sets(real, fake)
    return {metric.name: _value(metric, sets) for metric in metrics}


def _scaled(metrics: Sequence[Metric[Sets]], real: Tensor, fake: Tensor) -> dict[str, float]:
    values = _values(metrics, real, fake)
    return {metric.name: metric.scale.call(values[metric.name]) for metric in metrics}


def _value(metric: Metric[Sets], sets: Sets) -> float:
    value = metric.call(sets)
    assert value is not None
    return value


def _numbers(sets: Sets) -> Mapping[str, int]:
    return {"real": len(sets.real), "fake": len(sets.fake)}


def _clamped(metric: Metric[Sets], low: float, high: float) -> list[float] | None:
    """An interval on the metric's scale as numbers, within the metric's bounds."""
    if not math.isfinite(low):
        return None
    return [max(metric.scale.back(low), metric.bounds[0]), min(metric.scale.back(high), metric.bounds[1])]
