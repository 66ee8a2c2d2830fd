"""Images in IDX files with their labels: one file, or a folder like MNIST's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gansmith.data.channels import channels_first
from gansmith.data.files import Kind, files_in, kind_of, name_list, one_line
from gansmith.data.idx import idx_shape, read_idx
from gansmith.data.raw_data import RawData


def idx_file(path: Path) -> RawData:
    """Images from one IDX file, with labels if exactly one label file beside it has the same length.

    Raises:
        ValueError: the file is damaged or holds no images; or several label files have the same length.
        OSError: a file cannot be read.
    """
    shape = idx_shape(path)
    if len(shape) not in (3, 4):
        holds = "labels" if len(shape) == 1 else f"an array of {len(shape)} dimensions"
        raise ValueError(
            f"{one_line(path)} needs images (3 or 4 dimensions), but holds {holds}: name the file of images"
        )
    labels = [file for file in _neighbors(path) if _length_of_labels(file) == shape[0]]
    if len(labels) > 1:
        raise ValueError(
            f"{len(labels)} label files of length {shape[0]} lie beside {one_line(path)} "
            f"({name_list(labels)}): keep one of them there"
        )
    x, notes = channels_first(read_idx(path), one_line(path))
    if not labels:
        return RawData(x, notes=notes)
    return RawData(x, read_idx(labels[0]).long(), notes=(*notes, f"labels from {one_line(labels[0].name)}"))


def idx_folder(folder: Path) -> RawData:
    """Images from a folder of IDX files with any names.

    A label file belongs to the image file of the same length. Of two image files the larger is for training and the
    smaller is held out, as in MNIST.

    Raises:
        ValueError: a file is damaged; a label file fits no images; or two files fit equally well.
        OSError: a file cannot be read.
    """
    shapes, ignored = _idx_files(folder)
    images = [path for path, shape in shapes.items() if len(shape) in (3, 4)]
    labels = [path for path, shape in shapes.items() if len(shape) == 1]
    other = [path for path in shapes if path not in images and path not in labels]
    if other:
        raise ValueError(f"{one_line(other[0])} holds neither images nor labels: its shape is {shapes[other[0]]}")
    if not 1 <= len(images) <= 2:
        raise ValueError(
            f"{one_line(folder)} needs one or two IDX files of images, but has {name_list(images) or 'none'}"
        )
    images.sort(key=lambda path: -shapes[path][0])
    counts = [shapes[path][0] for path in images]
    if len(set(counts)) < len(counts):
        raise ValueError(
            f"{name_list(images)} hold {counts[0]} images each, so it is unclear which to hold out: move one away"
        )
    if len({shapes[path][1:] for path in images}) > 1:
        raise ValueError(
            f"{name_list(images)} hold images of different shapes: {[shapes[path][1:] for path in images]}"
        )
    owners = _owners(labels, {path: shapes[path][0] for path in labels}, counts)
    x, notes = channels_first(_concatenated(images), one_line(folder))
    y = _concatenated_labels(counts, owners) if owners else None
    notes += (f"ignored, as not IDX: {name_list(ignored)}",) if ignored else ()
    held_out = torch.arange(counts[0], sum(counts)) if len(counts) == 2 else None
    return RawData(x, y, held_out, notes=notes)


def _idx_files(folder: Path) -> tuple[dict[Path, tuple[int, ...]], list[Path]]:
    """The shape of each IDX file, and the other files; damaged or misnamed IDX files are refused."""
    shapes, ignored = {}, []
    for path in files_in(folder):
        kind = kind_of(path)
        if kind is Kind.IDX:
            shapes[path] = idx_shape(path)
        elif kind is Kind.DAMAGED_GZIP:
            raise ValueError(f"{one_line(path)} is a damaged gzip file: fetch it again, or move it away")
        elif re.search(r"idx\d|ubyte", path.name):
            raise ValueError(
                f"{one_line(path)} is named like an IDX file, but is none: fetch it again, or move it away"
            )
        else:
            ignored.append(path)
    return shapes, ignored


def _owners(labels: Sequence[Path], lengths: dict[Path, int], counts: Sequence[int]) -> dict[int, Path]:
    """The label file for each number of images; every label file must have its images."""
    owners: dict[int, Path] = {}
    for path in labels:
        if lengths[path] not in counts:
            raise ValueError(
                f"{one_line(path)} has {lengths[path]} labels, but the images number "
                f"{' and '.join(str(count) for count in counts)}: fetch it again, or move it away"
            )
        if lengths[path] in owners:
            raise ValueError(
                f"{name_list([owners[lengths[path]], path])} both have {lengths[path]} labels: move one away"
            )
        owners[lengths[path]] = path
    return owners


def _concatenated(images: Sequence[Path]) -> Tensor:
    return torch.cat([read_idx(path) for path in images]) if len(images) > 1 else read_idx(images[0])


def _concatenated_labels(counts: Sequence[int], owners: dict[int, Path]) -> Tensor:
    return torch.cat(
        [read_idx(owners[n]).long() if n in owners else torch.full((n,), -1, dtype=torch.int64) for n in counts]
    )


def _neighbors(path: Path) -> list[Path]:
    """The other IDX files in the folder of a file; files that cannot be read are ignored."""
    neighbors = []
    for file in files_in(path.parent):
        try:
            if file != path and kind_of(file) is Kind.IDX:
                neighbors.append(file)
        except OSError:
            continue
    return neighbors


def _length_of_labels(path: Path) -> int | None:
    try:
        shape = idx_shape(path)
    except (ValueError, OSError):
        return None
    return shape[0] if len(shape) == 1 else None
