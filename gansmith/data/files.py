"""What a file is, by its content; which files a folder holds; how a name is shown."""

from __future__ import annotations

import errno
import gzip
import zlib
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # errors of a disk that takes no more
IDX_TYPES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


class Kind(Enum):
    """What the first bytes of a file say, through gzip where it is compressed."""

    IDX = "IDX"
    DAMAGED_GZIP = "damaged gzip"
    GZIP = "gzip without IDX inside"
    ZIP = "zip"
    NPY = ".npy"
    OTHER = "other"


def kind_of(path: Path) -> Kind:
    """Recognizes a file by its content, whatever its name.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(6)
    head = start[:4]
    if head[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as unpacked:
                return Kind.IDX if _is_idx(unpacked.read(4)) else Kind.GZIP
        except (EOFError, gzip.BadGzipFile, zlib.error):
            return Kind.DAMAGED_GZIP
    if head in (b"PK\x03\x04", b"PK\x05\x06"):
        return Kind.ZIP
    if start == b"\x93NUMPY":
        return Kind.NPY
    return Kind.IDX if _is_idx(head) else Kind.OTHER


def _is_idx(head: bytes) -> bool:
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in IDX_TYPES and 1 <= head[3] <= 8


def files_in(folder: Path) -> list[Path]:
    """The regular files of a folder by name, hidden ones left out; sub-folders are not entered."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())


def listed(paths: Sequence[Path]) -> str:
    """The names of files for a message, five of them at most."""
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(shown(path.name) for path in paths[:5]) + more


def shown(name: object) -> str:
    """A name for a message: on one line, whatever characters it has."""
    return "".join(c if c.isprintable() else "?" for c in str(name))


def printable(name: str) -> str:
    """A name that can be written in any file: what is of no encoding becomes question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")
