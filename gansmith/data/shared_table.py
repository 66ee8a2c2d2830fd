"""A table in shared memory between a process and its workers: for each file a header, a status and a row of pixels."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PENDING, BEGUN, DONE, FAILED = range(4)
HEADER = [
    *(("height", "u4"), ("width", "u4"), ("gray", "?"), ("pages", "u4"), ("moving", "?"), ("depth", "u1")),
    *(("low", "f8"), ("high", "f8"), ("cut", "?"), ("extra", "?"), ("digest", "V32")),
]


class SharedTable:
    """Headers, status bytes and rows of pixels in three files in memory; workers inherit their file descriptors.

    Status and rows may be files on disk instead: then the rows are still there after this process ends.

    Arguments:
        items: how many files.
        status: descriptor of a file of ``items`` bytes; by default a new one in memory.
        rows: descriptor of a file of pixels; by default a new one in memory.
    """

    def __init__(self, items: int, status: int | None = None, rows: int | None = None) -> None:
        import numpy as np

        headers = shared_memory(items * np.dtype(HEADER).itemsize)
        status = shared_memory(items) if status is None else status
        self.descriptors = (headers, status, shared_memory(0) if rows is None else rows)
        self.headers = np.frombuffer(mmap.mmap(headers, 0), HEADER)
        self.status: npt.NDArray[np.uint8] = np.frombuffer(mmap.mmap(status, 0), np.uint8)

    def rows(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        """The rows as an array; the memory is freed with the array."""
        import numpy as np

        return np.frombuffer(mmap.mmap(self.descriptors[2], 0), np.uint8).reshape(shape)

    def clear(self, size: int) -> None:
        """Sets every status to pending, and the rows to ``size`` bytes of zeros."""
        self.status[:] = PENDING
        os.truncate(self.descriptors[2], 0)
        os.truncate(self.descriptors[2], size)

    def close(self) -> None:
        """Closes the descriptors; arrays made from them stay valid."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def shared_memory(size: int) -> int:
    """The descriptor of a new file of zeros in memory; it is deleted when the last process closes it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("gansmith")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, size)
    return descriptor
