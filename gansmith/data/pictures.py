"""Picture files through Pillow, one at a time into one tensor; what cannot be decoded is skipped by name."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gansmith.data.files import shown
from gansmith.data.fitting import Fit, Form, plan
from gansmith.data.found import Found

if TYPE_CHECKING:
    from PIL import Image

# Pillow would also hand PostScript to an interpreter, and TIFF to a library that writes to stderr by itself.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
GRAY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")


@dataclass(frozen=True)
class _Header:
    height: int
    width: int
    gray: bool


def read_pictures(files: Sequence[Path], form: Form) -> Found:
    """Decodes pictures and fits them to one size, gray if all are gray, otherwise color.

    Transparent pictures are laid over white; photographs are turned upright as their EXIF data say; of an
    animation the first frame is taken.

    Arguments:
        files: their paths, in order.
        form: what was asked of them, see `plan`.

    Raises:
        ValueError: none of the files can be decoded, or the size is impossible.
    """
    skipped: dict[Path, str] = {}
    headers: dict[Path, _Header] = {}
    for path in files:
        try:
            headers[path] = _inspect(path)
        except Exception as error:
            skipped[path] = _reason(error)
    while headers:
        fit, depth = _plan(headers.values(), form)
        x, failed = _decode_all(headers, fit, depth)
        skipped |= failed
        headers = {path: header for path, header in headers.items() if path not in failed}
        # What failed only now had a say in the size: without it the plan may be another.
        if headers and _plan(headers.values(), form) == (fit, depth):
            names = tuple(path.name for path in headers)
            return Found(x, content=fit.content, names=names, notes=(*_skip_note(skipped, len(files)), *fit.note))
    raise ValueError(_nothing(skipped))


def _plan(headers: Collection[_Header], form: Form) -> tuple[Fit, int]:
    fit = plan([(header.height, header.width) for header in headers], form.size, form.content)
    return fit, form.channels or (1 if all(header.gray for header in headers) else 3)


def _decode_all(files: Collection[Path], fit: Fit, channels: int) -> tuple[Tensor, dict[Path, str]]:
    x = torch.empty(len(files), channels, fit.size, fit.size, dtype=torch.uint8)
    failed: dict[Path, str] = {}
    row = 0
    for path in files:
        try:
            x[row] = fit.picture(_decode(path), channels)
            row += 1
        except Exception as error:
            failed[path] = _reason(error)
    return (x[:row].clone() if failed else x), failed


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on odd metadata; the pixels decide
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as image:
            yield image


def _inspect(path: Path) -> _Header:
    with _opened(path) as image:
        return _Header(image.height, image.width, image.mode in GRAY)


def _decode(path: Path) -> Image.Image:
    """The pixels, upright, as mode L where the file is gray and RGB otherwise."""
    with _opened(path) as image:
        image.load()
        upright = _upright(image)
        if upright.mode.startswith("I"):
            return _from_16_bits(upright)
        mode = "L" if upright.mode in GRAY else "RGB"
        return (_over_white(upright) if upright.has_transparency_data else upright).convert(mode)


def _upright(image: Image.Image) -> Image.Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        turn = turns.get(image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata says nothing about the pixels
        return image
    return image if turn is None else image.transpose(turn)


def _from_16_bits(image: Image.Image) -> Image.Image:
    import numpy as np
    from PIL import Image

    # Pillow's own conversion to L cuts at 255 instead of scaling.
    return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))


def _over_white(image: Image.Image) -> Image.Image:
    from PIL import Image

    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image.convert("RGBA"))


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "no image"  # Pillow's text repeats the path
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return "too many pixels"
    return shown(error)[:120] or type(error).__name__


def _skip_note(skipped: Mapping[Path, str], total: int) -> tuple[str, ...]:
    if not skipped:
        return ()
    listed = [f"{shown(path.name)} ({reason})" for path, reason in list(skipped.items())[:5]]
    more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
    return (f"skipped {len(skipped)} of {total} files: {', '.join(listed)}{more}",)


def _nothing(skipped: Mapping[Path, str]) -> str:
    path, reason = next(iter(skipped.items()))
    if len(skipped) == 1:
        return f"{shown(path)} is neither a picture ({reason}), nor IDX, nor .npz: name a file of one of these"
    return f"none of the {len(skipped)} files beside {shown(path)} is a picture ({shown(path.name)}: {reason})"
