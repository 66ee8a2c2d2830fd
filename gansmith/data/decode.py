"""One picture file to the pixels of one row; runs in a process of its own, which does not import torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.Image import Transpose

from gansmith.data.fitting import Fit

if TYPE_CHECKING:
    from gansmith.data.fitting import Pixels

# Pillow hands EPS to Ghostscript, an interpreter of programs; WMF it draws on Windows alone; of the others it knows
# the first bytes only.
LEFT_OUT = frozenset({"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"})
GRAY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def inspect(file: IO[bytes]) -> tuple[int, int, bool]:
    """Height, width and whether it is gray, as the header says; no pixel is decoded."""
    with _opened(file) as image:
        return image.height, image.width, image.mode in GRAY or _has_gray_palette(image)


def decode(file: IO[bytes], fit: Fit, channels: int) -> Pixels:
    """Decodes a picture and fits it: uint8 ``(channels, size, size)``.

    Transparent pictures are laid over white; photographs are turned upright as their EXIF data say; of an
    animation the first frame is taken. 16 bits are scaled to 8, and so are 32 unless all values are at most 255, which
    are taken as they are. Floats are scaled by 255 where all lie in [0, 1], and
    otherwise cut to 0..255.
    """
    with _opened(file) as image:
        if fit.target is not None and image.format in ("JPEG", "MPO"):
            # A camera's JPEG is decoded at an eighth of its side in a tenth of the time.
            image.draft(None, (2 * fit.target, 2 * fit.target))
        image.load()
        return fit.picture(_flat(_upright(image)), channels)


def reason(error: Exception) -> str:
    """Why a file was skipped, in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "no image"  # Pillow's text repeats the path
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return "too many pixels"
    if isinstance(error, MemoryError):
        return "needs too much memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # without the path
    return str(error)[:120] or type(error).__name__


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in Image.ID if name not in LEFT_OUT)


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on odd metadata; the pixels decide
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(file, formats=_formats()) as image:
            yield image


def _has_gray_palette(image: Image.Image) -> bool:
    colors = image.getpalette("RGB") if image.mode in ("P", "PA") else None
    return colors is not None and colors[0::3] == colors[1::3] == colors[2::3]


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata says nothing about the pixels
        return image
    return image if turn is None else image.transpose(turn)


def _flat(image: Image.Image) -> Image.Image:
    """Mode L where the picture is gray and RGB otherwise."""
    if image.mode.startswith("I"):
        # Pillow's own conversion to L cuts at 255 instead of scaling.
        values = np.asarray(image)
        scale = 1 if image.mode == "I" and values.max() <= 255 else 257
        return Image.fromarray((values.clip(0, 65535) // scale).astype(np.uint8))
    if image.mode == "F":
        return _from_floats(np.asarray(image))
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        gray = image.mode in GRAY
        return Image.alpha_composite(white, image.convert("RGBA")).convert("L" if gray else "RGB")
    return image.convert("L" if image.mode in GRAY else "RGB")


def _from_floats(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image.Image:
    if not np.isfinite(values).all():
        raise ValueError("its pixels are not finite")
    scale = 255 if values.min() >= 0 and values.max() <= 1 else 1
    return Image.fromarray(np.rint(values * scale).clip(0, 255).astype(np.uint8))


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None  # None only for a conversion in place
    return converted
