"""What a source is, by its name or content, and who reads it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from gansmith.data.archive import is_npz, open_archive
from gansmith.data.classes import Classes, classes_of
from gansmith.data.digits import digits
from gansmith.data.downloads import DOWNLOADS, download
from gansmith.data.files import Kind, kind_of, printable, shown
from gansmith.data.fitting import Form, plan
from gansmith.data.found import Found
from gansmith.data.hub import PREFIX, read_hub
from gansmith.data.idx_images import idx_file, idx_folder
from gansmith.data.labels import read_labels
from gansmith.data.listing import Folder, Source, walk
from gansmith.data.mixtures import grid, ring
from gansmith.data.npz import read_npy, read_npz
from gansmith.data.pictures import read_pictures

NAMED: dict[str, Callable[[], Found]] = {
    "digits": digits,
    "ring": ring,
    "grid": grid,
    **{name: partial(download, name) for name in DOWNLOADS},
}
# Other files may be pictures too, but one that is not (a README at the top) has no say in what folders mean.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
LIMIT_SEED = 20141210  # constant: every run sees the same choice


@dataclass(frozen=True)
class Asked:
    """How a source is to be read, see `gansmith.data.load`."""

    form: Form
    labels: Path | None = None
    limit: int | None = None
    strict: bool = False


def is_named(source: str) -> bool:
    """Whether data are known by their name, and not by the place where they lie."""
    return source in NAMED or source.startswith(PREFIX)


def find(source: str, asked: Asked) -> Found:
    """Reads what a name or a path stands for.

    Raises:
        ValueError: it stands for nothing usable.
        OSError: it cannot be read.
    """
    if source in NAMED:
        return _of_arrays(NAMED[source](), asked)
    if source.startswith(PREFIX):
        held, classes = read_hub(source)
        return replace(_of_pictures(held, asked, classes), source=held.base)
    path = path_of(source)
    if source and path.is_dir():
        return _of_folder(path, asked)
    if source and path.is_file():
        return _of_file(path, asked)
    raise ValueError(_unknown(source, path))


def _of_file(path: Path, asked: Asked) -> Found:
    kind = kind_of(path)
    if kind is Kind.OTHER:
        return _of_pictures(Folder(str(path.absolute().parent), [path.name]), asked)
    if kind is Kind.ZIP and not is_npz(path):
        archive = open_archive(path)
        if not archive.names:
            raise ValueError(f"{shown(path)} holds no files: it is no .npz file of arrays and no archive of images")
        return _of_pictures(archive, asked)
    readers = {Kind.IDX: idx_file, Kind.NPY: read_npy, Kind.ZIP: read_npz}
    if kind not in readers:
        raise ValueError(f"{shown(path)} is no data: {kind.value}")
    return _of_arrays(readers[kind](path), asked)


def _of_folder(path: Path, asked: Asked) -> Found:
    folder = walk(str(path.absolute()))
    if not folder.names:
        reason = "".join(f" ({shown(name)}: {why})" for name, why in list(folder.unreadable.items())[:1])
        raise ValueError(f"{shown(path)} holds no files{reason}: name a folder of images")
    here = [path / name for name in folder.names if "/" not in name]
    if len(folder.names) == 1 and here and _is(Kind.ZIP, here[0]):
        raise ValueError(f"{shown(path)} holds one file, {shown(here[0].name)}: name the file itself")
    # IDX comes in a few files; a million pictures are not opened to see that they are none.
    if len(here) <= 64 and any(_is(Kind.IDX, file) for file in here):
        found, deeper = idx_folder(path), len(folder.names) - len(here)
        note = f"ignored, as IDX files lie above them: {deeper:,} files in sub-folders"
        return _of_arrays(replace(found, notes=(*found.notes, note)) if deeper else found, asked)
    return _of_pictures(folder, asked)


def _is(kind: Kind, path: Path) -> bool:
    with suppress(OSError):  # an unreadable file is named with the others that are skipped
        return kind_of(path) is kind
    return False


def _of_pictures(source: Source, asked: Asked, known: Classes | None = None) -> Found:
    """Chosen, decoded and labeled: by a file, by what is ``known`` of the source, or by folders."""
    names = source.names
    listed = [k for k in range(len(names)) if asked.labels is None or not _is_same(source, names[k], asked.labels)]
    tables = {k for k in listed if len(names) > 1 and names[k].rpartition("/")[2] == "dataset.json"}
    listed = [k for k in listed if k not in tables]
    if not listed:
        raise ValueError(f"{shown(source.base)} holds no images: name a folder, an archive or a dataset of images")
    chosen = [listed[k] for k in _choice(len(listed), asked.limit)]
    pictures = read_pictures(source, asked.form, chosen)
    found = pictures.found
    if asked.strict and pictures.skipped:
        raise ValueError(f"{found.notes[0]}: mend or remove them, or allow them to be skipped")
    classes = known.of(pictures.kept) if known else _of_folders(names, listed, pictures.kept)
    found = replace(
        found,
        held_out=torch.tensor(classes.held_out) if classes.held_out else None,
        notes=(
            *_limit_note(len(chosen), len(listed)),
            *found.notes,
            *(f"passed over {shown(names[k])}: name it as the labels to use those in it" for k in sorted(tables)[:1]),
            *classes.split_note,
            *_split_note(classes.held_out),
        ),
    )
    if asked.labels is not None:
        place = {k: row for row, k in enumerate(listed)}
        rows = torch.tensor([place[k] for k in pictures.kept])
        return _labeled(found, asked.labels, [names[k] for k in listed], rows)
    return replace(
        found,
        y=None if classes.labels is None else torch.tensor(classes.labels),
        class_names=tuple(printable(name) for name in classes.names),
        notes=(*found.notes, *classes.note),
    )


def _of_folders(names: Sequence[str], listed: Sequence[int], kept: Sequence[int]) -> Classes:
    """Of what was kept, as the whole listing says: neither a limit nor a broken file changes what a label means."""
    is_kept = set(kept)
    told = [k for k in listed if k in is_kept or names[k].lower().endswith(SUFFIXES)]
    return classes_of([names[k] for k in told]).of([row for row, k in enumerate(told) if k in is_kept])


def _split_note(held_out: Sequence[int] | None) -> tuple[str, ...]:
    is_lost = held_out is not None and not len(held_out)
    return ("none of these is among the chosen: a tenth of them is held out instead",) if is_lost else ()


def _is_same(source: Source, name: str, labels: Path) -> bool:
    return isinstance(source, Folder) and name.endswith(labels.name) and Path(source.base, name).samefile(labels)


def _of_arrays(found: Found, asked: Asked) -> Found:
    """Chosen, fitted and labeled."""
    n = len(found.x)
    rows = torch.tensor(_choice(n, asked.limit))
    if asked.labels is not None:
        found = _labeled(found, asked.labels, found.names, torch.arange(n))
    if len(rows) < n:
        held_out = None
        if found.held_out is not None:
            held_out = torch.isin(rows, found.held_out).nonzero().flatten()
            found = replace(found, notes=(*found.notes, *_split_note(held_out.tolist())))
            held_out = held_out if len(held_out) else None
        y = None if found.y is None else found.y[rows]
        notes = (*_limit_note(len(rows), n), *found.notes)
        found = replace(found, x=found.x[rows], y=y, held_out=held_out, notes=notes)
    if found.x.ndim != 4:
        return found
    form, shape = asked.form, found.x.shape
    fit = plan([(shape[2], shape[3])], form.size, form.content, form.crop, form.largest)
    x = fit.stack(found.x, form.channels or shape[1])
    notes = (*found.notes, *fit.note, *fit.enlarged([(shape[2], shape[3])] * shape[0]))
    return replace(found, x=x, content=fit.content, notes=notes)


def _labeled(found: Found, path: Path, names: Sequence[str], rows: Tensor) -> Found:
    """With labels from a file, which speaks of all that was listed: samples are ``rows`` of that."""
    try:
        y, class_names, notes = read_labels(path, names, len(names) or len(rows))
    except OSError as error:
        raise ValueError(f"cannot read {shown(path)}: {shown(error.strerror or error)}") from error
    return replace(found, y=y[rows], class_names=class_names, notes=(*found.notes, *notes))


def _choice(n: int, limit: int | None) -> Sequence[int]:
    """Which of n samples: a fixed choice at random, in order."""
    if limit is None or limit >= n:
        return range(n)
    generator = torch.Generator().manual_seed(LIMIT_SEED)
    return torch.randperm(n, generator=generator)[:limit].sort().values.tolist()


def _limit_note(count: int, n: int) -> tuple[str, ...]:
    return (f"{count:,} of {n:,} samples, a fixed choice",) if count < n else ()


def path_of(source: str) -> Path:
    """A path as it was typed; a tilde that no shell expanded is the home folder."""
    # A flag such as --data=~/photos reaches us with the tilde; "~name" may be a file.
    return Path(source).expanduser() if source.startswith("~/") else Path(source)


def _unknown(source: str, path: Path) -> str:
    if source and path.exists():
        return f"{shown(source)} is neither a regular file nor a folder"
    near = difflib.get_close_matches(source, NAMED, n=1)
    cure = f"did you mean {near[0]}?" if near else f"use {', '.join(NAMED)}, or the path of your data"
    return f"no data named '{shown(source)}', and no such file or folder: {cure}"
