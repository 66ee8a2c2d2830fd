"""Reads an IDX file (MNIST's format), gzip or not; its size must be exactly what its header states."""

from __future__ import annotations

import math
import struct
from io import BufferedIOBase
from pathlib import Path

import torch
from torch import Tensor

from gansmith.data.files import IDX_TYPES, one_line
from gansmith.data.packing import DEFLATE_RATIO, check_packing
from gansmith.data.unpacked import DamagedGzip, open_gzip

LIMIT = 8 * 2**30  # bytes: the most that one file may unpack to


def idx_shape(path: Path) -> tuple[int, ...]:
    """The shape that an IDX file's header states; its payload is not read.

    Raises:
        ValueError: no IDX file; its header is truncated or states another type than uint8; or the file is damaged.
        OSError: the file cannot be read.
    """
    with open_gzip(path) if _is_packed(path) else path.open("rb") as file:
        try:
            return _header(file, path)
        except DamagedGzip as error:
            raise _damaged(path, error) from error


def read_idx(path: Path) -> Tensor:
    """Reads an IDX file of type uint8.

    The header is compared with the size of the file before memory is allocated. So neither a wrong header nor a small
    file that unpacks to a huge one can exhaust the memory. At most one byte more than the stated size is unpacked.

    Returns:
        uint8, of the shape that the header states.

    Raises:
        ValueError: the file is truncated, too long, damaged, empty, of another type, or larger than 8 GiB; or it is
            packed too well, as of `check_packing`.
        OSError: the file cannot be read.
    """
    packed = _is_packed(path)
    with open_gzip(path) if packed else path.open("rb") as file:
        try:
            shape = _header(file, path)
            header, payload = 4 + 4 * len(shape), math.prod(shape)
            _check_size(path, header, payload, packed)
            data = torch.empty(payload, dtype=torch.uint8)  # the system allocates pages only as they are filled
            filled, view = 0, data.numpy().data
            while filled < payload and (count := file.readinto(view[filled:])):
                filled += count
            too_long = filled == payload and file.read(1) != b""
        except DamagedGzip as error:
            raise _damaged(path, error) from error
    if filled < payload:
        raise _mismatch(path, payload, f"{filled:,}")
    if too_long:
        raise _mismatch(path, payload, "more")
    return data.reshape(shape)


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _header(file: BufferedIOBase, path: Path) -> tuple[int, ...]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES or magic[3] == 0:
        raise ValueError(f"{one_line(path)} is no IDX file: it starts with 0x{magic.hex()}")
    if magic[2] != 0x08:
        raise ValueError(
            f"{one_line(path)} needs IDX type 0x08 (unsigned bytes), but has 0x{magic[2]:02x}: save it as uint8"
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError(f"{one_line(path)} is truncated within its header: fetch it again")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    if 0 in shape:
        raise ValueError(f"{one_line(path)} is empty: its header states the shape {shape}")
    return shape


def _check_size(path: Path, header: int, payload: int, packed: bool) -> None:
    on_disk = path.stat().st_size
    if packed and payload > on_disk * DEFLATE_RATIO:
        raise _mismatch(path, payload, f"at most {on_disk * DEFLATE_RATIO:,}")
    if not packed and on_disk != header + payload:
        raise _mismatch(path, payload, f"{max(on_disk - header, 0):,}")
    if payload > LIMIT:
        raise ValueError(f"{one_line(path)} states {payload:,} bytes, more than the limit of {LIMIT:,}: split it")
    if packed:
        check_packing(path, payload, "unpack it with gunzip")


def _mismatch(path: Path, needed: int, got: str) -> ValueError:
    return ValueError(
        f"{one_line(path)} states {needed:,} bytes of data in its header, but holds {got}: fetch it again"
    )


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{one_line(path)} is a damaged gzip file ({one_line(error)}): fetch it again")
