"""Decodes one image file into one row of pixels. Runs in a worker process, which does not import torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.Image import Transpose

from gansmith.data.picture_kinds import (
    STACKS,
    check_kind,
    has_16_bits,
    has_extra_channel,
    is_deep,
    is_followed,
    stated_channels,
)
from gansmith.data.resizing import Fit
from gansmith.data.value_range import BYTES, REAL, WHOLE, Ranges, table, to_bytes

if TYPE_CHECKING:
    from gansmith.data.resizing import Pixels

# Pillow runs Ghostscript, which executes programs, for EPS. It reads WMF on Windows only. Of the other formats it only
# recognizes the first bytes; of FITS it reads neither the scale of the numbers nor planes after the first.
EXCLUDED_FORMATS = frozenset({"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG", "FITS"})
GRAY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
ROTATIONS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
LYING = (Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)
"""Rotations that exchange height and width."""


class Header(NamedTuple):
    """What is known of a picture before it is fitted.

    Attributes:
        height: in pixels.
        width: in pixels.
        gray: whether it has no colors.
        pages: how many pages of the file are pictures.
        moving: whether it is the first of several pictures in the file, as of an animation.
        cut: whether the file has 16 bits a value, of which the upper 8 are read.
        extra: whether the file has a channel beyond gray or color that is not transparency, and is not read.
        depth: ``BYTES``, ``WHOLE`` or ``REAL``, the kind of its values.
        low: the smallest value, 0 for bytes.
        high: the largest value, 0 for bytes.
    """

    height: int
    width: int
    gray: bool
    pages: int = 1
    moving: bool = False
    depth: int = BYTES
    low: float = 0.0
    high: float = 0.0
    cut: bool = False
    extra: bool = False


def inspect(image: Image.Image, page: int | None) -> Header:
    """Reads the header; pixels are decoded only where values have more than 8 bits, to find their range.

    Arguments:
        image: an image file that is open.
        page: the page of it that counts as the picture; None for the first, and to count all pages.
    """
    pages = _pages(image) if page is None and image.format in STACKS else 1
    _turn_to(image, page)
    # Of a stack nobody asks: Pillow's answer may walk through all pages, and each page of it is a picture.
    moving = image.format not in STACKS and (bool(getattr(image, "is_animated", False)) or is_followed(image))
    gray = image.mode in GRAY or _has_gray_palette(image)
    height, width = _upright_sides(image)
    header = Header(height, width, gray, pages, moving, extra=has_extra_channel(image))
    check_kind(image)
    if not is_deep(image):
        return header._replace(cut=any(map(has_16_bits, image.tile)))  # type: ignore[attr-defined]
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite((low, high)).all():
        raise ValueError("its pixels are not finite")
    return header._replace(depth=REAL if image.mode == "F" else WHOLE, low=low, high=high)


def decode(image: Image.Image, page: int | None, fit: Fit, channels: int, scale: Ranges) -> Pixels:
    """Decodes an image and fits it: uint8 ``(channels, *size)``.

    Transparent images are put on white, but where a fourth channel keeps the transparency. Photographs are rotated
    upright by their EXIF data. Of an animation the first frame is taken. Values are brought to 0..255 by ``scale``,
    which is the same for all files of a collection.
    """
    _turn_to(image, page)
    image.load()
    return fit.picture(_to_mode(_upright(image), scale, alpha=channels == 4), channels)


def reason(error: Exception) -> str:
    """Why a file is skipped, in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "no image"  # Pillow's text repeats the path
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"more than {(Image.MAX_IMAGE_PIXELS or 0) // 10**6} megapixels: make it smaller"
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
def open_image(file: IO[bytes]) -> Iterator[Image.Image]:
    """Opens an image by its content.

    Raises:
        ValueError: it is of a kind that is known, but cannot be read.
        UnidentifiedImageError: it is no image.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata, which do not matter
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image: Image.Image = Image.open(file, formats=_formats())
        except UnidentifiedImageError as error:
            image = _of_known_kind(file, error)
        with image:
            yield image


def _of_known_kind(file: IO[bytes], error: UnidentifiedImageError) -> Image.Image:
    """Opens what Pillow does not read by itself, or says what it is and the cure."""
    file.seek(0)
    start = file.read(12)
    file.seek(0)
    if start[4:8] == b"ftyp" and start[8:12] in HEIF:
        return _open_heif(file)
    if start.startswith(b"SIMPLE  ="):
        raise ValueError("a FITS, whose numbers may have a scale of their own: save it as .npy") from None
    if start[:4] in (b"II*\0", b"MM\0*") and (channels := stated_channels(file)) > 4:
        raise ValueError(f"a TIFF of {channels} channels: save 1 or 3 of them, or an .npy") from None
    raise error


def _open_heif(file: IO[bytes]) -> Image.Image:
    if not find_spec("pillow_heif"):
        raise ValueError("a HEIC picture: pip install 'gansmith[heif]', or save it as JPEG") from None
    import pillow_heif

    pillow_heif.register_heif_opener()
    try:
        return Image.open(file, formats=("HEIF",))
    except UnidentifiedImageError:
        raise ValueError("a HEIC picture: it is damaged") from None


def _pages(image: Image.Image) -> int:
    """How many pages there are; one that is damaged counts, and ends the count."""
    pages = 1
    try:
        while True:
            image.seek(pages)
            pages += 1
    except EOFError:  # the regular end
        pass
    except Exception:
        pages += 1
    image.seek(0)
    return pages


def _turn_to(image: Image.Image, page: int | None) -> None:
    if page is not None and page != image.tell():
        image.seek(page)
    if image.format in STACKS and image.tag_v2.get(254, 0) & 1:  # type: ignore[attr-defined]
        raise ValueError("a smaller copy of another page")


def _has_gray_palette(image: Image.Image) -> bool:
    colors = image.getpalette("RGB") if image.mode in ("P", "PA") else None
    return colors is not None and colors[0::3] == colors[1::3] == colors[2::3]


def _upright(image: Image.Image) -> Image.Image:
    rotation = _rotation(image)
    return image if rotation is None else image.transpose(rotation)


def _rotation(image: Image.Image) -> Transpose | None:
    """How an image must be turned to be upright."""
    try:
        return ROTATIONS.get(image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata do not mean damaged pixels
        return None


def _upright_sides(image: Image.Image) -> tuple[int, int]:
    """Height and width of an image that is not decoded yet, when it is upright.

    Pillow states those of a TIFF so already, and would decode a PNG to look for what may stand behind its pixels.
    """
    stated = image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info)
    sides = image.height, image.width
    return sides if stated or _rotation(image) not in LYING else sides[::-1]


def _to_mode(image: Image.Image, scale: Ranges, alpha: bool) -> Image.Image:
    """Mode L where the image is gray, otherwise RGB; with ``alpha`` RGBA."""
    if is_deep(image):
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise ValueError("its pixels are not finite")
        pixels, hidden = to_bytes(values, scale.deep or (0.0, 65535.0)), values == image.info.get("transparency")
        pixels[hidden] = 255  # over white
        gray = Image.fromarray(pixels)
        if alpha:
            gray = gray.convert("RGBA")
            gray.putalpha(Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8)))
        return gray
    if image.mode == "LAB":
        image = _from_lab(image)
    mode = "RGBA" if alpha else "L" if image.mode in GRAY else "RGB"
    if image.has_transparency_data and not alpha:
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image.convert("RGBA"))
    image = image.convert(mode)
    if scale.shallow is None:
        return image
    colors = table(scale.shallow) * len(mode.removesuffix("A"))
    return image.point(colors + list(range(256)) if alpha else colors)


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None  # None only for a conversion in place
    return converted
