"""Writing a file in one step: it is complete or missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gansmith.disk.parts import held


@contextmanager
def atomic(path: Path, *, new: bool = False) -> Iterator[BinaryIO]:
    """Opens a temporary file to write, which replaces ``path`` in one step at the end, if nothing failed.

    The temporary file has a random name in the same folder, and is locked to the end (:mod:`gansmith.disk.parts`). A
    link at ``path`` is replaced, not followed. A process that opens ``path`` gets the old content or the new content.

    Arguments:
        path: the file to write.
        new: whether an existing file is an error, even if it is a broken link.

    Raises:
        FileExistsError: ``path`` exists, and ``new`` is set.
        OSError: it cannot be written; an existing file stays as it is.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic(Path(folder) / "one") as file:
        ...         _ = file.write(b"whole")
        ...     [(file.name, file.read_bytes()) for file in Path(folder).iterdir()]
        [('one', b'whole')]
    """
    with held(path) as (part, file):
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()
        if new:
            _link_new(part, path)
        else:
            part.replace(path)


def _link_new(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: for a moment the file is empty
        path.open("xb").close()
        part.replace(path)
