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
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gansmith.data.archive import read_entry
from gansmith.data.decode import decode, inspect, reason
from gansmith.data.resizing import Fit
from gansmith.data.shared_table import BEGUN, DONE, FAILED, HEADER

if TYPE_CHECKING:
    from gansmith.data.resizing import Pixels

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
    for line in requests:
        request = json.loads(line)
        fit = Fit(**request["fit"]) if request["fit"] else None
        for item, location in request["items"]:
            status[item] = BEGUN
            _watch(LAST)
            row = None
            try:
                with _open(setup["base"], location) as file:
                    if fit is None:
                        headers[item] = (*inspect(file), _digest(file) if request["digest"] else bytes(32))
                    else:
                        row = decode(file, fit, request["channels"])
            except Exception as error:
                print(json.dumps([item, reason(error), _is_permanent(error)]), file=answers, flush=True)
                status[item] = FAILED
            else:
                if row is not None and (number := _write_error(setup["rows"], row, item)):
                    print(number, file=answers, flush=True)
                    return
                status[item] = DONE
        _watch(0)
        print("null", file=answers, flush=True)


def _watch(seconds: int) -> None:
    """Ends this process after so many seconds of CPU time, or of real time if its parent is gone."""
    signal.alarm(seconds)  # counts while all are suspended; its handler does not run inside a decoder that hangs
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _is_permanent(error: Exception) -> bool:
    """Whether the content of the file is to blame; system errors may not happen again."""
    return not (isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno))


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
    return io.BytesIO(
        read_entry(base, *location) if isinstance(location, list) else base64.b64decode(location["bytes"])
    )


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
