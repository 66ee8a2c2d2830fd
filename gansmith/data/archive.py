"""A .zip of files, read entry by entry, never unpacked to disk. Archives that are too large or unsafe are refused."""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, BinaryIO

from gansmith.data.files import one_line
from gansmith.data.listing import stamp_of
from gansmith.data.packing import DEFLATE_RATIO

LIMIT = 32 << 30  # bytes: the most that all entries together may unpack to
ENTRY_LIMIT = 512 << 20  # bytes: the most that one entry may unpack to
DIRECTORY_LIMIT = 128 << 20  # bytes of the list of entries (over a million entries), which is read into memory
ENCRYPTED = 0x1  # a bit of the entry's flags
LOCAL = struct.Struct("<4s5H3L2H")  # an entry's own header


@dataclass(frozen=True)
class Archive:
    """Files in the .zip at ``base``; ``places`` has five numbers for each file: the arguments of `read_entry`."""

    base: str
    names: Sequence[str]
    places: array[int]
    changed: tuple[int, ...]
    unreadable: dict[str, str] = field(default_factory=dict)
    chunk: int = 128

    def location(self, index: int) -> list[int]:
        return self.places[5 * index : 5 * index + 5].tolist()

    def stamp(self, index: int) -> tuple[int, ...]:
        return self.location(index)[4], *self.changed

    def size(self, index: int) -> int:
        """How many bytes file ``index`` unpacks to, as the archive states."""
        return self.location(index)[2]

    def read(self, index: int) -> bytes:
        """The content of file ``index``; errors as of `read_entry`."""
        with Path(self.base).open("rb") as file:
            return _unpacked(file, *self.location(index))


def read_entry(path: str, offset: int, packed: int, size: int, method: int, checksum: int) -> bytes:
    """The bytes of one entry. No more bytes are unpacked than the archive's directory states.

    Arguments:
        path: the archive.
        offset: where the entry's own header starts.
        packed: compressed size in bytes.
        size: unpacked size in bytes.
        method: of compression, stored or deflate, as `zipfile` numbers them.
        checksum: CRC-32 of the unpacked bytes.

    Raises:
        ValueError: the content does not match the stated size or checksum.
        OSError: the file cannot be read.
    """
    return _unpacked(_open(path), offset, packed, size, method, checksum)


def _unpacked(file: IO[bytes], offset: int, packed: int, size: int, method: int, checksum: int) -> bytes:
    file.seek(offset)
    header = file.read(LOCAL.size)
    if len(header) < LOCAL.size or header[:4] != b"PK\x03\x04":
        raise ValueError("damaged archive entry")
    file.seek(sum(LOCAL.unpack(header)[-2:]), os.SEEK_CUR)  # its name and extra fields
    data = file.read(packed)
    if method == zipfile.ZIP_DEFLATED:
        try:
            data = zlib.decompressobj(-15).decompress(data, size + 1)
        except zlib.error as error:
            raise ValueError("damaged archive entry") from error
    if len(data) != size or zlib.crc32(data) != checksum:
        raise ValueError("damaged archive entry")
    return data


@lru_cache(1)
def _open(path: str) -> IO[bytes]:
    return Path(path).open("rb")


def is_npz(path: Path) -> bool:
    """Whether a zip file holds arrays only."""
    with path.open("rb") as file:
        header = file.read(LOCAL.size)
        if len(header) < LOCAL.size or not file.read(LOCAL.unpack(header)[-2]).endswith(b".npy"):
            return False  # decided without reading the directory, which may be long
    with open_zip(path) as archive:
        names = archive.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def open_archive(path: Path) -> Archive:
    """Lists the files in a .zip by name. Folders, links, hidden files and ``__MACOSX`` are left out.

    Raises:
        ValueError: the archive is damaged or encrypted; it holds a name twice; it uses another compression than
            deflate; it is larger than the limits; or an entry's path leads outside of the archive's folder.
        OSError: the file cannot be read.
    """
    with open_zip(path) as archive:
        entries, end = archive.infolist(), archive.start_dir
    _check(entries, end, one_line(path))
    files = {}
    for entry in entries:
        name = "/".join(part for part in re.split(r"[/\\]", entry.filename) if part != ".")
        if _is_file(entry, name) and not any(part.startswith(".") or part == "__MACOSX" for part in name.split("/")):
            if name in files:
                raise ValueError(f"{one_line(path)} holds {one_line(name)} twice: pack it again")
            files[name] = entry
    places = array("Q")
    for name in (names := sorted(files)):
        entry = files[name]
        places.extend((entry.header_offset, entry.compress_size, entry.file_size, entry.compress_type, entry.CRC))
    return Archive(str(path.absolute()), names, places, stamp_of(path.stat()))


