"""Images or vectors from an .npz or .npy file: checked before memory is allocated, never unpickled."""

from __future__ import annotations

import io
import math
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from gansmith.data.archive import open_zip
from gansmith.data.channels import channels_first
from gansmith.data.files import encodable, one_line
from gansmith.data.idx import LIMIT
from gansmith.data.label_values import labels_of_array
from gansmith.data.packing import DEFLATE_RATIO, check_packing
from gansmith.data.raw_data import RawData
from gansmith.data.rounding import Rounding
from gansmith.data.value_range import MASK, Range, deep_note, found_range, to_bytes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

HEADER_LIMIT = 10_000  # bytes, as in NumPy
LABEL_NAMES = ("labels", "label", "y", "target", "targets", "class", "classes")
# Of two arrays, the one that a rule fits alone holds the labels; the first such rule counts.
LABEL_RULES: tuple[Callable[[str, npt.NDArray[Any]], bool], ...] = (
    lambda name, array: array.ndim == 1,
    lambda name, array: array.ndim == 2 and name.lower() in LABEL_NAMES,
    lambda name, array: array.ndim == 2 and array.shape[1] == 1,
    lambda name, array: array.ndim == 2,  # the other one is of images
)


def read_npz(path: Path, wanted: Range | None = None) -> RawData:
    """Reads one array of samples of any name, or two arrays: samples and labels.

    Images are numbers of shape (n, h, w), (n, h, w, c) or (n, c, h, w); those that are not uint8 are brought to 0..255
    by ``wanted``, or by `found_range`. Vectors are numbers of shape (n, d). Labels are numbers or words as of
    `labels_of_array`: the array that is not of images, the only one of one column, or else the only one called
    ``labels`` (or the like).

    Raises:
        ValueError: the file is damaged, pickled or too large; values are not finite; or another shape or type.
        OSError: the file cannot be read.
    """
    arrays = npz_arrays(path)
    samples, labels = _roles(arrays, path)
    raw = _samples(arrays[samples], wanted, f"array '{one_line(samples)}' of {one_line(path)}")
    if labels is None:
        return raw
    y, class_names, notes = labels_of_array(arrays[labels], f"array '{one_line(labels)}' of {one_line(path)}")
    note = f"labels from array '{one_line(labels)}'"
    return replace(raw, y=y, class_names=tuple(map(encodable, class_names)), notes=(*raw.notes, note, *notes))


def npz_array(path: Path, limit: int | None = None) -> npt.NDArray[Any]:
    """The one array in an .npz file.

    Raises:
        ValueError: more than one, or as `npz_arrays`.
        OSError: the file cannot be read.
    """
    arrays = npz_arrays(path, limit)
    if len(arrays) != 1:
        names = one_line(", ".join(arrays))[:200]
        raise ValueError(f"{one_line(path)} needs one array of labels, but has {names}: save only the labels")
    return next(iter(arrays.values()))


def read_npy(path: Path, wanted: Range | None = None) -> RawData:
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
    return _samples(x, wanted, one_line(path))


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


def _samples(x: npt.NDArray[Any], wanted: Range | None, what: str) -> RawData:
    if x.size == 0:
        raise ValueError(f"{what} is empty: its shape is {x.shape}")
    if x.ndim == 2:
        return RawData(_vectors(x, what))
    if x.dtype == "uint8":
        images, notes = channels_first(torch.from_numpy(x), what)
        return RawData(images, notes=notes)
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{what} needs numbers, but has {x.dtype}: save uint8 from 0 to 255")
    _check_finite(x, what)
    low, high = float(x.min()), float(x.max())
    wanted = wanted or found_range(low, high, x.dtype.kind != "f")
    images, notes = channels_first(_pixels(x, wanted), what)
    masks = wanted == MASK and (x.dtype.kind != "f" or bool(((x == 0) | (x == 1)).all()))
    return RawData(images, notes=(*deep_note(low, high, wanted), *notes), deep_range=wanted, masks=masks)


@contextmanager
def _parser_errors(what: str) -> Iterator[None]:
    """Turns the exceptions of the zip and .npy parsers on damaged files, of a dozen types, into a ValueError."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"{what} is damaged ({one_line(error)}): save it again") from error


class Stated(NamedTuple):
    """What the header of an array states.

    Attributes:
        shape: of the array.
        dtype: of its values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def npz_headers(path: Path, limit: int | None = None) -> dict[str, Stated]:
    """What the arrays in an .npz file are, by their names; only their headers are read.

    Raises:
        ValueError: as `npz_arrays`.
        OSError: the file cannot be read.
    """
    with open_zip(path) as archive:
        return _stated(archive, path, limit)


def npz_arrays(path: Path, limit: int | None = None) -> dict[str, npt.NDArray[Any]]:
    """The arrays in an .npz file by their names; stated shapes are compared with sizes before memory is allocated.

    Raises:
        ValueError: the file is damaged or pickled; it unpacks to more than `limit` bytes, 8 GiB by default; or it is
            packed too well, as of `check_packing`; vectors count as of 32 bits, labels as of 64.
        OSError: the file cannot be read.
    """
    import numpy as np

    arrays: dict[str, npt.NDArray[Any]] = {}
    with open_zip(path) as archive:
        _stated(archive, path, limit)
        for entry in archive.infolist():
            with _parser_errors(_what(entry, path)), archive.open(entry) as file:
                arrays[_name(entry)] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


