"""The parts of an overview: each draws itself in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch.nn.functional import interpolate

from gansmith.drawing.figures import plain
from gansmith.drawing.words import legible, wrapped, write
from gansmith.report import curves as lines
from gansmith.report.layout import FAINT, HEADING, LINE, Box, axes_at, heading, text_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gansmith.drawing.grids import Picture

Curves: TypeAlias = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def draw_picture(figure: Figure, box: Box, picture: Picture, title: str) -> None:
    """A picture under a title, pixel for pixel: a grid that is resampled would show patterns of its own."""
    fitted = fit(picture, int(box.width), int(box.height - HEADING))
    heading(figure, box, legible(title, 80))
    axes = axes_at(figure, Box(round(box.left), round(box.top + HEADING), fitted.shape[1], fitted.shape[0]))
    colors = fitted if fitted.ndim == 3 else fitted[..., None].repeat(3, axis=2)
    axes.imshow(colors, interpolation="nearest", aspect="auto")
    axes.set_axis_off()


def fit(picture: Picture, width: int, height: int) -> Picture:
    """A picture as large as it can be by repeating each pixel; a larger one is made smaller by averaging areas.

    Arguments:
        picture: array of uint8, shape `(H, W)` or `(H, W, 3)`.
        width: of its place.
        height: likewise.

    Example:
        >>> import numpy as np
        >>> fit(np.array([[1, 2]], np.uint8), 5, 9)
        array([[1, 1, 2, 2],
               [1, 1, 2, 2]], dtype=uint8)
        >>> fit(np.array([[1, 3], [5, 7]], np.uint8), 1, 1)
        array([[4]], dtype=uint8)
    """
    h, w = picture.shape[:2]
    factor = min(width // w, height // h)
    if factor >= 1:
        return picture.repeat(factor, 0).repeat(factor, 1)
    shrink = min(width / w, height / h)
    x = torch.tensor(picture).reshape(1, h, w, -1).permute(0, 3, 1, 2).float()
    x = interpolate(x, size=(max(1, round(shrink * h)), max(1, round(shrink * w))), mode="area")
    small = x.round().to(torch.uint8)[0].permute(1, 2, 0)
    reduced: Picture = (small if picture.ndim == 3 else small[..., 0]).numpy()
    return reduced


def draw_curves(figure: Figure, box: Box, curves: Curves) -> None:
    """A panel for each curve, losses first; those without a place are counted."""
    names = lines.order(list(curves))
    if not names:
        heading(figure, box, "curves")
        text_at(figure, box.left, box.top + HEADING + 6, "nothing logged yet", fontsize=10, color=FAINT)
        return
    across = 2 if box.width < 900 else 3
    down = max(1, int(box.height // 230))
    width, height = box.width / across, box.height / min(down, ceil(len(names) / across))
    for i, name in enumerate(names[: across * down]):
        left, top = box.left + i % across * width, box.top + i // across * height
        axes = axes_at(figure, Box(left + 46, top + 34, width - 66, height - 90))
        plain(axes)
        axes.set_xlabel("step", fontsize=8.5, color=FAINT, labelpad=2)
        lines.draw(axes, name, lines.thin(*curves[name]))
        words = legible(name, 34) + (" (loss)" if lines.is_loss(name) and "loss" not in name else "")
        write(axes, 0, 1.06, words, transform=axes.transAxes, fontsize=10.5, color=lines.color(name))
    if len(names) > across * down:
        words = f"{len(names) - across * down} more in the log"
        text_at(figure, box.left + box.width - 20, box.top + box.height - 14, words, fontsize=8.5, ha="right")


def draw_facts(figure: Figure, box: Box, facts: Sequence[str]) -> None:
    """Lines of text, broken where they are too long."""
    if not facts:
        return
    heading(figure, box, "facts")
    text = wrapped(list(facts), int(box.width / 7.5), max(1, int((box.height - HEADING) / LINE)))
    text_at(figure, box.left, box.top + HEADING + 4, text, fontsize=10, linespacing=1.42)
