"""A run at a glance: one picture of what it shows, of its curves and of facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gansmith.drawing.figures import painted
from gansmith.drawing.grids import check_picture, save_png
from gansmith.drawing.words import legible
from gansmith.report.layout import DPI, MARGIN, WIDTH, layout, text_at
from gansmith.report.panels import Curves, draw_curves, draw_facts, draw_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gansmith.drawing.grids import Picture

MOST = 2  # pictures: more would be too small


def overview(
    path: str | Path,
    *,
    title: str,
    pictures: Sequence[tuple[str, Picture]] = (),
    curves: Curves | None = None,
    facts: Sequence[str] = (),
) -> None:
    """Draws what is known of a run on one PNG, 1600 pixels wide, and puts it in place atomically.

    Pictures come first, curves and facts below (beside, where there is one picture only). Each pixel of a picture is
    repeated as often as there is room for; a picture that is larger than its place is made smaller. Losses are drawn
    in color, a panel each, before other notes in gray; the smoothed line lies over the range of the raw values. Texts
    are shown as they are; nothing in them is read as markup.

    Arguments:
        path: the file; an existing one is replaced.
        title: one line.
        pictures: at most two, each a heading and an array of uint8, shape `(H, W)` or `(H, W, 3)`.
        curves: name to (steps, values). A name is a loss where it is "critic", "generator", "encoder" or ends
            in "loss".
        facts: lines of text, e.g. "12,000 steps in 171 s".

    Raises:
        ValueError: there are more than two pictures, one is no picture, or a curve has not one step for each value.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile, torch
        >>> from gansmith.report import grid
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     overview(f"{folder}/overview.png", title="a run", pictures=[("samples", grid(torch.zeros(4, 1, 8, 8)))])
        ...     [file.name for file in Path(folder).iterdir()]
        ['overview.png']
    """
    if len(pictures) > MOST:
        raise ValueError(f"needs at most {MOST} pictures, but got {len(pictures)}: choose the most telling ones")
    for _, picture in pictures:
        check_picture(picture)
    save_png(path, _drawn(title, pictures, curves or {}, facts))


def _drawn(title: str, pictures: Sequence[tuple[str, Picture]], curves: Curves, facts: Sequence[str]) -> Picture:
    places = layout(len(pictures), len(curves), len(facts))

    def paint(figure: Figure) -> None:
        text_at(figure, MARGIN, 28, legible(title, 100), fontsize=17, fontweight="bold")
        for (words, picture), box in zip(pictures, places.pictures, strict=True):
            draw_picture(figure, box, picture, words)
        draw_curves(figure, places.curves, curves)
        draw_facts(figure, places.facts, facts)

    return painted(paint, WIDTH / DPI, places.height / DPI)
