"""Decoded pictures that do not fit into memory: built once into a file, which is mapped.

::

    pictures/KEY.rows     uint8 (n, c, s, s), whole or not there
    pictures/KEY.json     what belongs to it; written before the rows get their name
    pictures/KEY.lock     held by the process that builds
    pictures/KEY-*.part   rows of a build that goes on, or was killed, and a status byte for each in KEY-*.state
    pictures/STAMP.key    from names, sizes and times of files to the KEY, so that their bytes are not read again

KEY is the SHA-256 of the files' bytes, in order, and of what was asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import mmap
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansmith.data.files import FULL
from gansmith.data.fitting import Fit, Form
from gansmith.data.listing import Source

if TYPE_CHECKING:
    from gansmith.data.fitting import Pixels

VERSION = 2


@dataclass(frozen=True)
class Shelf:
    """Where rows of ``key`` lie, or are to lie."""

    folder: Path
    key: str

    @property
    def rows(self) -> Path:
        return self.folder / f"{self.key}.rows"

    def load(self, items: int) -> tuple[Pixels, dict[str, Any]] | None:
        """The rows of so many files, mapped, and what belongs to them; None unless they are whole."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            about = json.loads(self.rows.with_suffix(".json").read_text(encoding="utf-8"))
            if _is_whole(about, items):
                with self.rows.open("rb") as file:
                    return _mapped(file.fileno(), tuple(about["shape"])), about
        return None

    def begin(self, shape: tuple[int, ...], fit: Fit) -> tuple[int, int]:
        """Descriptors of the files of statuses and rows of a build, with what an earlier build left there.

        Raises:
            OSError: the disk has no room for them.
        """
        part = self._part(shape, fit)
        status = os.open(part.with_suffix(".state"), os.O_RDWR | os.O_CREAT, 0o600)
        rows = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
        os.truncate(status, shape[0])
        size = math.prod(shape)
        with self.room(size):
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(rows, 0, size)  # writing to a mapping of a full disk would kill the process
        os.truncate(rows, size)
        return status, rows

    def finish(
        self, descriptors: Sequence[int], shape: tuple[int, ...], fit: Fit, about: Mapping[str, Any], is_lasting: bool
    ) -> Pixels:
        """The rows of a build, cut to the shape that ``about`` them is said; they get their name if they are to last.

        Raises:
            OSError: the disk has no room for them.
        """
        rows = descriptors[-1]
        os.truncate(rows, math.prod(about["shape"]))
        if is_lasting:
            with self.room(math.prod(shape)):
                os.fsync(rows)
                _write(self.rows.with_suffix(".json"), json.dumps(dict(about)))
                self._part(shape, fit).replace(self.rows)
        self._clear()
        return _mapped(rows, about["shape"])

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Says what is needed, and clears what was begun, where the disk takes no more."""
        try:
            yield
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._clear()
            need = f"needs {size / 2**30:.1f} GiB for decoded pictures in {self.folder}"
            cure = "free some, set GANSMITH_CACHE to another folder, or ask for fewer or smaller pictures"
            raise OSError(error.errno, f"{need}: {cure}") from error

    def _part(self, shape: tuple[int, ...], fit: Fit) -> Path:
        # What a file system had not written when the machine went down is not trusted: a part is of one boot only.
        return self.folder / f"{self.key}-{_digest(shape, fit, _boot())[:16]}.part"

    def _clear(self) -> None:
        for path in self.folder.glob(f"{self.key}-*"):
            path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from building the same; waits while one does."""
        with locked(self.folder / f"{self.key}.lock", "decodes the same pictures"):
            yield


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Holds the lock of that file; says that another process holds it, and waits."""
    import fcntl

    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process that {what}", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cache_folder(kind: str) -> Path:
    """The folder below GANSMITH_CACHE, or ~/.cache/gansmith, where things of this kind are kept; it is made.

    Raises:
        OSError: it cannot be made, or there is no home folder.
    """
    above = os.environ.get("GANSMITH_CACHE") or "~/.cache/gansmith"
    try:
        folder = Path(above).expanduser() / kind
    except RuntimeError as error:
        raise OSError(0, f"needs a home folder for {above}, but there is none: set GANSMITH_CACHE") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"needs the folder {folder}, which cannot be made ({error.strerror}): set GANSMITH_CACHE to another"
        raise OSError(error.errno, what) from error
    return folder.absolute()


def shelf_of(form: Form, digests: Sequence[bytes]) -> Shelf:
    """The place of pictures with these SHA-256, an empty one where a file was no picture."""
    return Shelf(cache_folder("pictures"), _digest(_versions(), asdict(form), *digests))


def stamped(source: Source, indices: Sequence[int], form: Form) -> str | None:
    """The digest of names, sizes and times; None where that cannot be said."""
    with contextlib.suppress(OSError):
        stamps = [(source.names[index], source.stamp(index)) for index in indices]
        if None not in (stamp for _, stamp in stamps):
            return _digest(_versions(), asdict(form), source.base, *stamps)
    return None


def recall(stamp: str | None) -> Shelf | None:
    """The place of files of this stamp, if they were remembered."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        folder = cache_folder("pictures")
        key = (folder / f"{stamp}.key").read_text(encoding="ascii")
        return Shelf(folder, key) if re.fullmatch("[0-9a-f]{64}", key) else None
    return None


def remember(stamp: str | None, shelf: Shelf) -> None:
    """Lets `recall` find the place of files that had this stamp before they were read."""
    with contextlib.suppress(OSError):
        if stamp is not None:
            _write(shelf.folder / f"{stamp}.key", shelf.key)


def _is_whole(about: Any, items: int) -> bool:
    """Whether a file that anybody may have written has all that belongs to rows of so many files, each of its kind."""
    match about:
        case {
            "shape": [int(n), (1 | 3), int(height), int(width)],
            "content": None | [int(), int()],
            "notes": [*notes],
            "skipped": [*skipped],
            "fingerprint": str(),
        }:
            lost = {row[0] for row in skipped if _is_skipped(row, items)}
            whole = len(lost) == len(skipped) == items - n
            return whole and min(n, height, width) > 0 and all(isinstance(note, str) for note in notes)
    return False


def _is_skipped(row: Any, items: int) -> bool:
    match row:
        case [int(item), str()]:
            return 0 <= item < items
    return False


def _versions() -> tuple[int, str]:
    from importlib.metadata import version

    return VERSION, version("pillow")


def _digest(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    return ""


def _mapped(descriptor: int, shape: tuple[int, ...]) -> Pixels:
    """The rows in memory of this process alone, page by page as they are read; a write does not reach the file."""
    import numpy as np

    # Without this flag a mapping larger than memory and swap is refused, though hardly a page will be written.
    flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
    mapped = mmap.mmap(descriptor, math.prod(shape), flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    return np.frombuffer(mapped, np.uint8).reshape(shape)


def _write(path: Path, text: str) -> None:
    """Writes a small file that is whole or not there."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
