"""Finds the reader of a source by its name or content, and applies limit, labels and size."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from gansmith.counting import counted
from gansmith.data.archive import is_npz, open_archive
from gansmith.data.classes import SUFFIXES, Classes, classes_of
from gansmith.data.digits import digits
from gansmith.data.files import Kind, encodable, kind_of, one_line
from gansmith.data.found_labels import STYLEGAN, Found, found_labels
from gansmith.data.hub import PREFIX, read_hub
from gansmith.data.idx_images import idx_file, idx_folder
from gansmith.data.label_file import LabelFile
from gansmith.data.label_values import Labels
from gansmith.data.labels import read_labels
from gansmith.data.limits import choice, limit_note
from gansmith.data.listing import Folder, Source, walk
from gansmith.data.mixtures import grid, ring
from gansmith.data.npz import read_npy, read_npz
from gansmith.data.number_tables import is_number_table, read_number_table
from gansmith.data.pictures import read_pictures
from gansmith.data.public_datasets import PUBLIC_DATASETS, read_public_dataset
from gansmith.data.raw_data import RawData
from gansmith.data.resizing import ImageOptions, plan
from gansmith.data.tar import open_tar
from gansmith.data.value_range import MASK, Ranges, mask_range, narrow_note, shallow_of, table

NAMED: dict[str, Callable[[], RawData]] = {
    "digits": digits,
    "ring": ring,
    "grid": grid,
    **{name: partial(read_public_dataset, name) for name in PUBLIC_DATASETS},
}


@dataclass(frozen=True)
class Request:
    """Arguments for reading a source, see `gansmith.data.load`."""

    options: ImageOptions
    labels: LabelFile | None = None
    limit: int | None = None
    strict: bool = False
    label_column: str | None = None


def is_named(source: str) -> bool:
    """Whether a source is a name, and not a path."""
    return source in NAMED or source.startswith(PREFIX)


def read_source(source: str, request: Request) -> RawData:
    """Reads a source, which is a name or a path.

    Raises:
        ValueError: no such source, or it has no usable data.
        OSError: it cannot be read.
    """
    if source in NAMED:
        return _from_arrays(NAMED[source](), request)
    if source.startswith(PREFIX):
        images, classes = read_hub(source)
        return replace(_from_files(images, request, classes), source=images.base)
    path = path_of(source)
    if source and path.is_dir():
        return _read_folder(path, request)
    if source and path.is_file():
        return _read_file(path, request)
    raise ValueError(_unknown_source(source, path))


def _read_file(path: Path, request: Request) -> RawData:
    kind = kind_of(path)
    if kind is Kind.OTHER and is_number_table(path):
        if request.labels is not None:
            return _from_arrays(read_number_table(path, None), request)
        return _from_arrays(read_number_table(path, request.label_column), replace(request, label_column=None))
    if kind is Kind.OTHER:
        return _from_files(Folder(str(path.absolute().parent), [path.name]), request)
    if kind is Kind.TAR or (kind is Kind.ZIP and not is_npz(path)):
        raw = _from_files(_archive(kind, path), request)
        note = ("read in place: the .tar is not unpacked",) if kind is Kind.TAR else ()
        return replace(raw, notes=(*raw.notes, *note))
    wanted = request.options.value_range or request.options.deep_range
    readers: dict[Kind, Callable[[Path], RawData]] = {
        Kind.IDX: idx_file,
        Kind.NPY: partial(read_npy, wanted=wanted),
        Kind.ZIP: partial(read_npz, wanted=wanted),
    }
    if kind not in readers:
        raise ValueError(f"{one_line(path)} is no data: {kind.value}")
    return _from_arrays(readers[kind](path), request)


def _archive(kind: Kind, path: Path) -> Source:
    archive: Source = open_tar(path) if kind is Kind.TAR else open_archive(path)
    if not archive.names:
        raise ValueError(f"{one_line(path)} holds no files: it is no .npz file of arrays and no archive of images")
    return archive


def _read_folder(path: Path, request: Request) -> RawData:
    folder = walk(str(path.absolute()))
    if not folder.names:
        reason = "".join(f" ({one_line(name)}: {why})" for name, why in list(folder.unreadable.items())[:1])
        raise ValueError(f"{one_line(path)} holds no files{reason}: name a folder of images")
    top = [path / name for name in folder.names if "/" not in name]
    if len(folder.names) == 1 and top and _has_kind(Kind.ZIP, top[0]):
        raise ValueError(f"{one_line(path)} holds one file, {one_line(top[0].name)}: name the file itself")
    # A dataset in IDX has few files; do not open a million images to look for IDX.
    if len(top) <= 64 and any(_has_kind(Kind.IDX, file) for file in top):
        raw, deeper = idx_folder(path), len(folder.names) - len(top)
        note = f"ignored, as IDX files lie above them: {counted(deeper, 'file')} in sub-folders"
        return _from_arrays(replace(raw, notes=(*raw.notes, note)) if deeper else raw, request)
    # Neither look for it among pictures.
    if len(folder.names) <= 64 and not any(name.lower().endswith(SUFFIXES) for name in folder.names):
        inner = sorted({name.rpartition("/")[0] for name in folder.names if _has_kind(Kind.IDX, path / name)})
        if len(inner) > 1:
            listed = one_line(", ".join(inner[:5]))
            raise ValueError(f"{one_line(path)} holds IDX files in sub-folders {listed}: name one of them")
        if inner:
            raw = _read_folder(path / inner[0], request)
            return replace(raw, notes=(*raw.notes, f"read from its sub-folder {one_line(inner[0])}"))
    return _from_files(folder, request)


def _has_kind(kind: Kind, path: Path) -> bool:
    with suppress(OSError):  # an unreadable file is skipped later, with a note
        return kind_of(path) is kind
    return False


def _from_files(source: Source, request: Request, source_classes: Classes | None = None) -> RawData:
    """Decodes image files within the limit, with labels from a file, from ``source_classes`` or from folders."""
    names, file = source.names, request.labels
    candidates = [
        k
        for k, name in enumerate(names)
        if (file is None or not file.is_in(source, name)) and (len(names) == 1 or name.rpartition("/")[2] != STYLEGAN)
    ]
    if not candidates:
        raise ValueError(f"{one_line(source.base)} holds no images: name a folder, an archive or a dataset of images")
    labels = _labels_of_files(source, candidates, request, source_classes is not None)
    candidates = [k for k in candidates if k != labels.file]
    place = {k: row for row, k in enumerate(candidates)}
    selected = [candidates[k] for k in choice(len(candidates), request.limit)]
    decoded = read_pictures(source, request.options, selected, request.limit)
    raw = decoded.data
    if request.strict and raw.skipped:
        note = next(note for note in raw.notes if note.startswith("skipped"))
        raise ValueError(f"{note}: repair or remove them, or allow them to be skipped")
    classes = (
        source_classes.of(decoded.indices) if source_classes else _folder_classes(names, candidates, decoded.indices)
    )
    raw = replace(
        raw,
        held_out=torch.tensor(classes.held_out) if classes.held_out else None,
        notes=(
            *limit_note(len(selected), len(candidates)),
            *raw.notes,
            *classes.split_note,
            *_split_note(classes.held_out),
            *labels.notes,
        ),
    )
    if labels.labels is not None:
        return _labeled(raw, labels.labels, [place[k] for k in decoded.indices])
    return replace(
        raw,
        y=None if classes.labels is None else torch.tensor(classes.labels),
        class_names=tuple(encodable(name) for name in classes.names),
        notes=(*raw.notes, *classes.note),
    )


def _labels_of_files(source: Source, candidates: Sequence[int], request: Request, has_own: bool) -> Found:
    """Labels of the candidates from the file that the user names, or from one that lies among them."""
    names = [source.names[k] for k in candidates]
    if request.labels is not None:
        return Found(_read_labels(request, names, len(names), request.labels.folder_in(source)))
    if has_own and request.label_column is not None:
        raise ValueError(f"{one_line(source.base)} has labels of its own: leave --label-column out")
    if has_own:
        return Found()

    def has_classes() -> bool:
        return classes_of([name for name in names if name.lower().endswith(SUFFIXES)]).labels is not None

    found = found_labels(source, names, has_classes, request.label_column)
    if found.labels is None and request.label_column is not None:
        reason = f" ({found.notes[-1]})" if found.notes else ""
        raise ValueError(f"needs a table for the column {one_line(request.label_column)}: name it by --labels{reason}")
    return found


def _folder_classes(names: Sequence[str], candidates: Sequence[int], indices: Sequence[int]) -> Classes:
    """Classes of the decoded files, by the folders of all files: a limit or a broken file does not renumber them."""
    decoded = set(indices)
    informative = [k for k in candidates if k in decoded or names[k].lower().endswith(SUFFIXES)]
    place = {k: row for row, k in enumerate(informative)}
    return classes_of([names[k] for k in informative]).of([place[k] for k in indices])


def _split_note(held_out: Sequence[int] | None) -> tuple[str, ...]:
    is_empty = held_out is not None and not len(held_out)
    return ("none of these is within the limit: a tenth of the samples is held out instead",) if is_empty else ()


def _from_arrays(raw: RawData, request: Request) -> RawData:
    """Applies labels, limit and size to samples in memory."""
    n = len(raw.x)
    rows = torch.tensor(choice(n, request.limit))
    if request.labels is not None:
        raw = _labeled(raw, _read_labels(request, raw.names, n), range(n))
    elif request.label_column is not None:
        raise ValueError("needs a table of labels for --label-column: name it by --labels")
    if len(rows) < n:
        held_out = None
        if raw.held_out is not None:
            held_out = torch.isin(rows, raw.held_out).nonzero().flatten()
            raw = replace(raw, notes=(*raw.notes, *_split_note(held_out.tolist())))
            held_out = held_out if len(held_out) else None
        y = None if raw.y is None else raw.y[rows]
        notes = (*limit_note(len(rows), n), *raw.notes)
        raw = replace(raw, x=raw.x[rows], y=y, held_out=held_out, notes=notes)
    if raw.x.ndim != 4:
        return raw
    options, shape = request.options, raw.x.shape
    raw = _spread(raw, options)
    fit = plan([(shape[2], shape[3])], options.size, options.content, options.crop, options.largest)
    x = fit.stack(raw.x, options.channels or shape[1])
    notes = (*raw.notes, *fit.note, *fit.enlarged([(shape[2], shape[3])] * shape[0]))
    return replace(raw, x=x, content=fit.content, notes=notes)


def _spread(raw: RawData, options: ImageOptions) -> RawData:
    """Arrays of bytes: by the range that is asked for; or masks of 0 and 1, whose 1 becomes 255."""
    if raw.deep_range is not None or not len(raw.x):
        return raw
    found = mask_range(int(raw.x.max())) if options.masks else None
    ranges = Ranges(shallow_of(options.value_range) or found)
    if ranges.shallow is not None:
        values, x = torch.tensor(table(ranges.shallow), dtype=torch.uint8), torch.empty_like(raw.x)
        for row, image in enumerate(raw.x):  # one at a time: positions take eight times the room of bytes
            x[row] = values[image.long()]
        raw = replace(raw, x=x, masks=ranges.shallow == MASK)
    brightest = raw.x.flatten(1).amax(1).numpy()
    return replace(raw, notes=(*raw.notes, *narrow_note(brightest, ranges)))


def _read_labels(request: Request, names: Sequence[str], n: int, folder: str = "") -> Labels:
    assert request.labels is not None
    try:
        return read_labels(request.labels, names, n, column=request.label_column, folder=folder)
    except OSError as error:
        raise ValueError(f"cannot read {request.labels.place}: {one_line(error.strerror or error)}") from error


def _labeled(raw: RawData, labels: Labels, rows: Sequence[int]) -> RawData:
    """Adds labels; the samples are ``rows`` of these."""
    y = labels.y[torch.tensor(rows)]
    class_names = tuple(encodable(name) for name in labels.class_names)
    return replace(raw, y=y, class_names=class_names, notes=(*raw.notes, *labels.notes))


def path_of(source: str) -> Path:
    """The path of a source; a leading ``~/`` is the home folder."""
    # No shell expands the tilde in --data=~/photos; "~name" may be a file.
    return Path(source).expanduser() if source.startswith("~/") else Path(source)


def _unknown_source(source: str, path: Path) -> str:
    if source and path.exists():
        return f"{one_line(source)} is neither a regular file nor a folder"
    near = difflib.get_close_matches(source, NAMED, n=1)
    cure = f"did you mean {near[0]}?" if near else f"use {', '.join(NAMED)}, or the path of your data"
    return f"no data named '{one_line(source)}', and no such file or folder: {cure}"
