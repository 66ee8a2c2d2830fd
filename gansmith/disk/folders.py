"""Folders and files of a run: existing ones are never overwritten, and links inside a run are not followed."""

from __future__ import annotations

import itertools
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from gansmith.refusal import Refusal

LARGEST = 20_000_000  # bytes: the largest text file of a run; usual ones are a hundred times smaller


def folder_of(text: str) -> Path:
    """The path of an argument; a leading ``~/``, which no shell expands in ``--out=~/runs``, is the home folder."""
    return Path(text).expanduser() if text.startswith("~/") else Path(text)


def refuse_existing(path: Path, cure: str) -> None:
    """Raises an error if ``path`` exists.

    Arguments:
        path: where a new folder or file is to be made.
        cure: what the user should choose instead, for the message.

    Raises:
        Refusal: ``path`` exists, even if it is a broken link.
    """
    if os.path.lexists(path):
        raise Refusal(f"{path} exists and is never overwritten: choose another {cure}")


def make_folder(path: Path, cure: str) -> Path:
    """Makes a new folder and its parents.

    Raises:
        Refusal: it exists, or cannot be made.
    """
    refuse_existing(path, cure)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
    except OSError as error:
        refuse_existing(path, cure)  # another process has made it meanwhile
        raise _no_folder(path, error) from None
    return path


def make_numbered(folder: Path, stem: str) -> Path:
    """Makes the first folder of ``stem-1``, ``stem-2``, ... that does not exist; two processes get different ones.

    Raises:
        Refusal: no folder can be made.

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
    """A folder inside a run to write into; it is made if it does not exist.

    Raises:
        Refusal: it cannot be made, or its name belongs to a file or a link, even a link to a folder.
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
    """Opens a file of a run to read. Links are not followed and pipes do not block, since a run may be untrusted.

    Raises:
        Refusal: it is a link, a pipe, a device or a folder.
        OSError: it does not exist or cannot be read.
    """
    flags = [getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK")]
    refused = Refusal(f"{path} needs to be a file, but is a link, a folder or a device: put the file in its place")
    if path.is_symlink():
        raise refused
    handle = os.open(path, os.O_RDONLY | sum(flags))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise refused
    return os.fdopen(handle, "rb")


def read_file(path: Path, most: int = LARGEST) -> bytes:
    """The content of a file of a run, opened by :func:`open_file`.

    Raises:
        Refusal: it is not a regular file, or larger than ``most`` bytes.
        OSError: it does not exist or cannot be read.
    """
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise Refusal(f"{path} needs to have at most {most:,} bytes, but has more: gansmith did not write it")
    return content


def _no_folder(path: Path, error: OSError) -> Refusal:
    reason = "what is above it is a file" if isinstance(error, FileExistsError) else error.strerror
    return Refusal(f"cannot make the folder {path}: {reason}")
