"""What a run folder holds for its page: whatever is in it, reading it does no harm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansmith.drawing.plane import Plane
from gansmith.report import embedding

FRAMES = 24


@dataclass(frozen=True)
class Pictures:
    """What of a run is shown.

    Attributes:
        samples: step and picture, ascending; pictures are Pillow's images.
        real: a grid of samples of the data, or None.
        reconstructions: the last one, or None.
        interpolations: the last one, or None.
        plane: the points of data in the plane, drawn, or None.
        overview: in place of all others, for data that are neither images nor in the plane, or None.
    """

    samples: Sequence[tuple[int, Any]] = field(default=())
    real: Any = None
    reconstructions: Any = None
    interpolations: Any = None
    plane: Any = None
    overview: Any = None


def read_pictures(run: Path, plane: Plane | None) -> Pictures:
    found = {folder: _numbered(run / folder) for folder in ("samples", "reconstructions", "interpolations")}
    last = {folder: embedding.read(files[-1][1]) if files else None for folder, files in found.items()}
    read = [(step, embedding.read(path)) for step, path in thinned(found["samples"])]
    samples = [(step, image) for step, image in read if image is not None]
    overview = embedding.read(run / "overview.png") if not samples and plane is None else None
    drawn = None if plane is None else _drawn(plane)
    real = embedding.read(run / "real.png") if samples else None
    return Pictures(samples, real, last["reconstructions"], last["interpolations"], drawn, overview)


def thinned(frames: Sequence[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """At most 24 of the frames, the first and the last among them."""
    if len(frames) <= FRAMES:
        return list(frames)
    return [frames[round(i * (len(frames) - 1) / (FRAMES - 1))] for i in range(FRAMES)]


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    """The pictures of a folder that are named by a step, ascending; none where it is a link to somewhere else."""
    if folder.is_symlink():
        return []
    try:
        files = [(int(p.stem), p) for p in folder.iterdir() if re.fullmatch(r"\d{1,12}\.png", p.name, re.ASCII)]
    except OSError:
        return []
    return sorted(files)


def _drawn(points: Plane) -> Any:
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from gansmith.drawing import plane
    from gansmith.report.page import plain

    figure = Figure(figsize=(9, 7.6), dpi=100, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.06, 0.06, 0.84, 0.92))
    plain(axes)
    plane.draw(axes, *points)
    canvas.draw()
    return embedding.from_array(np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3]))
