"""Making new folders: never over something that is there, and one for each of two processes that start at once."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

from gansmith.refusal import Refusal


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


def _no_folder(path: Path, error: OSError) -> Refusal:
    reason = "what is above it is a file" if isinstance(error, FileExistsError) else error.strerror
    return Refusal(f"cannot make the folder {path}: {reason}")
