"""A run at a glance: one picture of samples, reconstructions, curves and facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import Tensor

from gansmith.drawing.grids import save_png
from gansmith.drawing.plane import Plane
from gansmith.drawing.words import legible
from gansmith.report.page import DPI, MARGIN, WIDTH, Box, layout, text_at
from gansmith.report.panels import Curves, draw_curves, draw_facts, draw_grid, draw_pairs, draw_plane

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gansmith.drawing.grids import Picture

Part: TypeAlias = Callable[["Figure", Box], None]


def overview(
    path: str | Path,
    *,
    title: str,
    samples: Tensor | None = None,
    real: Tensor | None = None,
    originals: Tensor | None = None,
    reconstructions: Tensor | None = None,
    curves: Curves | None = None,
    points: Plane | None = None,
    facts: Sequence[str] = (),
) -> None:
    """Draws what is known of a run on one PNG, 1600 pixels wide, and puts it in place atomically.

    Pictures come first, curves and facts below (beside, where there is one picture only). Losses are drawn in
    color, a panel each, before other notes in gray; the smoothed line lies over the range of the raw values.
    Texts are shown as they are; nothing in them is read as markup. Fewer images than given may be shown.

    Arguments:
        path: the file; an existing one is replaced.
        title: one line.
        samples: images in [-1, 1], shape `(n, c, h, w)` with one or three channels.
        real: images from the data, of the same form; left out where there are originals.
        originals: images of the same form; together with `reconstructions`.
        reconstructions: same shape as `originals`.
        curves: name to (steps, values). A name is a loss where it is "critic", "generator", "encoder" or ends
            in "loss".
        points: real points (n, 2), fake points (m, 2), and the critic's score (k,) at points (k, 2), or None.
        facts: lines of text, e.g. "12,000 steps in 171 s".

    Raises:
        ValueError: where one of `originals` and `reconstructions` is missing, images or points have another
            shape, an image holds NaN, or a curve has not one step for each value.
        OSError: where the file cannot be written.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     overview(f"{folder}/overview.png", title="a run", samples=torch.zeros(4, 1, 8, 8))
        ...     [file.name for file in Path(folder).iterdir()]
        ['overview.png']
    """
    if (originals is None) != (reconstructions is None):
        raise ValueError("needs originals and reconstructions together, but got only one of them: give both or neither")
    pictures: list[Part] = []
    if samples is not None:
        pictures.append(lambda figure, box: draw_grid(figure, box, samples, "samples"))
    if real is not None and originals is None:
        pictures.append(lambda figure, box: draw_grid(figure, box, real, "real, from the data"))
    if originals is not None and reconstructions is not None:
        pictures.append(lambda figure, box: draw_pairs(figure, box, originals, reconstructions))
    if points is not None:
        pictures.append(lambda figure, box: draw_plane(figure, box, points))
    save_png(path, _page(title, pictures, curves or {}, facts))


def _page(title: str, pictures: list[Part], curves: Curves, facts: Sequence[str]) -> Picture:
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    places = layout(len(pictures), len(curves), len(facts))
    figure = Figure(figsize=(WIDTH / DPI, places.height / DPI), dpi=DPI, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    text_at(figure, MARGIN, 28, legible(title, 100), fontsize=17, fontweight="bold")
    for draw, box in zip(pictures, places.pictures, strict=True):
        draw(figure, box)
    draw_curves(figure, places.curves, curves)
    draw_facts(figure, places.facts, facts)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
