"""What a parent and its workers share while they read pictures: a header and a status a file, and rows of pixels."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PENDING, BEGUN, DONE, FAILED = range(4)
HEADER = [("height", "u4"), ("width", "u4"), ("gray", "?"), ("digest", "V32")]


class Board:
    """Three files in memory that workers inherit by their descriptors: headers, status bytes, rows.

    Status and rows may be files on disk instead: then what was read outlives this process.
    """

    def __init__(self, items: int, status: int | None = None, rows: int | None = None) -> None:
        import numpy as np

        headers = shared_memory(items * np.dtype(HEADER).itemsize)
        status = shared_memory(items) if status is None else status
        self.descriptors = (headers, status, shared_memory(0) if rows is None else rows)
        self.headers = np.frombuffer(mmap.mmap(headers, 0), HEADER)
        self.status: npt.NDArray[np.uint8] = np.frombuffer(mmap.mmap(status, 0), np.uint8)

    def rows(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        """The rows as an array, whose memory lives as long as it does."""
        import numpy as np

        return np.frombuffer(mmap.mmap(self.descriptors[2], 0), np.uint8).reshape(shape)

    def clear(self, size: int) -> None:
        """Takes back every status, and makes room for so many bytes of rows, all zero."""
        self.status[:] = PENDING
        os.truncate(self.descriptors[2], 0)
        os.truncate(self.descriptors[2], size)

    def close(self) -> None:
        """Gives the descriptors back; arrays made of them stay."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def shared_memory(size: int) -> int:
    """A descriptor of a file in memory, zeros; it goes when the last process closes it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("gansmith")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, size)
    return descriptor
