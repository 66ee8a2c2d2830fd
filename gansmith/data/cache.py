"""A cache on disk for decoded images that do not fit into memory: a file that is built once and memory-mapped.

::

    pictures/KEY.rows     uint8 (n, c, h, w), complete or missing
    pictures/KEY.json     metadata of the rows; written before the rows get their name
    pictures/KEY.lock     held by the process that builds
    pictures/KEY-*.part   rows of an unfinished build, with a status byte for each in KEY-*.state
    pictures/STAMP.key    the KEY for names, sizes and times of files, so that their bytes are not read again

KEY is the SHA-256 of the files' bytes, in order, and of the options.
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
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansmith.data.files import FULL
from gansmith.data.listing import Source
from gansmith.data.progress import Progress
from gansmith.data.resizing import Fit, ImageOptions
from gansmith.data.value_range import Ranges

if TYPE_CHECKING:
    from gansmith.data.resizing import Pixels

VERSION = 5
CHECKED = 1000  # rows at a time
Job = tuple[tuple[int, ...], Fit, Ranges]  # the shape of the rows, and how images become rows


@dataclass(frozen=True)
class CacheEntry:
    """The rows of ``key`` in the cache, present or not."""

    folder: Path
    key: str

    @property
    def rows(self) -> Path:
        return self.folder / f"{self.key}.rows"

    def load(self, items: int) -> tuple[Pixels, dict[str, Any]] | None:
        """The rows of so many files, memory-mapped, with their metadata; None if they are missing or damaged.

        The rows are read once, for their checksum: damaged ones would be other pictures, and nobody told.
        """
        with contextlib.suppress(OSError, ValueError, RecursionError):
            metadata = json.loads(self.rows.with_suffix(".json").read_text(encoding="utf-8"))
            sealed = isinstance(metadata, dict) and metadata.pop("seal", None) == _seal(metadata)
            if sealed and _is_complete(metadata, items) and math.prod(metadata["shape"]) == self.rows.stat().st_size:
                with self.rows.open("rb") as file:
                    rows = _mapped(file.fileno(), tuple(metadata["shape"]))
                if _checksum(rows) == metadata["checksum"]:
                    return rows, metadata
        return None

    def begin(self, job: Job) -> tuple[int, int]:
        """Descriptors of the files of status bytes and rows of a build, which may continue an earlier one.

        Raises:
            OSError: the disk has no room for them.
        """
        part, shape = self._part(job), job[0]
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
        self,
        descriptors: Sequence[int],
        job: Job,
        metadata: Mapping[str, Any],
        is_permanent: bool,
    ) -> Pixels:
        """The rows of a build, cut to the shape in ``metadata``; they stay in the cache if ``is_permanent``.

        Raises:
            OSError: the disk has no room for them.
        """
        os.truncate(descriptors[-1], math.prod(metadata["shape"]))
        rows = _mapped(descriptors[-1], metadata["shape"])
        if is_permanent:
            with self.room(math.prod(job[0])):
                os.fsync(descriptors[-1])
                whole = json.loads(json.dumps({**metadata, "checksum": _checksum(rows)}))
                _write(self.rows.with_suffix(".json"), json.dumps({**whole, "seal": _seal(whole)}))
                self._part(job).replace(self.rows)
        self._clear()
        return rows

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        """On a full disk, removes the unfinished build and names the space that is needed."""
        try:
            yield
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._clear()
            need = f"needs {size / 2**30:.1f} GiB for decoded pictures in {self.folder}"
            cure = "free some, set GANSMITH_CACHE to another folder, or ask for fewer or smaller pictures"
            raise OSError(error.errno, f"{need}: {cure}") from error

    def _part(self, job: Job) -> Path:
        # After a crash of the machine a part may lack data: a part is continued only within the same boot.
        return self.folder / f"{self.key}-{_digest(*job, _boot())[:16]}.part"

    def _clear(self) -> None:
        for path in self.folder.glob(f"{self.key}-*"):
            path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks this entry, so that only one process builds it; others wait."""
        with locked(self.folder / f"{self.key}.lock", "decodes the same pictures"):
            yield


