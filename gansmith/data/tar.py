"""A .tar of files, read in place, never unpacked to disk; unsafe archives are refused."""

from __future__ import annotations

import io
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gansmith.data.files import one_line
from gansmith.data.listing import stamp_of

FILES = 2_000_000  # at most: their names are held in memory
BLOCK = 512  # bytes: everything in a .tar takes whole blocks
HEADER_LIMIT = 1 << 20  # bytes: the most that one header may take, which is read into memory
ZEROS = 16 << 20  # bytes: the most that may end an archive; writers fill up a last record of 10 KiB, or more for tapes
ENTRY_LIMIT = 512 << 20  # bytes: the most that one file may have


@dataclass(frozen=True)
class Tar:
    """Files in the .tar at ``base``; ``places`` has two numbers for each file: where its bytes start, and how many."""

    base: str
    names: Sequence[str]
    places: array[int]
    changed: tuple[int, ...]
    unreadable: dict[str, str] = field(default_factory=dict)
    chunk: int = 128

    def location(self, index: int) -> dict[str, int]:
        start, size = self.places[2 * index : 2 * index + 2]
        return {"start": start, "size": size}

    def stamp(self, index: int) -> tuple[int, ...]:
        return self.places[2 * index], *self.changed


def read_part(path: str, start: int, size: int) -> bytes:
    """The bytes of one file.

    Raises:
        ValueError: the archive is shorter.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        file.seek(start)
        data = file.read(size)
    if len(data) != size:
        raise ValueError("damaged archive entry")
    return data


def open_tar(path: Path) -> Tar:
    """Lists the files in a .tar by name. Folders, links, devices, hidden files and ``__MACOSX`` are left out.

    Raises:
        ValueError: the archive is damaged, or does not end as a whole one does, by zeros alone; it holds a name twice;
            it is larger than the limits; or a path leads outside of the archive's folder.
        OSError: the file cannot be read.
    """
    import tarfile

    what, size = one_line(path), path.stat().st_size
    files: dict[str, tuple[int, int]] = {}
    with (
        path.open("rb") as file,
        _parser_errors(what),
        _Guarded(file, what) as guarded,
        tarfile.open(fileobj=guarded, mode="r:") as archive,
    ):
        while (entry := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep them all
            parts = re.split(r"[/\\]", entry.name)
            if ".." in parts or not parts[0] or re.match(r"[A-Za-z]:", parts[0]):
                raise _UnsafeError(f"{what} holds {one_line(entry.name)}, which would be written outside of its folder")
            name = "/".join(part for part in parts if part != ".")
            if entry.size < 0:  # whatever it is: the next header would lie before it
                raise _UnsafeError(f"{what} holds {one_line(name)}, which states {entry.size:,} bytes")
            if not entry.isreg() or any(part.startswith(".") or part == "__MACOSX" for part in name.split("/")):
                continue
            if entry.issparse() or entry.size > ENTRY_LIMIT:
                raise _UnsafeError(f"{what} holds {one_line(name)}, which states {entry.size:,} bytes")
            if entry.size > size - entry.offset_data:
                raise ValueError(f"it ends within {one_line(name)}")
            if name in files:
                raise _UnsafeError(f"{what} holds {one_line(name)} twice")
            if len(files) >= FILES:
                raise _UnsafeError(f"{what} holds more than {FILES:,} files")
            files[name] = entry.offset_data, entry.size
        _check_end(guarded, archive.offset)
    names = sorted(files)
    return Tar(
        str(path.absolute()),
        names,
        array("Q", [number for name in names for number in files[name]]),
        stamp_of(path.stat()),
    )


def _check_end(file: io.BufferedReader, end: int) -> None:
    """Refuses an archive that goes on where Python's reader stopped: it takes damaged headers for the end.

    A whole archive ends by zeros, of one block at least.
    """
    file.seek(end)
    block = file.read(BLOCK)
    if len(block) < BLOCK:
        raise ValueError("its end is missing")
    if any(block):
        raise ValueError(f"no header at byte {end:,}")
    while piece := file.read(HEADER_LIMIT):
        if piece.count(0) < len(piece):
            raise ValueError(f"more follows its end at byte {end:,}")
        if file.tell() - end > ZEROS:
            raise ValueError(f"only zeros from byte {end:,} on, more than end an archive")


class _UnsafeError(ValueError):
    """What is wrong with the archive, in words for the user."""


class _Guarded(io.BufferedReader):
    """A file that gives no large parts at once: a header that states a huge size would be read into memory."""

    def __init__(self, file: io.BufferedReader, what: str) -> None:
        super().__init__(file.raw)
        self.what = what

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= HEADER_LIMIT:
            length = f"of {size:,} bytes" if size is not None else "without end"
            raise _UnsafeError(f"{self.what} has a header {length}")
        return super().read(size)


@contextmanager
def _parser_errors(what: str) -> Iterator[None]:
    try:
        yield
    except _UnsafeError as error:
        raise ValueError(f"{error}: pack it again") from error
    except OSError:
        raise
    except Exception as error:  # damaged archives raise several types
        raise ValueError(f"{what} is a damaged .tar ({one_line(error)}): fetch it again") from error
