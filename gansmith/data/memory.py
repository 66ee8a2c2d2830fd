"""How much memory decoded images may take before they go to a file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MOST = 4 << 30


def budget() -> int:
    """Bytes: a quarter of the memory that is free, at most 4 GiB; or GANSMITH_MEMORY in MiB.

    Raises:
        ValueError: GANSMITH_MEMORY is not a whole number.
    """
    setting = os.environ.get("GANSMITH_MEMORY")
    if setting:
        if not setting.isdecimal():
            raise ValueError(f"needs GANSMITH_MEMORY in MiB, such as 2048, but it is {setting!r}")
        return int(setting) << 20
    return min(free() // 4, MOST)


def free() -> int:
    """Bytes of free memory."""
    limits = [4 * MOST]
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        limits.append(int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) << 10)
    with suppress(OSError, ValueError):  # the limit of a container; "max" if it has none
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(limits)
