"""Recognizes files by their content, lists folders, and formats file names for messages."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from gansmith.data.unpacked import DamagedGzip, open_gzip

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # error numbers of a full disk
IDX_TYPES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


class Kind(Enum):
    """The type of a file by its first bytes; of a gzip file, by the first bytes of its content."""

    IDX = "IDX"
    DAMAGED_GZIP = "damaged gzip"
    GZIP = "gzip without IDX inside: unpack it"
    ZIP = "zip"
    NPY = ".npy"
    TAR = ".tar"
    OTHER = "other"


def kind_of(path: Path) -> Kind:
    """Recognizes a file by its content, whatever its name.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(6)
        file.seek(257)
        is_tar = file.read(5) == b"ustar"
    head = start[:4]
    if head[:2] == b"\x1f\x8b":
        try:
            with open_gzip(path) as unpacked:
                return Kind.IDX if _is_idx(unpacked.read(4)) else Kind.GZIP
        except DamagedGzip:
            return Kind.DAMAGED_GZIP
    if head in (b"PK\x03\x04", b"PK\x05\x06"):
        return Kind.ZIP
    if start == b"\x93NUMPY":
        return Kind.NPY
    if is_tar:
        return Kind.TAR
    return Kind.IDX if _is_idx(head) else Kind.OTHER


def _is_idx(head: bytes) -> bool:
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in IDX_TYPES and 1 <= head[3] <= 8


def files_in(folder: Path) -> list[Path]:
    """The regular files of a folder, sorted by name, without hidden files and without sub-folders."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())


def name_list(paths: Sequence[Path]) -> str:
    """The names of at most five of the files, for a message."""
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(one_line(path.name) for path in paths[:5]) + more


def one_line(name: object) -> str:
    """Text for a message: unprintable characters, such as line breaks, become question marks."""
    return "".join(c if c.isprintable() else "?" for c in str(name))


def encodable(name: str) -> str:
    """A name that can be written as UTF-8: characters that cannot be encoded become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")