def open_zip(path: Path) -> zipfile.ZipFile:
    """A zip file whose directory is not too large to be read, and has as many entries as its end states.

    Python's reader does not compare these, and takes the entries that follow a damaged length for a part of a name.

    Raises:
        ValueError: the archive is damaged, or its directory is larger than the limit.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size, counts = stated(file)
    if size > DIRECTORY_LIMIT:
        raise ValueError(
            f"{one_line(path)} lists its entries in {size:,} bytes, more than {DIRECTORY_LIMIT:,}: split it"
        )
    try:
        archive = zipfile.ZipFile(path)
    except OSError:
        raise
    except Exception as error:  # damaged archives raise a dozen types
        raise _damaged(path, one_line(error)) from error
    count = len(archive.infolist())
    if counts and all((count - stated) % (1 << 16) for stated in counts):
        archive.close()
        listed = f"{count:,} {'entry' if count == 1 else 'entries'}"
        raise _damaged(path, f"it lists {listed}, but states {max(counts):,}")
    return archive


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(f"{one_line(path)} is a damaged zip file ({reason}): fetch it again")


def stated(file: BinaryIO) -> tuple[int, set[int]]:
    """What the end of a zip file states of its directory: the largest size that `zipfile` may read at once; the counts.

    A count of 16 bits goes on from 0 behind 65,535, and 65,535 says that a record of 64 bits has it, or nothing.
    """
    sizes, counts, counts_64 = [0], set(), set()
    start = file.seek(max(0, file.seek(0, os.SEEK_END) - (1 << 16) - 22 - 20 - 56))
    tail = file.read()
    for place in {tail.rfind(b"PK\x05\x06"), len(tail) - 22}:
        record = tail[max(0, place) : max(0, place) + 22]
        if record.startswith(b"PK\x05\x06"):
            counts.add(int.from_bytes(record[10:12], "little"))
            sizes.append(int.from_bytes(record[12:16], "little") % 0xFFFFFFFF)
        locator = tail[max(0, place - 20) : max(0, place)]
        if locator.startswith(b"PK\x06\x07"):  # the zip64 record lies just before it, or where it says
            for offset in (start + place - 76, int.from_bytes(locator[8:16], "little")):
                file.seek(max(0, min(offset, start + len(tail))))
                record = file.read(56)
                sizes.append(int.from_bytes(record[40:48], "little"))
                if record.startswith(b"PK\x06\x06"):
                    counts_64.add(int.from_bytes(record[32:40], "little"))
    return max(sizes), counts_64 if 0xFFFF in counts else counts


def _check(entries: Sequence[zipfile.ZipInfo], end: int, path: str) -> None:
    """Refuses an unsafe archive by its directory, before any entry is unpacked."""
    total = sum(entry.file_size for entry in entries)
    if total > LIMIT:
        raise ValueError(f"{path} unpacks to {total:,} bytes, more than the limit of {LIMIT:,}: split it")
    for entry in entries:
        what = f"{path} holds {one_line(entry.filename)}, which"
        parts = re.split(r"[/\\]", entry.orig_filename)
        if ".." in parts or not parts[0] or re.match(r"[A-Za-z]:", parts[0]):
            raise ValueError(f"{what} would be written outside of its folder: do not trust this archive")
        if entry.flag_bits & ENCRYPTED:
            raise ValueError(f"{what} is encrypted: unpack it, and name the folder")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{what} is packed by another method than deflate: unpack it, and name the folder")
        ratio = DEFLATE_RATIO if entry.compress_type == zipfile.ZIP_DEFLATED else 1
        if entry.file_size > ENTRY_LIMIT or entry.file_size > ratio * entry.compress_size:
            raise ValueError(f"{what} states {entry.file_size:,} bytes: do not trust this archive")
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    limits = (*(entry.header_offset for entry in ordered), end)[1:]
    for entry, limit in zip(ordered, limits, strict=True):
        if not 0 <= entry.header_offset <= limit - LOCAL.size - entry.compress_size:
            raise ValueError(f"{path} is damaged or hostile: {one_line(entry.filename)} overlaps what follows it")


def _is_file(entry: zipfile.ZipInfo, name: str) -> bool:
    kind = entry.external_attr >> 16 & 0o170000  # the Unix file type; 0 if another system packed it
    return not name.endswith("/") and kind in (0, 0o100000)
