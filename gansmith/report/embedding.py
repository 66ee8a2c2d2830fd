"""Pictures inside a page, within a number of bytes."""

from __future__ import annotations

import base64
import io
import warnings
from math import ceil, sqrt
from pathlib import Path
from typing import Any

from gansmith.disk.folders import read_file

PIXELS = 30_000_000  # of one picture; ours have less than a tenth of it
KEPT, SIDE = 4_000_000, 16_383  # pixels of one in memory, and along a side, which is WebP's limit
LONGEST = 4 * SIDE  # pixels along a side: Pillow keeps an address for each row
BYTES = 50_000_000  # of one file
QUALITIES = (88, 75, 55)


def read(path: Path) -> Any:
    """A PNG file as Pillow's image, a large one smaller; None where it is none, damaged, too large, or a link.

    A run folder may come from anywhere: what is embedded is what was decoded, never a file's own bytes.
    """
    from PIL import Image

    try:
        content = io.BytesIO(read_file(path, BYTES))
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow's about too many pixels
            with Image.open(content, formats=["PNG"]) as image:
                if image.width * image.height > PIXELS or max(image.size) > LONGEST:
                    return None
                picture = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
                factor = max(ceil(sqrt(image.width * image.height / KEPT)), ceil(max(image.size) / SIDE))
                return picture if factor == 1 else picture.reduce(factor)
    except Exception:  # a damaged file makes Pillow raise what it pleases
        return None


def address(image: Any, most: int) -> str:
    """A picture as a ``data:`` address: lossless where it fits into so many bytes, else compressed, else smaller.

    Arguments:
        image: Pillow's.
        most: bytes.
    """
    from PIL import features

    lossy = "WEBP" if features.check("webp") else "JPEG"
    text = _encoded(image, "PNG")
    while len(text) > most:
        for quality in QUALITIES:
            text = _encoded(image, lossy, quality=quality)
            if len(text) <= most:
                return text
        if max(image.size) < 64:
            return text
        image = image.reduce(2)
    return text


def _encoded(image: Any, form: str, **options: Any) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