@contextmanager
def locked(path: Path, activity: str) -> Iterator[None]:
    """Locks a file; while another process holds the lock, waits and prints what that process does."""
    import fcntl

    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process that {activity}", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cache_folder(kind: str) -> Path:
    """The folder of this kind in the cache, which is GANSMITH_CACHE or ~/.cache/gansmith; it is made if needed.

    Raises:
        OSError: it cannot be made, or there is no home folder.
    """
    parent = os.environ.get("GANSMITH_CACHE") or "~/.cache/gansmith"
    try:
        folder = Path(parent).expanduser() / kind
    except RuntimeError as error:
        raise OSError(0, f"needs a home folder for {parent}, but there is none: set GANSMITH_CACHE") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"needs the folder {folder}, which cannot be made ({error.strerror}): set GANSMITH_CACHE to another"
        raise OSError(error.errno, message) from error
    return folder.absolute()


def cache_entry(options: ImageOptions, digests: Sequence[bytes]) -> CacheEntry:
    """The entry for files with these SHA-256 digests; an empty digest stands for a file that is no image."""
    return CacheEntry(cache_folder("pictures"), _digest(_versions(), asdict(options), *digests))


def source_stamp(source: Source, indices: Sequence[int], options: ImageOptions) -> str | None:
    """The digest of the names, sizes and times of files; None if these are unknown."""
    with contextlib.suppress(OSError):
        stamps = [(source.names[index], source.stamp(index)) for index in indices]
        if None not in (stamp for _, stamp in stamps):
            return _digest(_versions(), asdict(options), source.base, *stamps)
    return None


def entry_of_stamp(stamp: str | None) -> CacheEntry | None:
    """The entry that was saved for this stamp, or None."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        folder = cache_folder("pictures")
        key = (folder / f"{stamp}.key").read_text(encoding="ascii")
        return CacheEntry(folder, key) if re.fullmatch("[0-9a-f]{64}", key) else None
    return None


def save_stamp(stamp: str | None, entry: CacheEntry) -> None:
    """Saves which entry belongs to a stamp, for `entry_of_stamp`; a stamp is taken before files are read."""
    with contextlib.suppress(OSError):
        if stamp is not None:
            _write(entry.folder / f"{stamp}.key", entry.key)


def _checksum(rows: Pixels) -> int:
    """CRC-32: five times as fast as the fingerprint, and as good against damage."""
    checksum = 0
    with Progress("checking decoded pictures", len(rows)) as progress:
        for start in range(0, len(rows), CHECKED):
            checksum = zlib.crc32(rows[start : start + CHECKED].data, checksum)
            progress(start)
    return checksum


def _seal(metadata: Mapping[str, Any]) -> int:
    """The same of what stands beside the rows: which files were skipped, say."""
    return zlib.crc32(json.dumps(metadata, sort_keys=True).encode())


def _is_complete(metadata: Any, items: int) -> bool:
    """Whether metadata, which may be damaged or forged, have all entries in their types and fit so many files."""
    match metadata:
        case {
            "shape": [int(n), (1 | 3 | 4), int(), int()],
            "content": None | [int(), int()],
            "notes": [*notes],
            "skipped": [*skipped],
            "fingerprint": str(),
            "deep_range": None | [int() | float(), int() | float()],
            "masks": bool(),
            "checksum": int(),
        }:
            failed = {row[0] for row in skipped if _is_skipped(row, items)}
            whole = len(failed) == len(skipped) == items - n
            sizes = all(type(side) is int and side > 0 for side in metadata["shape"])
            return whole and sizes and all(isinstance(note, str) for note in notes)
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
    """The rows, memory-mapped and loaded page by page; writing to them does not change the file."""
    import numpy as np

    # Without this flag a mapping larger than memory and swap is refused, although almost no page is written.
    flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
    mapped = mmap.mmap(descriptor, math.prod(shape), flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    return np.frombuffer(mapped, np.uint8).reshape(shape)


def _write(path: Path, text: str) -> None:
    """Writes a small file in one step."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
