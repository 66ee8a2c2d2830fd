"""Curves as a page draws them: places and texts; the template makes a drawing of them, in the page's colors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from gansmith.counting import counted
from gansmith.report.curves import Curve, thin

if TYPE_CHECKING:
    from gansmith.report.curves import Numbers

Series: TypeAlias = tuple[Sequence[float], Sequence[float]]

WIDTH, HEIGHT = 400, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 28  # the template has the same numbers
PLACES = 160  # along the steps: more cannot be told apart at this size


def gather(lines: Iterable[Mapping[str, Any]]) -> dict[str, Series]:
    """The curves of a log by name; steps of a later stage go on where the one before ended.

    Example:
        >>> gather([{"stage": 0, "step": 5, "seconds": 1, "a": 2}, {"stage": 1, "step": 3, "seconds": 2, "a": None}])
        {'a': ([5, 8], [2.0, nan])}
    """
    curves: dict[str, tuple[list[float], list[float]]] = {}
    stage, before, last = None, 0, 0
    for line in lines:
        if line["stage"] != stage:
            stage, before = line["stage"], last
        last = before + int(line["step"])
        for name, value in line.items():
            if name not in ("stage", "step", "seconds"):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(last)
                values.append(math.nan if value is None else float(value))
    return dict(curves)


class Tick(NamedTuple):
    """A round number on an axis, and its place in the drawing."""

    value: float
    text: str
    at: float


class Line(NamedTuple):
    """A series as it is drawn: corners of the smoothed line, and of the range of the raw values."""

    label: str
    end: str
    lost: str
    lost_at: float
    smooth: str
    band: str


class Chart(NamedTuple):
    """A drawing of some series, and in words what it shows; places are pixels from its upper left corner."""

    title: str
    about: str
    spoken: str
    lines: list[Line]
    values: list[Tick]
    steps: list[Tick]


def chart(title: str, series: Mapping[str, Series], about: str = "") -> Chart:
    """One line for each series, smoothed over the pale range of the raw values.

    Arguments:
        title: of the figure.
        series: label to (steps, values); at most four, colored in this order.
        about: what it shows and how to read it.
    """
    curves = {label: thin(steps, values, PLACES) for label, (steps, values) in series.items()}
    finite = {label: curve for label, curve in curves.items() if len(curve.steps)}
    end = max([1.0, *(float(steps[-1]) for steps, _ in series.values() if len(steps))])
    low, high = _limits(list(finite.values())) if finite else (0.0, 1.0)

    def x(step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(step, end) / end, 1)

    def y(value: float) -> float:
        inside = min(max(value, low), high)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (inside - low) / (high - low), 1)

    def points(steps: Numbers, values: Numbers) -> str:
        return " ".join(f"{x(s)},{y(v)}" for s, v in zip(steps.tolist(), values.tolist(), strict=True))

    def line(label: str, curve: Curve) -> Line:
        lost = f"{len(curve.lost)} not finite, first at step {curve.lost[0]:g}" if len(curve.lost) else ""
        return Line(
            label=label if len(curves) > 1 else "at the end",
            end=_value(float(curve.smooth[-1])) if len(curve.steps) else "none",
            lost=lost,
            lost_at=x(float(curve.lost[0])) if lost else 0.0,
            smooth=points(curve.steps, curve.smooth),
            band=points(curve.steps, curve.high) + " " + points(curve.steps[::-1], curve.low[::-1]),
        )

    ends = "; ".join(f"{label} from {_value(c.smooth[0])} to {_value(c.smooth[-1])}" for label, c in finite.items())
    return Chart(
        title,
        about,
        f"{title} over {counted(round(end), 'step')}: {ends}",
        [line(label, curve) for label, curve in curves.items()],
        [Tick(value, short(value), y(value)) for value in ticks(low, high, 4)] if finite else [],
        [Tick(step, short(step), x(step)) for step in ticks(0, end, 4)] if finite else [],
    )


def _value(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"


def _limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """Room for all but the outermost places, so that one spike does not flatten the rest."""
    import numpy as np

    low = min(min(float(np.quantile(c.low, 0.02)), float(c.smooth.min())) for c in curves)
    high = max(max(float(np.quantile(c.high, 0.98)), float(c.smooth.max())) for c in curves)
    room = 0.06 * (high - low)
    if room <= 1e-9 * max(abs(low), abs(high)):
        room = 0.1 * abs(high) or 1.0
    return low - room, high + room


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers from low to high.

    Example:
        >>> ticks(0.0, 1500.0, 4)
        [0.0, 500.0, 1000.0, 1500.0]
    """
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)] if last - first < 20 else []


def short(value: float) -> str:
    """A number on an axis: 1,500 as 1,500, 20,000 as 20k."""
    if abs(value) >= 1e7 or 0 < abs(value) < 1e-3:
        return f"{value:.2g}"
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:,g}" if abs(value) < 1000 else f"{value:,.0f}"
