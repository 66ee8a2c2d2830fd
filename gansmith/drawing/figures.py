"""Matplotlib's figures as pictures, without its global state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gansmith.drawing.matplotlib_import import import_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gansmith.drawing.grids import Picture

DPI = 100


def drawn(draw: Callable[[Any], None], width: float = 9, height: float = 7.6, right: float = 0.1) -> Picture:
    """A picture of one plot.

    Arguments:
        draw: what is called with matplotlib's axes.
        width: in inches of a hundred pixels.
        height: likewise.
        right: share of the width at the right of the plot, for its legend.

    Example:
        >>> drawn(lambda axes: axes.plot([0, 1], [0, 1]), 2, 1).shape
        (100, 200, 3)
    """

    def paint(figure: Any) -> None:
        axes = figure.add_axes((0.06, 0.05, 0.94 - right, 0.9))
        plain(axes)
        draw(axes)

    return painted(paint, width, height)


def painted(paint: Callable[[Any], None], width: float, height: float) -> Picture:
    """What is painted on a figure, uint8 (H, W, 3).

    In matplotlib's own style: settings could start programs (``text.usetex``).

    Arguments:
        paint: what is called with matplotlib's figure.
        width: in inches of a hundred pixels.
        height: likewise.
    """
    import_matplotlib()
    import numpy as np
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context("default"):
        figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
        canvas: Any = FigureCanvasAgg(figure)
        paint(figure)
        canvas.draw()
        return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])


def plain(axes: Axes) -> None:
    """Takes away what distracts from the data."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#b8c0c4")
    axes.tick_params(labelsize=8.5, colors="#444444", length=3)
    axes.grid(True, color="#eceff1", linewidth=0.7)
    axes.set_axisbelow(True)
