"""The process that decodes images for its parent: a file that crashes the decoder crashes only this process.

`gansmith.data.pool` starts it. It imports neither torch nor code of the user. Requests come as lines of JSON on stdin.
Answers are lines of JSON on stdout: ``[item, reason, is_permanent]`` for a file that failed, an error number if rows
cannot be written, ``null`` at the end of a request. Results go into files that both processes share, so that they
survive a crash.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import json
import mmap
import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gansmith.data.archive import read_entry
from gansmith.data.decode import decode, inspect, open_image, reason
from gansmith.data.picture_kinds import kept_position
from gansmith.data.resizing import Fit
from gansmith.data.shared_table import BEGUN, DONE, FAILED, HEADER
from gansmith.data.tar import read_part
from gansmith.data.value_range import Range, Ranges

if TYPE_CHECKING:
    from PIL import Image

    from gansmith.data.resizing import Pixels

SECONDS = 20  # of CPU time for the pages of a file, and for each MiB of it; `Pool` limits that of each page
LAST = 60  # seconds for a file after which this process ends by itself if its parent is gone


def main() -> None:
    """Handles requests until stdin ends."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # libtiff and other libraries write to stderr
        os.dup2(null, stream)
    setup = json.loads(requests.readline())
    _limit_memory(setup["memory"])
    signal.signal(signal.SIGALRM, lambda *_: _watch(LAST) if os.getppid() == setup["parent"] else os._exit(1))
    headers = np.frombuffer(mmap.mmap(setup["headers"], 0), HEADER)
    status = np.frombuffer(mmap.mmap(setup["status"], 0), np.uint8)
    reader = _Reader(setup["base"])
    for line in requests:
        request = json.loads(line)
        fit = _fit(request["fit"]) if request["fit"] else None
        scale = Ranges(*map(_pair, request["scale"]))
        for item, location in request["items"]:
            status[item] = BEGUN
            _watch(LAST)
            row = None
            try:
                image, page = reader.turn_to(location)
                if fit is None:
                    header = inspect(image, page)
                    headers[item] = (*header, reader.digest(page) if request["digest"] else bytes(32))
                else:
                    row = decode(image, page, fit, request["channels"], scale)
            except Exception as error:
                reader.leave(error)
                print(json.dumps([item, reason(error), _is_permanent(error)]), file=answers, flush=True)
                status[item] = FAILED
            else:
                if row is not None and (number := _write_error(setup["rows"], row, item)):
                    print(number, file=answers, flush=True)
                    return
                status[item] = DONE
            reader.count_time()
        _watch(0)
        print("null", file=answers, flush=True)


class SlowStackError(Exception):
    """The pages of a file have taken too long."""


class _Reader:
    """Opens the picture at a location; a stack stays open from one of its pages to the next.

    Each page is sought from those before it: opened anew after each page that fails, a stack of n pages would take
    n^2 steps. All its pages together have the time of one file, and so much again for each MiB.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self._place: Any = None
        self._image: Image.Image
        self._file: IO[bytes]
        self._opened = ExitStack()
        self._page: int | None = None
        self._stack: Any = None
        self._size, self._spent, self._since = 0, 0.0, time.process_time()

    def turn_to(self, location: Any) -> tuple[Image.Image, int | None]:
        """The picture, and its page if the location names one."""
        is_page = isinstance(location, dict) and "page" in location
        page, place = (location["page"], location["of"]) if is_page else (None, location)
        if page is None or place != self._stack or page <= (self._page or 0):
            self._spent = 0.0
        self._page, self._stack = page, place
        if self._spent > (limit := SECONDS * (1 + self._size / 2**20)):
            raise SlowStackError(f"the pages before it took more than {limit:.0f} seconds")
        if page is None or place != self._place or page < self._image.tell():
            self.close()
            self._file = self._opened.enter_context(_open(self.base, place))
            self._image = self._opened.enter_context(open_image(self._file))
            self._place, self._digest = (place if is_page else None), b""
            with kept_position(self._file):
                self._size = self._file.seek(0, os.SEEK_END)
        return self._image, page

    def digest(self, page: int | None) -> bytes:
        """SHA-256 of the file's bytes; of a page, that of the file's and the page."""
        if not self._digest:
            with kept_position(self._file):
                self._digest = _digest(self._file)
        return self._digest if page is None else hashlib.sha256(self._digest + b"%d" % page).digest()

    def count_time(self) -> None:
        """Counts the CPU time since it was last called for the stack that is read."""
        now = time.process_time()
        self._spent, self._since = self._spent + now - self._since, now

    def leave(self, error: Exception) -> None:
        """After an error, closes the file; a stack stays open if its page was reached, and so the others can be."""
        reached = self._place is not None and self._image.tell() == self._page
        if not reached or isinstance(error, MemoryError):
            self.close()

    def close(self) -> None:
        self._place = None
        self._opened.close()


def _fit(values: dict[str, Any]) -> Fit:
    """JSON has lists in the place of pairs."""
    kept = None if values["kept"] is None else tuple(values["kept"])
    return Fit(**values | {"size": tuple(values["size"]), "kept": kept})


def _pair(values: list[float] | None) -> Range | None:
    return None if values is None else (values[0], values[1])


def _watch(seconds: int) -> None:
    """Ends this process after so many seconds of CPU time, or of real time if its parent is gone."""
    signal.alarm(seconds)  # counts while all are suspended; its handler does not run inside a decoder that hangs
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _is_permanent(error: Exception) -> bool:
    """Whether the content of the file is to blame; system errors may not happen again."""
    return not (isinstance(error, (MemoryError, SlowStackError)) or (isinstance(error, OSError) and error.errno))


def _write_error(rows: int, row: Pixels, item: int) -> int:
    """Writes a row to its place; returns an error number, or 0."""
    try:
        return 0 if os.pwrite(rows, row.data, item * row.nbytes) == row.nbytes else errno.ENOSPC
    except OSError as error:
        return error.errno or errno.EIO


def _open(base: str, location: Any) -> IO[bytes]:
    """Opens a file of a folder, an entry of an archive, or bytes from the request."""
    if isinstance(location, str):
        return Path(base, location).open("rb")
    if isinstance(location, list):
        return io.BytesIO(read_entry(base, *location))
    return io.BytesIO(base64.b64decode(location["bytes"]) if "bytes" in location else read_part(base, **location))


def _digest(file: IO[bytes]) -> bytes:
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.digest()


def _limit_memory(extra: int) -> None:
    """Limits the address space to what is used now and ``extra`` bytes more."""
    import resource

    if sys.platform != "linux":
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = pages * mmap.PAGESIZE + extra
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


if __name__ == "__main__":
    main()
