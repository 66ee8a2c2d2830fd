"""The layout of an overview: which part lies where, in pixels from the upper left corner."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from gansmith.drawing.words import write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, MARGIN, GUTTER = 1600, 48, 40
TITLE = 84  # height of the title
HEADING = 30  # height of a part's heading
LINE = 20  # height of a line of facts
DPI = 100
INK, FAINT = "#1c2529", "#66727a"


@dataclass(frozen=True)
class Box:
    """A place on the overview, in pixels from its upper left corner."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Where the parts of an overview go, and how high it is."""

    pictures: list[Box]
    curves: Box
    facts: Box
    height: int


def layout(pictures: int, curves: int, facts: int) -> Layout:
    """Pictures in a row with curves and facts below; a single picture has them at its right.

    Arguments:
        pictures: how many there are.
        curves: how many panels of curves there are.
        facts: how many lines.

    Example:
        >>> layout(pictures=2, curves=2, facts=3).pictures[1]
        Box(left=820.0, top=84, width=732.0, height=732.0)
    """
    inner = WIDTH - 2 * MARGIN
    if pictures == 1:
        side = 760
        rows, lines = min(3, max(1, ceil(curves / 2))), HEADING + LINE * min(8, facts)
        height = max(230 * rows, min(330 * rows, side - lines - 20))
        x, width = MARGIN + side + GUTTER, inner - side - GUTTER
        below = Box(x, TITLE + height + 20, width, lines)
        bottom = max(TITLE + side, TITLE + height + 20 + lines)
        return Layout([Box(MARGIN, TITLE, side, side)], Box(x, TITLE, width, height), below, bottom + 30)
    side_by_side = (inner - GUTTER * (pictures - 1)) / max(1, pictures)
    boxes = [Box(MARGIN + i * (side_by_side + GUTTER), TITLE, side_by_side, side_by_side) for i in range(pictures)]
    top, narrow = TITLE + (side_by_side + 20 if pictures else 0), 400
    height = 250 * min(2, max(1, ceil(curves / 3)))
    left = Box(MARGIN, top, inner - narrow - GUTTER, height)
    return Layout(boxes, left, Box(WIDTH - MARGIN - narrow, top, narrow, height), ceil(top + height + 24))


def axes_at(figure: Figure, box: Box) -> Axes:
    """Matplotlib's axes in a place on the overview."""
    height = figure.get_figheight() * DPI
    bottom = height - box.top - box.height
    return figure.add_axes((box.left / WIDTH, bottom / height, box.width / WIDTH, box.height / height))


def text_at(figure: Figure, left: float, top: float, text: str, **style: object) -> None:
    """A text on the overview, in points; `top` is that of its upper edge unless `va` says otherwise."""
    height = figure.get_figheight() * DPI
    write(figure, left / WIDTH, 1 - top / height, text, **{"va": "top", "color": INK, **style})


def heading(figure: Figure, box: Box, text: str) -> None:
    """The heading of a part, at the upper left corner of its place."""
    text_at(figure, box.left, box.top + 12, text, va="center", fontsize=12, fontweight="bold")
