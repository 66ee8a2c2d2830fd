"""Curves as SVG inside a page: its colors are the page's, and it needs nobody's script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from gansmith.report.curves import Curve, thin
from gansmith.report.markup import text

if TYPE_CHECKING:
    from gansmith.report.curves import Numbers

Series: TypeAlias = tuple[Sequence[float], Sequence[float]]

WIDTH, HEIGHT = 400, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 28
PLACES = 160  # along the steps: more cannot be told apart at this size


def gather(lines: Iterable[Mapping[str, Any]]) -> dict[str, Series]:
    """The curves of a log by name; steps of a later stage go on where the one before ended.

    Example:
        >>> gather([{"stage": 0, "step": 5, "seconds": 1, "a": 2}, {"stage": 1, "step": 3, "seconds": 2, "a": None}])
        {'a': ([5, 8], [2.0, nan])}
    """
    found: dict[str, tuple[list[float], list[float]]] = {}
    stage, before, last = None, 0, 0
    for line in lines:
        if line["stage"] != stage:
            stage, before = line["stage"], last
        last = before + int(line["step"])
        for name, value in line.items():
            if name not in ("stage", "step", "seconds"):
                steps, values = found.setdefault(name, ([], []))
                steps.append(last)
                values.append(math.nan if value is None else float(value))
    return dict(found)


def chart(title: str, series: Mapping[str, Series], about: str = "") -> str:
    """A figure with one line for each series, smoothed over the pale range of the raw values.

    Arguments:
        title: of the figure, as text.
        series: label to (steps, values); at most four, colored in this order.
        about: what it shows and how to read it, as text.
    """
    curves = {label: thin(steps, values, PLACES) for label, (steps, values) in series.items()}
    known = any(len(curve.steps) for curve in curves.values())
    legend = "".join(_entry(i, label, curve, len(curves) > 1) for i, (label, curve) in enumerate(curves.items()))
    end = max([1.0, *(float(steps[-1]) for steps, _ in series.values() if len(steps))])
    drawing = _drawing(title, curves, end) if known else '<p class="absent">no finite value</p>'
    said = f"<p>{text(about)}</p>" if about else ""
    return (
        f'<figure class="chart"><figcaption><h3>{text(title)}</h3>{said}<ul class="legend">{legend}</ul>'
        f"</figcaption>{drawing}</figure>"
    )


def _entry(i: int, label: str, curve: Curve, named: bool) -> str:
    end = _value(float(curve.smooth[-1])) if len(curve.steps) else "none"
    words = text(label) if named else "at the end"
    lost = ""
    if len(curve.lost):
        lost = f', <em class="lost">{len(curve.lost)} not finite, first at step {curve.lost[0]:g}</em>'
    return f'<li class="s{i}">{words} <b>{end}</b>{lost}</li>'


def _drawing(title: str, curves: Mapping[str, Curve], end: float) -> str:
    low, high = _limits([curve for curve in curves.values() if len(curve.steps)])

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / end

    def y(value: float) -> float:
        inside = min(max(value, low), high)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (inside - low) / (high - low)

    def points(steps: Numbers, values: Numbers) -> str:
        return " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in zip(steps.tolist(), values.tolist(), strict=True))

    parts = []
    for value in ticks(low, high, 4):
        kind = "zero" if value == 0 else "rule"
        parts.append(f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{short(value)}</text>')
    for step in ticks(0, end, 4):
        anchor = "end" if x(step) > WIDTH - 30 else "middle"
        parts.append(f'<text x="{x(step):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{short(step)}</text>')
    for i, curve in enumerate(curves.values()):
        if len(curve.steps):
            band = points(curve.steps, curve.high) + " " + points(curve.steps[::-1], curve.low[::-1])
            parts.append(f'<polygon class="s{i}" points="{band}"/>')
            parts.append(f'<polyline class="s{i}" points="{points(curve.steps, curve.smooth)}"/>')
        if len(curve.lost):
            at = x(min(float(curve.lost[0]), end))
            parts.append(f'<line class="lost" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    said = "; ".join(
        f"{label} from {_value(c.smooth[0])} to {_value(c.smooth[-1])}" for label, c in curves.items() if len(c.steps)
    )
    label = text(f"{title} over {end:,.0f} steps: {said}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


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
