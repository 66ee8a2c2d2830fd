"""The pictures of a run folder, and how its page shows them; whatever lies there, reading it does no harm."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gansmith.exhibits import EXHIBITS, Exhibit
from gansmith.report import embedding
from gansmith.report.templates import part

if TYPE_CHECKING:
    from markupsafe import Markup

FRAMES = 24
FRAME_BYTES, OTHER_BYTES = 4_500_000, 900_000  # of all frames of one figure together, and of a picture without any


@dataclass(frozen=True)
class Pictures:
    """What of a run is shown; pictures are Pillow's images.

    Attributes:
        frames: name of an exhibit to steps and pictures, ascending.
        overview: of a run that has no other picture, or None.
    """

    frames: Mapping[str, Sequence[tuple[int, Any]]] = field(default_factory=dict)
    overview: Any = None


class Frame(NamedTuple):
    """A picture as it is embedded."""

    step: int
    address: str
    width: int
    height: int


def read_pictures(run: Path) -> Pictures:
    """The frames of the first exhibit that has several, and the last picture of each other one."""
    frames: dict[str, list[tuple[int, Any]]] = {}
    several = False
    for exhibit in EXHIBITS:
        files = _numbered(run / exhibit.name)
        kept = thinned(files) if exhibit.during and not several else files[-1:]
        images = [(step, embedding.read(path)) for step, path in kept]
        frames[exhibit.name] = [(step, image) for step, image in images if image is not None]
        several = several or len(frames[exhibit.name]) > 1
    return Pictures(frames, None if any(frames.values()) else embedding.read(run / "overview.png"))


def parts(pictures: Pictures) -> dict[str, list[Exhibit]]:
    """The exhibits that have a picture, by the part of the page that they belong to; the first part is always there."""
    exhibits: dict[str, list[Exhibit]] = {exhibit.part: [] for exhibit in EXHIBITS[:1]}
    for exhibit in EXHIBITS:
        if pictures.frames.get(exhibit.name):
            exhibits.setdefault(exhibit.part, []).append(exhibit)
    return exhibits


def show_pictures(pictures: Pictures, title: str, exhibits: Sequence[Exhibit]) -> Markup:
    """The exhibits of one part of the page; without any, the run at a glance."""
    if exhibits:
        return part("pictures", [(exhibit, _embedded(pictures.frames[exhibit.name])) for exhibit in exhibits])
    if pictures.overview is None:
        return part("absent", f"There are no pictures of {title.lower()} in this run.")
    return part("overview", *_embedded([(0, pictures.overview)]))


def thinned(frames: Sequence[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """At most 24 of the frames, the first and the last among them."""
    if len(frames) <= FRAMES:
        return list(frames)
    return [frames[round(i * (len(frames) - 1) / (FRAMES - 1))] for i in range(FRAMES)]


def _embedded(images: Sequence[tuple[int, Any]]) -> list[Frame]:
    images = thinned(images)
    most = FRAME_BYTES // len(images) if len(images) > 1 else OTHER_BYTES
    return [Frame(step, embedding.address(image, most), image.width, image.height) for step, image in images]


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    """The pictures of a folder that are named by a step, ascending; none where it is a link to somewhere else."""
    if folder.is_symlink():
        return []
    try:
        files = [(int(p.stem), p) for p in folder.iterdir() if re.fullmatch(r"\d{1,12}\.png", p.name, re.ASCII)]
    except OSError:
        return []
    return sorted(files)
