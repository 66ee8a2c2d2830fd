"""Folders and files of a run: new ones are never made over others, and links in it are not followed."""

from __future__ import annotations

import itertools
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from gansmith.refusal import Refusal

LARGEST = 20_000_000  # bytes of a run's text file; ours are a hundredth of it


def folder_of(text: str) -> Path:
    """A path as it was typed; a tilde that no shell expanded (as in ``--out=~/runs``) is the home folder."""
    return Path(text).expanduser() if text.startswith("~/") else Path(text)


def refuse_existing(path: Path, cure: str) -> None:
    """
    Raises:
        Refusal: there is something of that name, and be it a link to nowhere.
    """
    if os.path.lexists(path):
        raise Refusal(f"{path} exists and is never overwritten: choose another {cure}")


def make_folder(path: Path, cure: str) -> Path:
    """Makes a new folder, and what is above it.

    Raises:
        Refusal: it exists, or cannot be made.
    """
    refuse_existing(path, cure)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
    except OSError as error:
        refuse_existing(path, cure)  # somebody was faster
        raise _no_folder(path, error) from None
    return path


def make_numbered(folder: Path, stem: str) -> Path:
    """Makes the first of ``stem-1``, ``stem-2``, ... that is not there; of two processes each gets its own.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as where:
        ...     [make_numbered(Path(where), "a run").name for _ in range(2)]
        ['a-run-1', 'a-run-2']
    """
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.") or "run"
    for number in itertools.count(1):
        path = folder / f"{stem}-{number}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.mkdir()
            return path
        except OSError as error:
            if not os.path.lexists(path):
                raise _no_folder(path, error) from None
    raise AssertionError("numbers do not end")


def sub_folder(run: Path, name: str) -> Path:
    """A folder of a run to write into: made, or there already.

    Raises:
        Refusal: it cannot be made, or something else has its name, and be it a link to a folder.
    """
    path = run / name
    try:
        with suppress(FileExistsError):
            path.mkdir()
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise Refusal(f"{path} needs to be a folder, but is a link or a file: move it away")
    except OSError as error:
        raise _no_folder(path, error) from None
    return path


def open_file(path: Path) -> BinaryIO:
    """A file of a run, which may come from anywhere, to read: a link is not followed, and a pipe not waited for.

    Raises:
        Refusal: it is a link, a pipe, a device or a folder.
        OSError: it is not there, or cannot be read.
    """
    flags = [getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK")]
    refused = Refusal(f"{path} needs to be a file, but is a link or a folder, say: put the file in its place")
    if path.is_symlink():
        raise refused
    handle = os.open(path, os.O_RDONLY | sum(flags))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise refused
    return os.fdopen(handle, "rb")


def read_file(path: Path, most: int = LARGEST) -> bytes:
    """The content of a file of a run, as :func:`open_file` opens it.

    Raises:
        Refusal: it is no file, or larger than ``most`` bytes.
        OSError: it is not there, or cannot be read.
    """
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise Refusal(f"{path} needs to have at most {most:,} bytes, but has more: it is none of ours")
    return content


def _no_folder(path: Path, error: OSError) -> Refusal:
    reason = "what is above it is a file" if isinstance(error, FileExistsError) else error.strerror
    return Refusal(f"cannot make the folder {path}: {reason}")
