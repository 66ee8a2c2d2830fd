"""Files that are whole or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic(path: Path, *, new: bool = False) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` in one step, at the end and where nothing failed.

    Until then it has a name in the same folder that nobody can foresee: a link that lies there is not followed, and a
    link at ``path`` is replaced, not what it leads to. Whoever opens ``path`` finds the old content or the new one.

    Arguments:
        path: where to.
        new: whether to leave what is there, and be it a link to nowhere.

    Raises:
        FileExistsError: there is something, and ``new`` was asked for.
        OSError: it cannot be written; what was there stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic(Path(folder) / "one") as file:
        ...         _ = file.write(b"whole")
        ...     [(file.name, file.read_bytes()) for file in Path(folder).iterdir()]
        [('one', b'whole')]
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if new:
            _put(part, path)
        else:
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _put(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: for a moment an empty file has the name
        path.open("xb").close()
        part.replace(path)
