"""Damage for the fuzzing of readers: of bytes, of JSON, and of files whose checksums are put right again."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

Mutate = Callable[[bytes, random.Random], bytes]

DEEP = json.loads("[" * 900 + "]" * 900)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 0.5, 1e308, -1e308, 5e-324),
    *(float("nan"), float("inf"), -0.0, "", "a", "\0", "\n", "\ud800", "../../etc", "x" * 5000, "nan", "<b>"),
    *([], {}, [[]], [None], {"": {}}, [0] * 3000, DEEP),
)
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 2**63, 2**64 - 1)


def of_bytes(content: bytes, chance: random.Random) -> bytes:
    """One to four changes: bits, fields at their extremes, pieces cut, repeated, put in or moved."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4))):
        chance.choice(BYTES)(data, chance)
    return bytes(data)


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 3, 20)) if data else 0):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(data: bytearray, chance: random.Random) -> None:
    size = chance.choice((1, 2, 4, 8))
    value = chance.choice(EXTREMES) % 2 ** (8 * size)
    start = _place(data, chance)
    data[start : start + size] = value.to_bytes(size, chance.choice(("little", "big")))


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[_place(data, chance) :]


def _remove(data: bytearray, chance: random.Random) -> None:
    start = _place(data, chance)
    del data[start : start + chance.choice((1, 4, 64, 1000))]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = _place(data, chance)
    piece = bytes(data[start : start + chance.choice((1, 8, 100))])
    data[start:start] = piece * chance.choice((1, 2, 50))


def _insert(data: bytearray, chance: random.Random) -> None:
    start, size = _place(data, chance), chance.choice((1, 4, 100, 5000))
    data[start:start] = chance.choice((bytes(size), b"\xff" * size, chance.randbytes(size)))


def _swap(data: bytearray, chance: random.Random) -> None:
    a, b, size = _place(data, chance), _place(data, chance), chance.choice((2, 8, 64))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def _place(data: bytearray, chance: random.Random) -> int:
    """Anywhere, and half of the time where headers are."""
    return chance.randrange(min(len(data), chance.choice((64, len(data)))) + 1) if data else 0


BYTES = (_flip, _set, _cut, _remove, _repeat, _insert, _swap)


