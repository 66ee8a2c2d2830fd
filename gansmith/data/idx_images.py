"""Images in IDX files with their labels: one file, or a folder like MNIST's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gansmith.data.channels import channels_first
from gansmith.data.files import Kind, files_in, kind_of, name_list, one_line
from gansmith.data.idx import idx_shape, read_idx
from gansmith.data.idx_names import idx_name, same_name
from gansmith.data.raw_data import RawData


def idx_file(path: Path) -> RawData:
    """Images from one IDX file, with labels from the label file beside it that has the same length.

    Of several, the one whose name says the same dataset and part, such as train, belongs to the images.

    Raises:
        ValueError: the file is damaged or holds no images; or several label files fit equally well.
        OSError: a file cannot be read.
    """
    shape = idx_shape(path)
    if len(shape) not in (3, 4):
        holds = "labels" if len(shape) == 1 else f"an array of {len(shape)} dimensions"
        raise ValueError(
            f"{one_line(path)} needs images (3 or 4 dimensions), but holds {holds}: name the file of images"
        )
    labels = [file for file in _neighbors(path) if _length_of_labels(file) == shape[0]]
    if len(labels) > 1 and (own := same_name(path, labels)):
        labels = [own]
    if len(labels) > 1:
        raise ValueError(
            f"{len(labels)} label files of length {shape[0]} lie beside {one_line(path)} "
            f"({name_list(labels)}): keep one of them there, or name it as the images, with 'labels' for 'images'"
        )
    x, notes = channels_first(read_idx(path), one_line(path))
    if not labels:
        return RawData(x, notes=notes)
    return RawData(x, read_idx(labels[0]).long(), notes=(*notes, f"labels from {one_line(labels[0].name)}"))


def idx_folder(folder: Path) -> RawData:
    """Images from a folder of IDX files with any names.

    Where every name of a file of images says its part, such as train or test, training images are those of train. Else
    the larger of two files is for training and the smaller is held out, as in MNIST. A label file belongs to the image
    file of the same dataset and part by name, or else to the one of the same length.

    Raises:
        ValueError: a file is damaged; a label file fits no images; two files fit equally well; or the folder holds
            several datasets.
        OSError: a file cannot be read.
    """
    shapes, ignored = _idx_files(folder)
    images = [path for path, shape in shapes.items() if len(shape) in (3, 4)]
    labels = [path for path, shape in shapes.items() if len(shape) == 1]
    other = [path for path in shapes if path not in images and path not in labels]
    if other:
        raise ValueError(f"{one_line(other[0])} holds neither images nor labels: its shape is {shapes[other[0]]}")
    counts = {path: shapes[path][0] for path in shapes}
    images, trained, split_note = _split(folder, images, counts)
    if len({shapes[path][1:] for path in images}) > 1:
        raise ValueError(
            f"{name_list(images)} hold images of different shapes: {[shapes[path][1:] for path in images]}"
        )
    owners = _owners(labels, images, counts)
    x, notes = channels_first(_concatenated(images), one_line(folder))
    y = _concatenated_labels(images, counts, owners) if owners else None
    notes += split_note + ((f"ignored, as not IDX: {name_list(ignored)}",) if ignored else ())
    n, first = len(x), sum(counts[path] for path in images[:trained])
    return RawData(x, y, torch.arange(first, n) if first < n else None, notes=notes)


def _split(folder: Path, images: list[Path], counts: Mapping[Path, int]) -> tuple[list[Path], int, tuple[str, ...]]:
    """The files of images in order, training ones first, and how many these are."""
    names = {path: idx_name(path) for path in images}
    parts = {name.part for name in names.values()}
    datasets = sorted({name.dataset for name in names.values()})
    if "" not in parts and len(datasets) > 1:
        raise ValueError(
            f"{one_line(folder)} holds IDX files of {len(datasets)} datasets ({name_list(images)}): put each dataset "
            "into a folder of its own, or name one file of images"
        )
    trained = sum(not name.is_held_out for name in names.values())
    if "" not in parts and 0 < trained < len(images):
        images = sorted(images, key=lambda path: names[path].is_held_out)
        return images, trained, (f"held out by their names: {name_list(images[trained:])}",)
    if not 1 <= len(images) <= 2:
        raise ValueError(
            f"{one_line(folder)} needs one or two IDX files of images, but has {name_list(images) or 'none'}: put each "
            "dataset into a folder of its own, or name one file of images"
        )
    images = sorted(images, key=lambda path: -counts[path])
    if len(images) == 2 and counts[images[0]] == counts[images[1]]:
        raise ValueError(
            f"{name_list(images)} hold {counts[images[0]]} images each, so it is unclear which to hold out: move one "
            "away, or call one train and the other test"
        )
    return images, 1, ()


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


def _owners(labels: Sequence[Path], images: Sequence[Path], counts: Mapping[Path, int]) -> dict[Path, Path]:
    """The label file of each file of images that has one; every label file must have its images."""
    owners: dict[Path, Path] = {}
    for path in labels:
        fitting = [file for file in images if counts[file] == counts[path]]
        if not fitting:
            raise ValueError(
                f"{one_line(path)} has {counts[path]} labels, but the images number "
                f"{' and '.join(str(counts[file]) for file in images)}: fetch it again, or move it away"
            )
        file = same_name(path, fitting) or fitting[0]
        if len(fitting) > 1 and same_name(path, fitting) is None:
            raise ValueError(
                f"{one_line(path)} has as many labels as {name_list(fitting)} have images: name it as its images, with "
                "'labels' in place of 'images'"
            )
        if file in owners:
            raise ValueError(f"{name_list([owners[file], path])} both have {counts[path]} labels: move one away")
        owners[file] = path
    return owners


def _concatenated(images: Sequence[Path]) -> Tensor:
    return torch.cat([read_idx(path) for path in images]) if len(images) > 1 else read_idx(images[0])


def _concatenated_labels(images: Sequence[Path], counts: Mapping[Path, int], owners: Mapping[Path, Path]) -> Tensor:
    return torch.cat(
        [
            read_idx(owners[path]).long() if path in owners else torch.full((counts[path],), -1, dtype=torch.int64)
            for path in images
        ]
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
