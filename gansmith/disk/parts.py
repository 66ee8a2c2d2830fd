"""Temporary files, called parts: known as ours by their names, and left alone while their writers live."""

from __future__ import annotations

import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

DAY = 24 * 60 * 60  # seconds: where there are no locks, no writer takes longer
TRIES = 10
_NAME = re.compile(r"\.gansmith-[0-9a-f]{16}\.part")
_FLAGS = sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))


def beside(path: Path) -> Path:
    """A new name of a part, in the folder of ``path``."""
    return path.with_name(f".gansmith-{secrets.token_hex(8)}.part")


@contextmanager
def held(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A part beside ``path``, open to write. At the end it is removed, unless it was renamed.

    To the end, even after the file is closed, it is locked: :func:`remove_parts` of another process leaves it. The
    system drops the lock when this process dies.

    Raises:
        OSError: it cannot be made.
    """
    for tries in range(TRIES):  # a cleaner may have taken it in the moment before it was locked
        with _made(beside(path)) as (part, file, ours):
            if ours or tries == TRIES - 1:
                yield part, file
                return


@contextmanager
def _made(part: Path) -> Iterator[tuple[Path, BinaryIO, bool]]:
    lock = None
    try:
        with part.open("xb") as file:
            locked = _lock(file.fileno())
            if locked:
                lock = os.dup(file.fileno())  # the lock is held until both are closed
            yield part, file, locked is not False and part.exists()
    finally:
        part.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def remove_parts(folder: Path) -> None:
    """Removes the parts that killed writers left in a folder and in those in it; parts of living writers stay.

    Where the file system has no locks, nobody can tell whether a writer lives: parts younger than a day stay. What
    cannot be removed stays, too.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / ".gansmith-0123456789abcdef.part").touch()
        ...     remove_parts(Path(folder))
        ...     list(Path(folder).iterdir())
        []
    """
    for place in (folder, *(below for below in folder.iterdir() if below.is_dir() and not below.is_symlink())):
        for part in place.glob(".gansmith-*.part"):
            if _NAME.fullmatch(part.name):
                with suppress(OSError):
                    _remove_left(part)


def _remove_left(part: Path) -> None:
    about, dead = part.lstat(), None
    if not stat.S_ISREG(about.st_mode):
        return
    with suppress(PermissionError):
        handle = os.open(part, os.O_RDWR | _FLAGS)  # to write: network file systems lock nothing else
        try:
            dead = _lock(handle)
            if dead:
                part.unlink(missing_ok=True)  # under the lock: a writer that has just begun sees it, and begins again
        finally:
            os.close(handle)
    if dead is None and time.time() - about.st_mtime > DAY:
        part.unlink(missing_ok=True)


def _lock(handle: int) -> bool | None:
    """Whether this process has the lock of a file now; None where there are no locks."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return None
    return True