def of_json(content: bytes, chance: random.Random) -> bytes:
    """Values of odd types and sizes in the places of others; keys without, twice, and unknown; or changed bytes."""
    if chance.random() < 0.2:
        return of_bytes(content, chance)
    value = json.loads(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        value = changed(value, chance)
    return json.dumps(value).encode("utf-8", "surrogatepass")


def changed(value: Any, chance: random.Random, odd: Sequence[Any] = ODD) -> Any:
    """A value with one change, at any depth."""
    if not isinstance(value, (dict, list, tuple)) or not value or chance.random() < 0.15:
        return chance.choice(odd)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, copy = chance.choice(keys), dict(value) if isinstance(value, dict) else list(value)
    what = chance.random()
    if what < 0.1:
        del copy[key]
    elif what < 0.2 and isinstance(copy, dict):
        copy[chance.choice((*keys, "unknown", ""))] = chance.choice(odd)
    elif what < 0.2 and isinstance(copy, list):
        copy.insert(key, chance.choice((value[key], *odd)))
    else:
        copy[key] = changed(value[key], chance, odd)
    return copy if isinstance(value, dict) else type(value)(copy)


def of_lines(content: bytes, chance: random.Random) -> bytes:
    """Lines of JSON of which one is changed, missing, repeated or moved."""
    lines = content.splitlines()
    if not lines or chance.random() < 0.2:
        return of_bytes(content, chance)
    i = chance.randrange(len(lines))
    lines[i] = of_json(lines[i], chance)
    if chance.random() < 0.3:
        lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    return b"\n".join(lines) + b"\n"


def of_table(content: bytes, chance: random.Random) -> bytes:
    """A table with cells of odd content, quotes without an end, other separators, or changed bytes."""
    if chance.random() < 0.3:
        return of_bytes(content, chance)
    odd = ('"', ",", "\t", ";", "\r", "\n", "\0", "", "9" * 400, "-1", "1e308", "nan", '"' * 99, "x" * 9000, "\ufeff")
    lines = content.decode().split("\n")
    for _ in range(chance.choice((1, 2, 5))):
        i = chance.randrange(len(lines))
        cells = lines[i].split(",")
        cells[chance.randrange(len(cells))] = chance.choice(odd)
        lines[i] = chance.choice((",", ",", ";", "\t")).join(cells)
    return "\n".join(lines).encode()


def of_png(content: bytes, chance: random.Random) -> bytes:
    """A PNG whose chunks are changed, repeated, moved or new, with right checksums."""
    if chance.random() < 0.4:
        return of_bytes(content, chance)
    chunks, at = [], 8
    while at + 12 <= len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    i = chance.randrange(len(chunks))
    kind, data = chunks[i]
    whole = zlib.decompressobj().decompress(data) if kind == b"IDAT" and data[:1] == b"x" else b""  # not a later part
    data = zlib.compress(of_bytes(whole, chance)) if whole and chance.random() < 0.5 else of_bytes(data, chance)
    chunks[i] = (kind, data)
    new = chance.choice((b"iCCP", b"zTXt", b"tEXt", b"eXIf", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"fdAT", b"gAMA"))
    if chance.random() < 0.5:
        filler = chance.choice((b"", b"a\0\0" + zlib.compress(bytes(100_000)), chance.randbytes(40)))
        chunks.insert(chance.randrange(len(chunks) + 1), chance.choice(((new, filler), chunks[i])))
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return content[:8] + b"".join(packed)


def of_gzip(content: bytes, chance: random.Random) -> bytes:
    """A gzip file of changed content, in members of odd headers, or with changed bytes."""
    if chance.random() < 0.4:
        return of_bytes(content, chance)
    inner = of_bytes(gzip.decompress(content), chance)
    packed = gzip.compress(inner, mtime=0)
    what = chance.randrange(4)
    if what == 0:  # a name and other fields that may have no end
        fields = chance.choice((b"x" * 50_000, b"name\0", b"\xff\xff", b""))
        packed = packed[:3] + bytes([chance.randrange(256)]) + packed[4:10] + fields + packed[10:]
    elif what == 1:
        packed = gzip.compress(b"", mtime=0) * chance.choice((1, 100, 3000)) + packed
    elif what == 2:
        packed += chance.choice((bytes(600), b"x", packed))
    return packed


def of_zip(content: bytes, chance: random.Random) -> bytes:
    """A zip file with changed entries and odd names, packed again, or with changed bytes."""
    if chance.random() < 0.5:
        return of_bytes(content, chance)
    names = ("../a.png", "/a.png", "a\\b.png", "a\0.png", "x" * 3000, "a/", "__MACOSX/a.png", "é.png")
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
        for entry in old.infolist():
            data = of_bytes(old.read(entry), chance) if chance.random() < 0.4 else old.read(entry)
            name = chance.choice(names) if chance.random() < 0.1 else entry.filename
            new.writestr(name, data, chance.choice((0, 8, 8, 12)))
    return packed.getvalue() if chance.random() < 0.7 else of_bytes(packed.getvalue(), chance)


def of_npy(content: bytes, chance: random.Random) -> bytes:
    """An .npy file with another header of the right length, or with changed bytes."""
    if chance.random() < 0.4:
        return of_bytes(content, chance)
    (size,) = struct.unpack("<H", content[8:10])
    kinds = ("|u1", "<f4", "<f8", "<i8", "|O", "|b1", "<c16", "<U9", "|V3", "<M8[s]", "[('a', '<f4')]", "<f2", "|S0")
    shapes = (
        "()",
        "(0,)",
        "(4,)",
        "(2, 2)",
        "(-1,)",
        "(9999999999,)",
        "(2**9,)",
        "(1, 8, 8)",
        "(True,)",
        "(" * 80,
        "[4]",
    )
    header = f"{{'descr': '{chance.choice(kinds)}', 'fortran_order': {chance.choice((True, False, 1, None))}, "
    header += f"'shape': {chance.choice(shapes)}}}"
    if chance.random() < 0.3:
        header = of_bytes(header.encode(), chance).decode("latin-1")
    return content[:8] + struct.pack("<H", len(header)) + header.encode("latin-1") + content[10 + size :]


def of_npz(content: bytes, chance: random.Random) -> bytes:
    """An .npz file of changed arrays, packed again, or with changed bytes."""
    if chance.random() < 0.4:
        return of_bytes(content, chance)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
        for entry in old.infolist():
            data = of_npy(old.read(entry), chance) if chance.random() < 0.7 else old.read(entry)
            new.writestr(entry.filename, data, chance.choice((0, 8)))
    return packed.getvalue()