def _stated(archive: zipfile.ZipFile, path: Path, limit: int | None) -> dict[str, Stated]:
    """What the headers state, compared with sizes; the bytes that all arrays unpack to are not too many."""
    limit = LIMIT if limit is None else limit
    entries = archive.infolist()
    if not entries or any(not entry.filename.endswith(".npy") for entry in entries):
        raise ValueError(f"{one_line(path)} is a zip file, but no .npz file of arrays: unpack it")
    total = sum(entry.file_size for entry in entries)
    if total > limit:
        raise ValueError(f"{one_line(path)} unpacks to more than the limit of {limit:,} bytes: split it")
    stated = [_check_entry(archive, entry, path.stat().st_size, _what(entry, path)) for entry in entries]
    widened = sum(map(_widened, stated))
    check_packing(path, total + widened, "save it uncompressed, with numpy.savez")
    by_name: dict[str, Stated] = {}
    for entry, each in zip(entries, stated, strict=True):
        if _name(entry) in by_name:
            raise ValueError(f"{_what(entry, path)} is there twice: save the file again")
        by_name[_name(entry)] = each
    return by_name


def _widened(stated: Stated) -> int:
    """The bytes by which an array grows, once it holds vectors of 32 bits or labels of 64."""
    least = {1: 8, 2: 4}.get(len(stated.shape), 0)
    return math.prod(stated.shape) * max(0, least - stated.dtype.itemsize)


def _name(entry: zipfile.ZipInfo) -> str:
    return entry.filename.removesuffix(".npy")


def _what(entry: zipfile.ZipInfo, path: Path) -> str:
    return f"array '{one_line(_name(entry))}' of {one_line(path)}"


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, on_disk: int, what: str) -> Stated:
    """Compares the stated shape and sizes before memory is allocated."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{what} has a compression that NumPy does not write: save it with numpy.savez")
    if entry.compress_size > on_disk or entry.file_size > max(entry.compress_size, 1) * DEFLATE_RATIO:
        raise ValueError(f"{what} states more bytes than the file can hold: save it again")
    with _parser_errors(what):
        file = archive.open(entry)
    with file:
        return _check_header(file, entry.file_size, what)


def _check_header(file: IO[bytes], size: int, what: str) -> Stated:
    """Compares the shape and type that an .npy file of ``size`` bytes states with that size."""
    with _parser_errors(what):
        shape, dtype = _header(file)
        start = file.tell()
    if dtype.hasobject:
        raise ValueError(f"{what} holds pickled Python objects, which are never loaded: save plain numbers")
    if not dtype.itemsize:  # so many of them that no memory holds their names would take no byte
        raise ValueError(f"{what} states values of 0 bytes ({dtype}), which no file holds: save numbers or words")
    if any(side < 0 for side in shape) or start + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{what} states shape {shape} of {dtype}, but its size is another: save it again")
    return Stated(shape, dtype)


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
    names = list(arrays)
    if len(names) == 1 and arrays[names[0]].ndim in (2, 3, 4):
        return names[0], None
    if len(names) == 2 and len({len(array) for array in arrays.values() if array.ndim}) == 1:
        samples = [name for name in names if arrays[name].ndim in (2, 3, 4)]
        for is_labels in LABEL_RULES:
            labels = [name for name in names if is_labels(name, arrays[name])]
            if len(labels) == 1 and (rest := [name for name in samples if name != labels[0]]):
                return rest[0], labels[0]
    contents = ", ".join(f"'{one_line(name)}' {array.dtype}{array.shape}" for name, array in arrays.items())
    raise ValueError(
        f"{one_line(path)} needs one array of images or vectors, and at most one of as many labels (call it labels), "
        f"but has {contents}: save only these"
    )


def _vectors(x: npt.NDArray[Any], what: str) -> Tensor:
    import numpy as np

    if x.dtype.kind not in "iuf":
        raise ValueError(f"{what} needs numbers, but has {x.dtype}: save float32")
    with np.errstate(over="ignore"):  # overflow is refused below, as not finite
        vectors = torch.from_numpy(x.astype(np.float32))
    _check_finite(vectors.numpy(), what)
    rounding = Rounding()
    rounding.look_at(x)
    rounding.check(what)
    return vectors.contiguous()


def _pixels(x: npt.NDArray[Any], wanted: Range) -> Tensor:
    import numpy as np

    pixels = np.empty(x.shape, np.uint8)
    for row, image in enumerate(x):  # one image at a time: no second copy in float
        pixels[row] = to_bytes(image, wanted)
    return torch.from_numpy(pixels)


def _check_finite(x: npt.NDArray[np.floating[Any]], what: str) -> None:
    import numpy as np

    bad = sum(int((~np.isfinite(row)).sum()) for row in x)
    if bad:
        raise ValueError(f"{what} needs finite numbers, but {bad} are NaN or infinite: clean the data")
