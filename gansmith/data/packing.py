"""How much a packed file may unpack to: a few megabytes of zeros would fill the memory."""

from __future__ import annotations

from pathlib import Path

from gansmith.data.files import one_line

DEFLATE_RATIO = 1032  # no deflate stream unpacks to more than this times its own length
SIZE = 1 << 30  # bytes: what unpacks to no more may be packed as well as it can be
RATIO = 100  # what unpacks to more, to at most so many times its packed size; masks of this size are far below


def check_packing(path: Path, unpacked: int, cure: str) -> None:
    """Refuses a file that unpacks to more than 1 GiB and to more than 100 times its size.

    Arguments:
        path: the file.
        unpacked: how many bytes all that is in it unpacks to, as it states.
        cure: what to do, for the message.

    Raises:
        ValueError: it is packed too well.
        OSError: the file cannot be read.
    """
    packed = path.stat().st_size
    if unpacked > SIZE and unpacked > RATIO * packed:
        raise ValueError(
            f"{one_line(path)} has {packed:,} bytes, but unpacks to {unpacked:,}, "
            f"more than {RATIO} times as many: {cure}"
        )
