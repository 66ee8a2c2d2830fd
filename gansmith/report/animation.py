"""How the samples of a run grew, as an animation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gansmith.disk.atomic import atomic
from gansmith.refusal import Refusal
from gansmith.report.pictures import read_pictures

FRAME, LAST = 350, 2500
"""Milliseconds of a frame, and of the last one."""


def write_growth(run: Path, path: Path) -> Path:
    """Writes a GIF of at most 24 pictures that a run drew while it trained, from its first step to its last.

    Arguments:
        run: its folder.
        path: a new file.

    Raises:
        Refusal: the run has fewer than two such pictures.
        OSError: the file exists, or cannot be written.
    """
    frames = max(read_pictures(run).frames.values(), key=len, default=[])
    images = [image.convert("RGB") for _, image in frames]
    images = [image for image in images if image.size == images[-1].size]  # a run from anywhere may hold any
    if len(images) < 2:
        raise Refusal(f"{run} has fewer than two pictures of one kind to animate: train it for some steps more")
    first, *others = (_with_palette(image, images[-1]) for image in images)
    times = [FRAME] * len(others) + [LAST]
    with atomic(path, new=True) as file:
        first.save(file, format="GIF", save_all=True, append_images=others, duration=times, loop=0)
    return path


def _with_palette(image: Any, last: Any) -> Any:
    """An image in the 256 colors of the last one, so that nothing flickers."""
    from PIL import Image

    return image.quantize(palette=last.quantize(256, Image.Quantize.MEDIANCUT), dither=Image.Dither.FLOYDSTEINBERG)
