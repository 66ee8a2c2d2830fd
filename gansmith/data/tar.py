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
HEADER_LIMIT = 1 << 20  # bytes: the most that one header may take, which is read into memory
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
        ValueError: the archive is damaged; it holds a name twice; it is larger than the limits; or a path leads outside
            of the archive's folder.
        OSError: the file cannot be read.
    """
    import tarfile

    what, size = one_line(path), path.stat().st_size
    files: dict[str, tuple[int, int]] = {}
    with path.open("rb") as file, _parser_errors(what), tarfile.open(fileobj=_Guarded(file), mode="r:") as archive:
        while (entry := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep them all
            parts = re.split(r"[/\\]", entry.name)
            if ".." in parts or not parts[0] or re.match(r"[A-Za-z]:", parts[0]):
                raise _UnsafeError(f"{what} holds {one_line(entry.name)}, which would be written outside of its folder")
            name = "/".join(part for part in parts if part != ".")
            if not entry.isreg() or any(part.startswith(".") or part == "__MACOSX" for part in name.split("/")):
                continue
            if entry.issparse() or not 0 <= entry.size <= min(ENTRY_LIMIT, size - entry.offset_data):
                raise _UnsafeError(f"{what} holds {one_line(name)}, which states {entry.size:,} bytes")
            if name in files:
                raise _UnsafeError(f"{what} holds {one_line(name)} twice")
            if len(files) >= FILES:
                raise _UnsafeError(f"{what} holds more than {FILES:,} files")
            files[name] = entry.offset_data, entry.size
    names = sorted(files)
    return Tar(
        str(path.absolute()),
        names,
        array("Q", [number for name in names for number in files[name]]),
        stamp_of(path.stat()),
    )


class _UnsafeError(ValueError):
    """What is wrong with the archive, in words for the user."""


class _Guarded(io.BufferedReader):
    """A file that gives no large parts at once: a header that states a huge size would be read into memory."""

    def __init__(self, file: io.BufferedReader) -> None:
        super().__init__(file.raw)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= HEADER_LIMIT:
            raise _UnsafeError(f"a header of {size:,} bytes" if size is not None else "a header without end")
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
