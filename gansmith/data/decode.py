"""Decodes one image file into one row of pixels. Runs in a worker process, which does not import torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.Image import Transpose

from gansmith.data.resizing import Fit

if TYPE_CHECKING:
    from gansmith.data.resizing import Pixels

# Pillow runs Ghostscript, which executes programs, for EPS. It reads WMF on Windows only. Of the other formats it only
# recognizes the first bytes.
EXCLUDED_FORMATS = frozenset({"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"})
GRAY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
ROTATIONS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def inspect(file: IO[bytes]) -> tuple[int, int, bool]:
    """Height, width and whether the image is gray, from the header; no pixel is decoded."""
    with _open_image(file) as image:
        return image.height, image.width, image.mode in GRAY or _has_gray_palette(image)


def decode(file: IO[bytes], fit: Fit, channels: int) -> Pixels:
    """Decodes an image and fits it: uint8 ``(channels, size, size)``.

    Transparent images are put on white. Photographs are rotated upright by their EXIF data. Of an animation the first
    frame is taken. 16-bit values are scaled to 8 bits. 32-bit integers are too, unless all values are at most 255:
    then they stay as they are. Floats are scaled by 255 where all lie in [0, 1]; otherwise they are clamped to 0..255.
    """
    with _open_image(file) as image:
        if fit.target is not None and image.format in ("JPEG", "MPO"):
            # A camera's JPEG is decoded at an eighth of its side in a tenth of the time.
            image.draft(None, (2 * fit.target, 2 * fit.target))
        image.load()
        return fit.picture(_to_gray_or_rgb(_upright(image)), channels)


def reason(error: Exception) -> str:
    """Why a file is skipped, in a few words."""
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
    return tuple(name for name in Image.ID if name not in EXCLUDED_FORMATS)


@contextmanager
def _open_image(file: IO[bytes]) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata, which do not matter
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(file, formats=_formats()) as image:
            yield image


def _has_gray_palette(image: Image.Image) -> bool:
    colors = image.getpalette("RGB") if image.mode in ("P", "PA") else None
    return colors is not None and colors[0::3] == colors[1::3] == colors[2::3]


def _upright(image: Image.Image) -> Image.Image:
    try:
        rotation = ROTATIONS.get(image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata do not mean damaged pixels
        return image
    return image if rotation is None else image.transpose(rotation)


def _to_gray_or_rgb(image: Image.Image) -> Image.Image:
    """Mode L where the image is gray, otherwise RGB."""
    if image.mode.startswith("I"):
        # Pillow's own conversion to L clamps at 255 instead of scaling.
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
