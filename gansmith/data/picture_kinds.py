"""What a picture's file says of itself that Pillow does not read, or reads as something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import numpy as np
from PIL import Image

STACKS = ("TIFF",)  # formats whose pages are pictures of their own


def check_kind(image: Image.Image) -> None:
    """Refuses what Pillow would read as other numbers than the file's.

    Raises:
        ValueError: what it is, and the cure.
    """
    deep, tags = is_deep(image), image.tag_v2 if image.format in STACKS else {}  # type: ignore[attr-defined]
    if tags.get(277, 1) > 4:
        raise ValueError(f"a TIFF of {tags[277]} channels: save 1 or 3 of them, or an .npy")
    if deep and tags.get(262) == 0:
        raise ValueError("a TIFF of more than 8 bits whose 0 is white: save it with 0 as black")
    if not deep and 2 in _values(tags.get(339)):
        raise ValueError("a TIFF of signed bytes: save it with 16 bits, or as .npy")
    if image.mode == "I" and 32 in _values(tags.get(258)) and 2 not in _values(tags.get(339)):
        values = np.asarray(image)
        if values.min() < 0:
            raise ValueError("a TIFF of numbers above 2^31: save it as .npy")


def is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def has_16_bits(tile: Any) -> bool:
    """Whether the raw form that Pillow decodes a part of an image from, such as ``RGB;16B``, has 16 bits a value."""
    form = tile[3] if isinstance(tile[3], str) else next(iter(tile[3] or ()), "")
    return str(form).endswith((";16B", ";16L", ";16N"))


def has_extra_channel(image: Image.Image) -> bool:
    """Whether a TIFF states a channel of no known meaning beside its colors."""
    return image.format in STACKS and 0 in _values(image.tag_v2.get(338))  # type: ignore[attr-defined]


def is_followed(image: Image.Image) -> bool:
    """Whether another picture stands behind this one, as Netpbm's formats allow."""
    if image.format != "PPM" or not image.tile or image.tile[0][0] == "ppm_plain":  # type: ignore[attr-defined]
        return False
    _, _, start, form = image.tile[0]  # type: ignore[attr-defined]
    name, most = (form, 65535 if form == "I;16B" else 255) if isinstance(form, str) else form[:2]
    line = -(-image.width // 8) if name == "1;I" else image.width * len(image.getbands()) * (1 if most < 256 else 2)
    if image.mode == "F":
        line = 4 * image.width
    file: IO[bytes] = image.fp  # type: ignore[attr-defined]
    with kept_position(file):
        file.seek(start + line * image.height)
        return re.match(rb"\s*P[1-7fFyY]", file.read(16)) is not None


@contextmanager
def kept_position(file: IO[bytes]) -> Iterator[None]:
    """Puts the position of a file back, which its reader goes on from."""
    place = file.tell()
    yield
    file.seek(place)


def stated_channels(file: IO[bytes]) -> int:
    """The number that a TIFF's first directory states; 0 if it is damaged."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    with suppress(Exception):
        tags = ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        return int(tags.get(277, 1))
    return 0


def _values(tag: Any) -> tuple[Any, ...]:
    return tag if isinstance(tag, tuple) else () if tag is None else (tag,)
