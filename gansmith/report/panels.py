"""The parts of an overview: each draws itself in a place on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor
from torch.nn.functional import interpolate

from gansmith.drawing import plane
from gansmith.drawing.grids import check_images, grid, pairs
from gansmith.drawing.words import legible, wrapped, write
from gansmith.report import curves as lines
from gansmith.report.page import FAINT, HEADING, LINE, Box, axes_at, heading, plain, text_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gansmith.drawing.grids import Picture

Curves: TypeAlias = Mapping[str, tuple[Sequence[int], Sequence[float]]]

GAP = 2  # pixels between images
WORD, SHORT_WORD = 78, 56  # pixels: the width of "reconstruction" and of "rebuilt" above a column


def draw_grid(figure: Figure, box: Box, images: Tensor, title: str) -> None:
    """A square grid of images under a title, eight in a row where they fill the place."""
    n, side = len(images), int(min(box.width, box.height - HEADING))
    images = _small_enough(images, side // 4)
    h, w = images.shape[-2:]

    def scale(columns: int) -> int:
        return (side - GAP * (columns + 1)) // (columns * max(h, w))

    def full(columns: int) -> float:
        return columns * scale(columns) * max(h, w) / side

    sizes = [c for c in range(1, min(8, ceil(sqrt(n))) + 1) if scale(c)]
    columns = max(sizes, key=lambda c: (c if c >= 4 and full(c) > 0.85 else 0, full(c)))
    rows = (side - GAP) // (scale(columns) * h + GAP)
    heading(figure, box, title)
    kept = images[: rows * columns]
    _put(figure, box.left, box.top + HEADING, grid(kept, columns, padding=GAP, scale=scale(columns)))


def draw_pairs(figure: Figure, box: Box, originals: Tensor, reconstructions: Tensor) -> None:
    """Pairs of images, at most four in a row, each column under a word."""
    side, words = int(min(box.width, box.height - HEADING)), 18
    x, y = _small_enough(originals, side // 4), _small_enough(reconstructions, side // 4)
    (h, w), apart = x.shape[-2:], 4 * GAP

    def scale(columns: int) -> int:
        return (side - apart - columns * (apart + GAP)) // (2 * columns * w)

    choices = ((4, WORD), (3, WORD), (4, SHORT_WORD), (3, SHORT_WORD), (2, 1))
    columns = next((c for c, least in choices if c <= len(x) and scale(c) * w >= least), 1)
    pixels = max(1, min(scale(columns), (side - words - 2 * apart) // h))
    rows = max(1, (side - words - apart) // (pixels * h + apart))
    kept = slice(rows * columns)
    heading(figure, box, "originals, each beside its reconstruction")
    top = box.top + HEADING + words
    _put(figure, box.left, top, pairs(x[kept], y[kept], columns, padding=GAP, scale=pixels))
    for column in range(2 * columns):
        pair, second = divmod(column, 2)
        middle = apart + pair * (2 * pixels * w + GAP + apart) + second * (pixels * w + GAP) + pixels * w / 2
        word = ("reconstruction" if pixels * w >= WORD else "rebuilt") if second else "original"
        text_at(figure, box.left + middle, top - 10, word, fontsize=8, color=FAINT, ha="center", va="center")


def draw_plane(figure: Figure, box: Box, points: plane.Plane) -> None:
    """Real and fake points over the critic's level sets."""
    over = "" if points[2] is None else " over the critic's score (high = real)"
    heading(figure, box, "real and fake points" + over)
    side = min(box.width - 100, box.height - HEADING - 34)
    axes = axes_at(figure, Box(box.left + 34, box.top + HEADING + 4, side, side))
    plain(axes)
    plane.draw(axes, *points)


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
        said = legible(name, 34) + (" (loss)" if lines.is_loss(name) and "loss" not in name else "")
        write(axes, 0, 1.06, said, transform=axes.transAxes, fontsize=10.5, color=lines.color(name))
    if len(names) > across * down:
        said = f"{len(names) - across * down} more in the log"
        text_at(figure, box.left + box.width - 20, box.top + box.height - 14, said, fontsize=8.5, ha="right")


def draw_facts(figure: Figure, box: Box, facts: Sequence[str]) -> None:
    """Lines of text, broken where they are too long."""
    if not facts:
        return
    heading(figure, box, "facts")
    text = wrapped(list(facts), int(box.width / 7.5), max(1, int((box.height - HEADING) / LINE)))
    text_at(figure, box.left, box.top + HEADING + 4, text, fontsize=10, linespacing=1.42)


def _put(figure: Figure, left: float, top: float, picture: Picture) -> None:
    """Pixel for pixel: a resampled grid would show patterns of its own."""
    axes = axes_at(figure, Box(round(left), round(top), picture.shape[1], picture.shape[0]))
    colors = picture if picture.ndim == 3 else picture[..., None].repeat(3, axis=2)
    axes.imshow(colors, interpolation="nearest", aspect="auto")
    axes.set_axis_off()


def _small_enough(images: Tensor, side: int) -> Tensor:
    """Images reduced to a side in pixels where they are larger."""
    check_images(images)
    if max(images.shape[2:]) <= side:
        return images
    h, w = (max(1, round(s * side / max(images.shape[2:]))) for s in images.shape[2:])
    return interpolate(images.detach().float(), size=(h, w), mode="area")
