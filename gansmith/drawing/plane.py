"""Data in the plane: real and fake points over the level sets of the critic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gansmith.counting import counted
from gansmith.drawing.words import FONT

Level: TypeAlias = Callable[[Tensor], Tensor]

POINTS = 2500  # of each kind: more hide each other
SIDE = 160  # places along each axis where the critic is asked
REAL, FAKE = "#1560b0", "#e0591b"


def draw(axes: Any, real: Tensor, fake: Tensor, level: Level | None) -> None:
    """A scatter on matplotlib's axes, which show where the real points are with a margin around; fakes farther
    away are counted. Both axes have one scale, unless one is of another size by far.

    Arguments:
        axes: matplotlib's.
        real: real points, shape `(n, 2)`.
        fake: a generator's points, shape `(m, 2)`.
        level: the critic's score (k,) at points (k, 2), or None.

    Raises:
        ValueError: where points are not in the plane, or no real point is finite, or the critic does not score
            each point once.
    """
    real, fake = _points(real, "real"), _points(fake, "fake")
    if not len(real):
        raise ValueError("needs finite real points, but got none: look at the data")
    center = (real.amin(0) + real.amax(0)) / 2
    half = _half(real)
    if level is not None:
        _levels(axes, center, half, level)
    axes.scatter(*real[:POINTS].T.numpy(), s=8, color=REAL, alpha=0.6, linewidths=0, label="real")
    axes.scatter(*fake[:POINTS].T.numpy(), s=6, color=FAKE, alpha=0.5, linewidths=0, label="fake")
    outside = int(((fake - center).abs() > torch.tensor(half)).any(1).sum())
    x, y = center.tolist()
    axes.set_xlim(x - half[0], x + half[0])
    axes.set_ylim(y - half[1], y + half[1])
    axes.set_aspect("equal" if half[0] == half[1] else "auto")
    words = f"{outside} of {counted(len(fake), 'fake point')} outside" if outside else None
    axes.legend(loc="upper right", markerscale=2.2, framealpha=0.92, title=words, prop={"family": FONT, "size": 9.5})


def _half(real: Tensor) -> tuple[float, float]:
    """Half the width and the height of what is shown; the same, unless one axis is of another size by far."""
    width, height = ((real.amax(0) - real.amin(0)).double() * 0.65).tolist()
    if 0 < 10 * min(width, height) < max(width, height):
        return width, height
    side = max(width, height, 1e-6)
    return side, side


def _points(x: Tensor, what: str) -> Tensor:
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"needs {what} points of shape (n, 2), but got {tuple(x.shape)}: choose two coordinates")
    x = x.detach().float().cpu()
    return x[x.isfinite().all(1)]


def _levels(axes: Any, center: Tensor, half: tuple[float, float], level: Level) -> None:
    xs, ys = (middle + torch.linspace(-side, side, SIDE) for middle, side in zip(center, half, strict=True))
    places = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), dim=-1).reshape(-1, 2)
    with torch.no_grad():
        score = level(places).detach().float().cpu()
    if score.shape != places.shape[:1]:
        raise ValueError(
            f"needs one score per point, shape ({len(places)},), but the critic returned {tuple(score.shape)}: "
            "add .squeeze(1)"
        )
    known = score[score.isfinite()]
    if not len(known):
        return
    # A penalized critic falls steeply far from the data: the middle of its values is where it judges.
    low, high = float(known.quantile(0.02)), float(known.quantile(0.98))
    if not high - low > 1e-6 * max(abs(low), abs(high), 1e-6):
        return
    heights = torch.linspace(low, high, 15).tolist()
    z = torch.nan_to_num(score, nan=low).clamp(low, high).reshape(SIDE, SIDE).numpy()
    grays = [f"{0.99 - 0.022 * k:.3f}" for k in range(len(heights) - 1)]
    filled = axes.contourf(xs.numpy(), ys.numpy(), z, levels=heights, colors=grays)
    axes.contour(xs.numpy(), ys.numpy(), z, levels=heights, colors="#8a949a", linewidths=0.5, linestyles="solid")
    bar = axes.figure.colorbar(filled, cax=axes.inset_axes((1.02, 0.2, 0.022, 0.6)), format="%.3g")
    bar.set_ticks(heights[::7])
    bar.ax.tick_params(labelsize=8.5, colors="#444444", length=0)
    bar.outline.set_visible(False)
