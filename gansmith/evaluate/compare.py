"""Compares generated with real samples: every metric with its interval and with its value for real against real."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from gansmith.evaluate.interval import jackknife
from gansmith.evaluate.metrics import METRICS, Metric, Sets


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
    sets = Sets(real, fake)
    return {metric.name: _value(metric, sets) for metric in METRICS if metric.error is None}


def compare(real: Tensor, fake: Tensor, twin: Tensor | None, *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """All `METRICS`, each with its interval and its floor.

    Arguments:
        real: features of real samples, shape `(n, d)`.
        fake: features of as many generated samples, shape `(n, d)`; most metrics depend on n.
        twin: features of other real samples, shape `(n, d)`, for the floor; or None.
        seed: of the halves, for the intervals.

    Returns:
        For each metric by name: `value`; `interval`, the 95 % interval, by a jackknife over halves of both sets, or
        from the standard error if the metric has a formula for it (then `error` is that); and `floor`, the value of
        twin against real (for `diversity`, of the twin alone).

    Raises:
        ValueError: where the sets differ in number or dimension, or as `distances`.
    """
    if len(real) != len(fake) or (twin is not None and len(twin) != len(real)):
        sizes = [len(x) for x in (real, fake, *([] if twin is None else [twin]))]
        raise ValueError(f"needs equally many samples of each kind, but got {sizes}: take the first {min(sizes)}")
    sets, floor = Sets(real, fake), None if twin is None else Sets(real, twin)
    spread = jackknife(distances, real, fake, seed=seed)
    numbers: dict[str, dict[str, Any]] = {}
    for metric in METRICS:
        value = _value(metric, sets)
        entry: dict[str, Any] = {
            "value": value,
            "floor": None if floor is None else _value(metric, floor),
        }
        if metric.error is None:
            entry["interval"] = _interval(metric, *spread[metric.name].interval(value))
        else:
            error = metric.error(sets)
            entry |= {"interval": [value - 1.96 * error, value + 1.96 * error], "error": error}
        numbers[metric.name] = entry
    return numbers


def _value(metric: Metric[Sets], sets: Sets) -> float:
    value = metric.call(sets)
    assert value is not None
    return value


def _interval(metric: Metric[Sets], low: float, high: float) -> list[float] | None:
    """The interval, clamped to the bounds of the metric."""
    return [max(low, metric.bounds[0]), min(high, metric.bounds[1])] if math.isfinite(low) else None
