"""Images or vectors from an .npz or .npy file: checked before memory is allocated, never unpickled."""

from __future__ import annotations

import io
import math
import os
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import torch
from torch import Tensor

from gansmith.data.channels import channels_first
from gansmith.data.files import one_line
from gansmith.data.idx import DEFLATE_RATIO, LIMIT
from gansmith.data.raw_data import RawData

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

HEADER_LIMIT = 10_000  # bytes, as in NumPy


def read_npz(path: Path) -> RawData:
    """Reads one array of samples of any name, or two arrays: samples and labels.

    Images are uint8 or float in [0, 1] or [-1, 1], of shape (n, h, w), (n, h, w, c) or (n, c, h, w); vectors
    are numbers of shape (n, d). Labels are integers (n,), -1 where unlabeled.

    Raises:
        ValueError: the file is damaged, pickled or too large; values are not finite; or another shape or type.
        OSError: the file cannot be read.
    """
    arrays = npz_arrays(path)
    samples, labels = _roles(arrays, path)
    y = None if labels is None else _labels(arrays[labels], f"array '{one_line(labels)}' of {one_line(path)}")
    return _samples(arrays[samples], y, f"array '{one_line(samples)}' of {one_line(path)}")


def read_npy(path: Path) -> RawData:
    """Reads an array of samples, of the shapes and types that `read_npz` takes.

    Raises:
        ValueError: the file is damaged, pickled or too large; values are not finite; or another shape or type.
        OSError: the file cannot be read.
    """
    x = npy_array(path)
    if x.ndim == 1:
        raise ValueError(f"{one_line(path)} holds {len(x):,} single numbers: name it by --labels if they are labels")
    if x.ndim not in (2, 3, 4):
        raise ValueError(f"{one_line(path)} needs images (n, h, w) with channels or vectors (n, d), but has {x.shape}")
    return _samples(x, None, one_line(path))


def npy_array(path: Path) -> npt.NDArray[Any]:
    """The array in an .npy file; its stated shape is compared with its size before memory is allocated.

    Raises:
        ValueError: the file is damaged, pickled or too large.
        OSError: the file cannot be read.
    """
    import numpy as np

    what = one_line(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        _check_header(file, size, what)
        if size > LIMIT:
            raise ValueError(f"{what} has {size:,} bytes, more than the limit of {LIMIT:,}: split it")
        file.seek(0)
        with _parser_errors(what):
            array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
            return array


def _samples(x: npt.NDArray[Any], y: Tensor | None, what: str) -> RawData:
    if x.size == 0:
        raise ValueError(f"{what} is empty: its shape is {x.shape}")
    if x.ndim == 2:
        return RawData(_vectors(x, what), y)
    pixels, notes = _pixels(x, what)
    images, more = channels_first(pixels, what)
    return RawData(images, y, notes=(*notes, *more))


@contextmanager
def _parser_errors(what: str) -> Iterator[None]:
    """Turns the exceptions of the zip and .npy parsers on damaged files, of a dozen types, into a ValueError."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"{what} is damaged ({one_line(error)}): save it again") from error


def npz_arrays(path: Path, limit: int = LIMIT) -> dict[str, npt.NDArray[Any]]:
    """The arrays in an .npz file by their names; stated shapes are compared with sizes before memory is allocated.

    Raises:
        ValueError: the file is damaged, pickled, or unpacks to more than `limit` bytes.
        OSError: the file cannot be read.
    """
    import numpy as np

    with _parser_errors(one_line(path)):
        archive = zipfile.ZipFile(path)
    arrays: dict[str, npt.NDArray[Any]] = {}
    with archive:
        entries = archive.infolist()
        if not entries or any(not entry.filename.endswith(".npy") for entry in entries):
            raise ValueError(f"{one_line(path)} is a zip file, but no .npz file of arrays: unpack it")
        if sum(entry.file_size for entry in entries) > limit:
            raise ValueError(f"{one_line(path)} unpacks to more than the limit of {limit:,} bytes: split it")
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            what = f"array '{one_line(name)}' of {one_line(path)}"
            if name in arrays:
                raise ValueError(f"{what} is there twice: save the file again")
            _check_entry(archive, entry, path.stat().st_size, what)
            with _parser_errors(what), archive.open(entry) as file:
                arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, on_disk: int, what: str) -> None:
    """Compares the stated shape and sizes before memory is allocated."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{what} has a compression that NumPy does not write: save it with numpy.savez")
    if entry.compress_size > on_disk or entry.file_size > max(entry.compress_size, 1) * DEFLATE_RATIO:
        raise ValueError(f"{what} states more bytes than the file can hold: save it again")
    with _parser_errors(what):
        file = archive.open(entry)
    with file:
        _check_header(file, entry.file_size, what)


