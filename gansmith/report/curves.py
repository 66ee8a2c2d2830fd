"""Curves of a run: thinned to what a picture can show, raw and smoothed, with what was not finite marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.float64]

BUCKETS = 400  # places along the steps of which a panel shows the mean, the lowest and the highest
LARGEST = 1e30  # what is beyond it is drawn as not finite: axes overflow there
CRITIC, GENERATOR, OTHER = "#1f5f99", "#c4681c", "#5b6b6b"


@dataclass(frozen=True)
class Curve:
    """A curve of at most `BUCKETS` places.

    Attributes:
        steps: mean step of each place.
        low: lowest value there.
        high: highest value there.
        mean: mean value there.
        smooth: the mean over a fifteenth of the places on both sides.
        lost: the steps whose values are not finite.
    """

    steps: Numbers
    low: Numbers
    high: Numbers
    mean: Numbers
    smooth: Numbers
    lost: Numbers


def thin(steps: Sequence[float], values: Sequence[float], buckets: int = BUCKETS) -> Curve:
    """What a picture can show of a curve of any length.

    Arguments:
        steps: ascending, length n.
        values: of the same length; those that are not finite are left out and counted.
        buckets: places at most.

    Raises:
        ValueError: where the lengths differ.

    Example:
        >>> curve = thin(range(6), [1.0, 3.0, float("nan"), 5.0, 5.0, 9.0], buckets=2)
        >>> curve.low.tolist(), curve.high.tolist(), curve.lost.tolist()
        ([1.0, 5.0], [3.0, 9.0], [2.0])
    """
    import numpy as np

    if len(steps) != len(values):
        raise ValueError(
            f"needs a step for each value, but got {len(steps)} steps and {len(values)} values: log both together"
        )
    s, v = np.asarray(steps, np.float64), np.asarray(values, np.float64)
    good = np.abs(v) < LARGEST  # False for NaN
    lost, s, v = s[~good], s[good], v[good]
    if not len(v):
        return Curve(s, v, v, v, v, lost)
    starts = np.unique(np.linspace(0, len(v), buckets, endpoint=False).astype(int))
    counts = np.diff([*starts, len(v)])
    mean = np.add.reduceat(v, starts) / counts
    return Curve(
        np.add.reduceat(s, starts) / counts,
        np.minimum.reduceat(v, starts),
        np.maximum.reduceat(v, starts),
        mean,
        _smooth(mean),
        lost,
    )


def _smooth(v: Numbers) -> Numbers:
    """Mean over a window that is cut off at the ends."""
    import numpy as np

    window = np.ones(2 * (len(v) // 15) + 1)
    total: Numbers = np.convolve(v, window, "same") / np.convolve(np.ones(len(v)), window, "same")
    return total


def is_loss(name: str) -> bool:
    """Whether a name is a loss: a player's bare name, or one that ends in "loss"; all others are notes.

    Example:
        >>> [is_loss(name) for name in ("critic", "generator/loss", "critic/GradientPenalty")]
        [True, True, False]
    """
    return name in ("critic", "generator", "encoder") or name.endswith("loss")


def order(names: Sequence[str]) -> list[str]:
    """Losses first, then notes, each in the order given."""
    return sorted(names, key=lambda name: not is_loss(name))


def color(name: str) -> str:
    """Blue for a critic's loss, orange for any other loss, gray for a note."""
    if not is_loss(name):
        return OTHER
    return CRITIC if "critic" in name else GENERATOR


def draw(axes: Any, name: str, curve: Curve) -> None:
    """A curve on matplotlib's axes: the range of the raw values pale, the smoothed line over it."""
    tint = color(name)
    if len(curve.steps):
        axes.fill_between(curve.steps, curve.low, curve.high, color=tint, alpha=0.18, linewidth=0)
        axes.plot(curve.steps, curve.mean, color=tint, alpha=0.35, linewidth=0.6)
        axes.plot(curve.steps, curve.smooth, color=tint, linewidth=1.8)
        axes.set_ylim(*_limits(curve))
        if curve.low.min() < 0 < curve.high.max():
            axes.axhline(0, color="#888888", linewidth=0.6, linestyle=(0, (4, 4)), zorder=0)
    else:
        axes.set_yticks([])
        words = "no finite value" if len(curve.lost) else "nothing logged yet"
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color="#777777")
    if len(curve.lost):
        axes.axvline(curve.lost[0], color="#b3202c", linewidth=1.2)
        words = f"{len(curve.lost)} not finite, first at step {curve.lost[0]:g}"
        style = {"color": "#b3202c", "fontsize": 8.5, "bbox": {"facecolor": "white", "linewidth": 0, "pad": 1.5}}
        axes.text(0.03, 0.96, words, transform=axes.transAxes, va="top", **style)


def _limits(curve: Curve) -> tuple[float, float]:
    """Room for all but the outermost hundredth of the places, so that one spike does not flatten the rest."""
    import numpy as np

    low = min(float(np.quantile(curve.low, 0.01)), float(curve.smooth[-1]))
    high = max(float(np.quantile(curve.high, 0.99)), float(curve.smooth[-1]))
    room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room
