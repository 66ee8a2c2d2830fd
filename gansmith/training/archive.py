"""What the file of a checkpoint may hold, judged before torch reads it."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import re
from typing import Any, BinaryIO, NamedTuple
from zipfile import ZIP_STORED, ZipFile

from gansmith.data.archive import stated

LARGEST_PICKLE = 2**26
"""Bytes of the part that describes the tensors; ours have a few hundred for each."""
MOST_OPCODES = 1_000_000
"""Of that part; ours have some thirty for each tensor."""
FEW = 5000
"""So many tuples may lie within each other, and so many keys may be no words."""
MADE = ("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "REDUCE", "LONG1", "BINFLOAT")
WORDS = ("BINUNICODE", "BININT", "BININT1", "BININT2", "NEWTRUE", "NEWFALSE", "NONE")
ENTRY = re.compile(
    r"[^/]+/(data\.pkl|data/\d+|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id)"
)
OPCODES = frozenset(
    [
        *("PROTO", "STOP", "MARK", "REDUCE", "BUILD", "GLOBAL", "BINPERSID"),
        *("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("SETITEM", "SETITEMS", "APPEND", "APPENDS", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "NONE", "NEWTRUE", "NEWFALSE"),
    ]
)
STORAGES = (
    *("Float", "Double", "Half", "BFloat16", "ComplexFloat", "ComplexDouble"),
    *("Long", "Int", "Short", "Char", "Byte", "Bool"),
)
DTYPES = (
    *("float32", "float64", "float16", "bfloat16", "complex64", "complex128"),
    *("int64", "int32", "int16", "int8", "uint8", "bool"),
)
GLOBALS = frozenset(
    [
        *("collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"),
        *("torch Size", "torch device", "__builtin__ complex"),
        *(f"torch {name}Storage" for name in STORAGES),
        *(f"torch {name}" for name in DTYPES),
    ]
)


def sound_archive(file: BinaryIO) -> tuple[io.BytesIO, int]:
    """The entries of a checkpoint's file in an archive made anew, of which nothing but what torch writes is left.

    Two readers may see two files in one: a pickle of the old form with an archive behind it, or directories that
    disagree. Here the file is read once, and torch reads what was judged. Entries are not compressed, so that they are
    no larger than the file; their pickle has only the opcodes and names of tensors, numbers, words, lists and dicts.

    Returns:
        The archive, and how many bytes the numbers of its tensors have.

    Raises:
        ValueError: the file holds anything else, or is larger within than without.
        pickle.UnpicklingError: its pickle names code.
        BadZipFile: it is no archive.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(4) != b"PK\x03\x04":
        raise ValueError("it is no archive of torch's")
    if stated(file)[0] > LARGEST_PICKLE:
        raise ValueError("it lists too many entries")
    copy = io.BytesIO()
    with ZipFile(file) as archive, ZipFile(copy, "w", ZIP_STORED) as sound:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        stored = all(e.compress_type == ZIP_STORED and e.compress_size == e.file_size for e in entries)
        if not stored or sum(e.file_size for e in entries) > size:
            raise ValueError("its entries are compressed")
        if len(set(names)) < len(names) or not all(ENTRY.fullmatch(name) for name in names):
            raise ValueError("it holds entries that torch does not write")
        for entry in entries:
            content = archive.read(entry)
            if entry.filename.endswith("/data.pkl"):
                _check_pickle(content)
            sound.writestr(entry.filename, content)
    copy.seek(0)
    return copy, sum(entry.file_size for entry in entries if "/data/" in entry.filename)


def _check_pickle(content: bytes) -> None:
    if len(content) > LARGEST_PICKLE:
        raise ValueError("its description of tensors is too large")
    made = 0
    for number, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        if number > MOST_OPCODES:
            raise ValueError("it has too many parts")
        if opcode.name not in OPCODES:
            raise pickle.UnpicklingError(f"Unsupported opcode {opcode.name}")
        if opcode.name == "GLOBAL" and argument not in GLOBALS:
            raise pickle.UnpicklingError(f"GLOBAL {argument}")
        made += opcode.name in MADE
    if made > FEW:
        reading = _Reading()
        for opcode, argument, _ in pickletools.genops(content):
            reading.take(opcode, argument)


class _Value(NamedTuple):
    """What lies on the stack while a pickle is read."""

    depth: int = 0  # of tuples within tuples
    word: bool = False  # or a small number: keys whose hash nobody can choose
    dict: bool = False  # the name of an ordered one


class _Reading:
    """What a pickle would make: how deep its tuples lie within tuples, and how many of its keys are no words.

    A tuple as a key is hashed to its depth in C; and of tuples, long and complex numbers as many as one likes have one
    hash, so that each is compared with all before it. Lists are built after they were put into others, and are looked
    at when all is read.
    """

    def __init__(self) -> None:
        self.stack, self.memo, self.keys = list[_Value | None](), dict[Any, _Value](), 0

    def take(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Follows one opcode.

        Raises:
            ValueError: tuples lie too deep, too many keys are no words, or a dict is made of pairs.
        """
        if opcode.name == "MARK":
            self.stack.append(None)
            return
        if "PUT" in opcode.name:
            self.memo[argument] = self.stack[-1] or _Value()
            return
        value = self.memo[argument] if "GET" in opcode.name else _Value(word=opcode.name in WORDS)
        if opcode.name == "GLOBAL":
            value = _Value(dict=argument == "collections OrderedDict")
        taken = self._taken(opcode)
        if opcode.name in ("SETITEM", "SETITEMS"):
            self.keys += sum(not key.word for key in taken[1::2])  # from the last value and its key
        if opcode.name == "REDUCE" and taken[1].dict and taken[0].depth != 1:
            raise ValueError("it makes a dict of pairs")
        if "TUPLE" in opcode.name:  # an empty one has depth 1, one with something in it at least 2
            inside = [each.depth for each in taken]
            value = _Value(1 + max(inside, default=0) + (len(inside) > 0))
        if value.depth > 2 * FEW:
            raise ValueError("its tuples are nested too deep")
        if self.keys > FEW:
            raise ValueError("too many of its keys are no words")
        self.stack += [value] * len(opcode.stack_after)

    def _taken(self, opcode: pickletools.OpcodeInfo) -> list[_Value]:
        needs, taken = list(opcode.stack_before), list[_Value]()
        if pickletools.markobject in needs:
            while (value := self.stack.pop()) is not None:
                taken.append(value)
            needs = needs[: needs.index(pickletools.markobject)]
        return taken + [self.stack.pop() or _Value() for _ in needs]
