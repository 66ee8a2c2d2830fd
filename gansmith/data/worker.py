"""The process that reads pictures for another: what a file does to its decoder, it does to this process alone.

It is started by `gansmith.data.pool` and imports neither torch nor anything of the user's. Orders come as lines of
JSON on stdin; answers leave as lines of JSON on stdout: ``[item, reason, lasting]`` for a file that is skipped, the
number of an error where rows cannot be written, ``null`` when an order is done. What succeeds goes into files that
both processes share, so that nothing is lost when this one dies.
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
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gansmith.data.archive import read_entry
from gansmith.data.board import BEGUN, DONE, FAILED, HEADER
from gansmith.data.decode import decode, inspect, reason
from gansmith.data.fitting import Fit

if TYPE_CHECKING:
    from gansmith.data.fitting import Pixels

LAST = 60  # seconds after which a file ends this process, should the parent that would have ended it be gone


def main() -> None:
    """Follows orders until stdin ends."""
    orders = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # libtiff and others write to stderr by themselves
        os.dup2(null, stream)
    setup = json.loads(orders.readline())
    _limit_memory(setup["memory"])
    signal.signal(signal.SIGALRM, lambda *_: _watch(LAST) if os.getppid() == setup["parent"] else os._exit(1))
    headers = np.frombuffer(mmap.mmap(setup["headers"], 0), HEADER)
    status = np.frombuffer(mmap.mmap(setup["status"], 0), np.uint8)
    for line in orders:
        order = json.loads(line)
        fit = Fit(**order["fit"]) if order["fit"] else None
        for item, where in order["items"]:
            status[item] = BEGUN
            _watch(LAST)
            row = None
            try:
                with _opened(setup["base"], where) as file:
                    if fit is None:
                        headers[item] = (*inspect(file), _digest(file) if order["digest"] else bytes(32))
                    else:
                        row = decode(file, fit, order["channels"])
            except Exception as error:
                print(json.dumps([item, reason(error), _is_lasting(error)]), file=answers, flush=True)
                status[item] = FAILED
            else:
                if row is not None and (number := _unwritten(setup["rows"], row, item)):
                    print(number, file=answers, flush=True)
                    return
                status[item] = DONE
        _watch(0)
        print("null", file=answers, flush=True)


def _watch(seconds: int) -> None:
    """Ends this process after so many seconds of its own, or of others' if its parent is gone."""
    signal.alarm(seconds)  # goes on while all are stopped, and does not reach into a decoder that never returns
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _is_lasting(error: Exception) -> bool:
    """Whether it is the content that is no picture; what the system says may be otherwise another time."""
    return not (isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno))


def _unwritten(rows: int, row: Pixels, item: int) -> int:
    """Writes a row to its place, and gives the number of the error that prevented it."""
    try:
        return 0 if os.pwrite(rows, row.data, item * row.nbytes) == row.nbytes else errno.ENOSPC
    except OSError as error:
        return error.errno or errno.EIO


def _opened(base: str, where: Any) -> IO[bytes]:
    """A file by its name in a folder, an entry by its place in an archive, or bytes that came with the order."""
    if isinstance(where, str):
        return Path(base, where).open("rb")
    return io.BytesIO(read_entry(base, *where) if isinstance(where, list) else base64.b64decode(where["bytes"]))


def _digest(file: IO[bytes]) -> bytes:
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.digest()


def _limit_memory(extra: int) -> None:
    """Allows ``extra`` bytes of address space beyond what is taken now."""
    import resource

    if sys.platform != "linux":
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = pages * mmap.PAGESIZE + extra
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


if __name__ == "__main__":
    main()