def _check_header(file: IO[bytes], size: int, what: str) -> None:
    """Compares the shape and type that an .npy file of ``size`` bytes states with that size."""
    with _parser_errors(what):
        shape, dtype = _header(file)
        start = file.tell()
    if dtype.hasobject:
        raise ValueError(f"{what} holds pickled Python objects, which are never loaded: save plain numbers")
    if any(side < 0 for side in shape) or start + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{what} states shape {shape} of {dtype}, but its size is another: save it again")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its .npy version is {version}, but needs to be 1.0 or 2.0")
    stated = file.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(stated, "little")
    if length > HEADER_LIMIT:  # NumPy reads the header before it checks its length
        raise ValueError(f"its header states {length:,} bytes")
    header = io.BytesIO(stated + file.read(length))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers by Python 2, which can be read
        shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(header)
    return shape, dtype


def _roles(arrays: dict[str, npt.NDArray[Any]], path: Path) -> tuple[str, str | None]:
    """Which array holds the samples and which, if any, the labels."""
    samples = [name for name, array in arrays.items() if array.ndim in (2, 3, 4)]
    if len(arrays) == 1 and samples:
        return samples[0], None
    labels = [name for name, array in arrays.items() if array.ndim == 1 and array.dtype.kind in "iu"]
    if len(arrays) == 2 and len(samples) == len(labels) == 1 and len(arrays[samples[0]]) == len(arrays[labels[0]]):
        return samples[0], labels[0]
    contents = ", ".join(f"'{one_line(name)}' {array.dtype}{array.shape}" for name, array in arrays.items())
    raise ValueError(
        f"{one_line(path)} needs one array of images or vectors, and at most one of as many integer labels, "
        f"but has {contents}: save only these"
    )


def _labels(y: npt.NDArray[Any], what: str) -> Tensor:
    if y.min() < -1 or y.max() >= 2**31:
        raise ValueError(f"{what} needs labels of 0 and up, -1 for unlabeled, but has {y.min()} to {y.max()}")
    return torch.from_numpy(y.astype("int64"))


def _vectors(x: npt.NDArray[Any], what: str) -> Tensor:
    import numpy as np

    if x.dtype.kind not in "iuf":
        raise ValueError(f"{what} needs numbers, but has {x.dtype}: save float32")
    with np.errstate(over="ignore"):  # overflow is refused below, as not finite
        vectors = torch.from_numpy(x.astype(np.float32))
    _check_finite(vectors.numpy(), what)
    return vectors.contiguous()


def _pixels(x: npt.NDArray[Any], what: str) -> tuple[Tensor, tuple[str, ...]]:
    import numpy as np

    if x.dtype == np.uint8:
        return torch.from_numpy(x), ()
    if x.dtype.kind != "f":
        raise ValueError(f"{what} needs uint8 or float images, but has {x.dtype}: save uint8")
    _check_finite(x, what)
    low, high = float(x.min()), float(x.max())
    if low < -1 or high > 1:
        raise ValueError(f"{what} needs float images in [0, 1] or [-1, 1], but has {low:g} to {high:g}: save uint8")
    scale, shift, values = (255.0, 0.0, "[0, 1]") if low >= 0 else (127.5, 127.5, "[-1, 1]")
    pixels = np.empty(x.shape, np.uint8)
    for row, image in enumerate(x):  # one image at a time: no second copy in float
        pixels[row] = np.rint(image.astype(np.float64) * scale + shift)
    return torch.from_numpy(pixels), (f"float images in {values} rounded to 256 levels",)


def _check_finite(x: npt.NDArray[np.floating[Any]], what: str) -> None:
    import numpy as np

    bad = sum(int((~np.isfinite(row)).sum()) for row in x)
    if bad:
        raise ValueError(f"{what} needs finite numbers, but {bad} are NaN or infinite: clean the data")
