"""From a name or a path to a dataset."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from pathlib import Path

from gansmith.data.dataset import Dataset, assemble
from gansmith.data.digits import digits
from gansmith.data.files import Kind, files_in, kind_of, shown
from gansmith.data.fitting import Form, check_size, plan
from gansmith.data.found import Found
from gansmith.data.idx_images import idx_file, idx_folder
from gansmith.data.mixtures import grid, ring
from gansmith.data.npz import read_npz
from gansmith.data.pictures import read_pictures

BUILT_IN = {"digits": digits, "ring": ring, "grid": grid}


def load(
    source: str, size: int | None = None, channels: int | None = None, content: tuple[int, int] | None = None
) -> Dataset:
    """Loads images or vectors.

    Arguments:
        source: ``digits`` (1,797 scans of 8x8 pixels), ``ring`` or ``grid`` (100,000 points in the plane),
            or a path: an IDX file (compressed or not) or a folder of them, an .npz file with one array (and
            labels at most), a folder of PNG or JPEG files, or one image. Files are recognized by their
            content. A built-in name wins over a path; write ``./digits`` for the path.
        size: side of the images in pixels, 8, 16, 32, 64 or 128; by default the median shorter side, up to
            the next of these. Squares of one side are padded where ``size`` is the next power of two (28 to
            32, see `Dataset.content`); other images are cut to their center square and resized.
        channels: 1 for gray, 3 for color; by default what the images have, color if any is.
        content: the square inside a centered padding that images are to fill, as `Dataset.content` of other data.

    Returns:
        A `Dataset`; its split is the same for every seed.

    Raises:
        ValueError: no such source; nothing usable in it; damaged or ambiguous files; an impossible size.

    Example:
        >>> load("digits", size=16, channels=3).shape
        (3, 16, 16)
        >>> load("rnig")
        Traceback (most recent call last):
            ...
        ValueError: no data named 'rnig', and no such file or folder: did you mean ring?
    """
    if size is not None:
        check_size(size)
    if channels not in (None, 1, 3):
        raise ValueError(f"needs 1 or 3 channels, but got {channels}")
    try:
        found = _find(source, Form(size, channels, None if content is None else content[0]))
    except OSError as error:
        raise ValueError(f"cannot read {shown(source)}: {shown(error.strerror or error)}") from error
    if found.x.ndim != 4 and (size is not None or channels is not None):
        raise ValueError(f"{shown(source)} holds vectors, which have neither size nor channels: leave them out")
    return assemble(found, _name(source), source)


def _find(source: str, form: Form) -> Found:
    if source in BUILT_IN:
        return _fitted(BUILT_IN[source](), form)
    path = _path(source)
    if source and path.is_dir():
        files = files_in(path)
        if not files:
            raise ValueError(f"{shown(source)} holds no files (sub-folders are not entered): name a folder of images")
        if any(kind_of(file) is Kind.IDX for file in files):
            return _fitted(idx_folder(path), form)
        found = read_pictures(files, form)
        folders = sum(p.is_dir() and not p.name.startswith(".") for p in path.iterdir())
        return replace(found, notes=(*found.notes, f"sub-folders are not entered: {folders}")) if folders else found
    if not source or not path.is_file():
        raise ValueError(_unknown(source, path))
    kind = kind_of(path)
    if kind is Kind.IDX:
        return _fitted(idx_file(path), form)
    if kind is Kind.ZIP:
        return _fitted(read_npz(path), form)
    if kind is not Kind.OTHER:
        raise ValueError(f"{shown(source)} is no data: {kind.value}")
    return read_pictures([path], form)


def _path(source: str) -> Path:
    # A flag such as --data=~/photos reaches us with the tilde; "~name" may be a file.
    return Path(source).expanduser() if source.startswith("~/") else Path(source)


def _fitted(found: Found, form: Form) -> Found:
    if found.x.ndim != 4:
        return found
    height, width = found.x.shape[2:]
    fit = plan([(height, width)], form.size, form.content)
    return Found(
        fit.stack(found.x, form.channels or found.x.shape[1]),
        found.y,
        found.held_out,
        fit.content,
        found.names,
        (*found.notes, *fit.note),
    )


def _unknown(source: str, path: Path) -> str:
    if source and path.exists():
        return f"{shown(source)} is neither a regular file nor a folder"
    near = difflib.get_close_matches(source, BUILT_IN, n=1)
    cure = f"did you mean {near[0]}?" if near else f"use {', '.join(BUILT_IN)}, or the path of your data"
    return f"no data named '{shown(source)}', and no such file or folder: {cure}"


def _name(source: str) -> str:
    name = Path(source).name
    if not name.strip("."):  # "." and ".." are names of places
        name = _path(source).resolve().name
    name = re.sub(r"\.(gz|npz|png|jpe?g|zip)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:40] or "data"
