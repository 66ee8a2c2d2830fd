"""How much a packed file may unpack to: a few megabytes of zeros would fill the memory."""

from __future__ import annotations

from pathlib import Path

from gansmith.data.files import one_line

DEFLATE_RATIO = 1032  # no deflate stream unpacks to more than this times its own length
SIZE = 256 << 20  # bytes: what unpacks to no more may be packed as well as it can be
RATIO = (
    100  # beyond it, to so many times its packed size; masks of 128 pixels pack to a hundredth, of 512 to half of it
)


TEXT = 4 << 20  # bytes: what an entry of text may unpack to, however well it is packed


def check_packing(path: Path, unpacked: int, cure: str) -> None:
    """Refuses a file that unpacks to more than 100 times its size and 256 MiB.

    Blobs in 512 x 512 pixels, which pack to a 200th, may so be half a gigabyte in one file.

    Arguments:
        path: the file.
        unpacked: how many bytes all that is in it unpacks to, as it states.
        cure: what to do, for the message.

    Raises:
        ValueError: it is packed too well.
        OSError: the file cannot be read.
    """
    _check(one_line(path), path.stat().st_size, unpacked, SIZE, cure)


def check_text(place: str, packed: int, unpacked: int) -> None:
    """Refuses an entry of text that unpacks to more than 100 times its packed size and 4 MiB.

    Text becomes Python's words and lists, of many times its size. Tables of labels pack to a fifth, JSON with much
    room in it to a thirtieth.

    Raises:
        ValueError: it is packed too well.
    """
    _check(place, packed, unpacked, TEXT, "unpack the archive, and name the folder")


def _check(what: str, packed: int, unpacked: int, free: int, cure: str) -> None:
    if unpacked > free + RATIO * packed:
        raise ValueError(
            f"{what} has {packed:,} bytes, but unpacks to {unpacked:,}, "
            f"more than {free:,} beyond {RATIO} times as many: {cure}"
        )
