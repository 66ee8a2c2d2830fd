"""Reads a gzip file that may come from anywhere: a stretch of it that holds no data is damage, however long it is."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

PIECE = 1 << 15  # bytes that are read, or unpacked, at a time
MOST_WITHOUT_DATA = 1 << 20  # bytes of headers, of empty members and blocks, or of zeros behind the last member
MOST_MEMBERS = 200_000  # 8 GiB in block gzip, whose members hold 64 KiB, are 131,072
GZIP = 16 + zlib.MAX_WBITS  # zlib's number for a stream with gzip's header and checksum


class DamagedGzip(ValueError):  # noqa: N818 (what it is)
    """The file is no sound gzip file; says why."""


def open_gzip(path: Path) -> io.BufferedReader:
    """The content of a gzip file, unpacked as it is read; closing it closes the file.

    A header's name may have no end, and a file may be made of empty members: then there would be much to read and
    nothing to get. So at most 1 MiB may lie between two bytes of content, and a file has at most 200,000 members.

    Raises:
        OSError: the file cannot be read.
        DamagedGzip: when it is read: it is truncated, a checksum is wrong, or it is no gzip file.

    Example:
        >>> import gzip, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "a.gz"
        ...     _ = path.write_bytes(gzip.compress(b"first, ") + gzip.compress(b"second"))
        ...     with open_gzip(path) as file:
        ...         file.read()
        b'first, second'
    """
    return io.BufferedReader(_Unpacked(path), PIECE)


class _Unpacked(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        self.packed = path.open("rb", buffering=0)
        self.member, self.members, self.rest = zlib.decompressobj(GZIP), 1, b""
        self.without_data = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not len(buffer):
            return 0
        try:
            content = self._next(min(len(buffer), PIECE))
        except zlib.error as error:
            raise DamagedGzip(str(error)) from None
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self.packed.close()
        super().close()

    def _next(self, most: int) -> bytes:
        """Some bytes of content; none at the end."""
        while True:
            piece = self.rest or self.packed.read(PIECE)
            if self.member.eof:
                self.rest = piece.lstrip(b"\0")  # gzip pads with zeros
                self.without_data += len(piece) - len(self.rest)
                if self.rest:
                    self._begin()
                elif not piece:
                    return b""
            elif not piece:
                raise DamagedGzip("it ends in the middle")
            else:
                content = self.member.decompress(piece, most)
                self.rest = self.member.unconsumed_tail or self.member.unused_data
                self.without_data += len(piece) - len(self.rest)
                if content:
                    self.without_data = 0
                    return content
            if self.without_data > MOST_WITHOUT_DATA:
                raise DamagedGzip(f"{MOST_WITHOUT_DATA >> 20} MiB of it hold no data")

    def _begin(self) -> None:
        self.member, self.members = zlib.decompressobj(GZIP), self.members + 1
        if self.members > MOST_MEMBERS:
            raise DamagedGzip(f"it has more than {MOST_MEMBERS:,} members")
