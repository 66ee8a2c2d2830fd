"""State on disk: whole or not at all, checked when it is read, and never code."""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from torch import Tensor

from gansmith.disk.atomic import atomic
from gansmith.disk.folders import open_file
from gansmith.disk.parts import beside
from gansmith.training.archive import sound_archive
from gansmith.training.state import DEEPEST, SHARED, State, plain

FORMAT = 1
DAMAGE = (
    *(RuntimeError, OSError, EOFError, BadZipFile, ValueError, LookupError, AttributeError, TypeError),
    *(ArithmeticError, MemoryError),
)
"""What readers raise on what is damaged or hostile."""


def save(path: Path, state: State, *, keep: bool = True, again: bool = True) -> None:
    """Writes a state of tensors, numbers, strings, lists and dicts; keeps what ``path`` held as its previous one.

    What is written can be read: numbers of numpy become Python's, and anything else is refused by its name. The file is
    read again before it takes the place of the one before.

    A temporary file beside it is written and synchronized, and then takes its place in one step: whenever the process
    is killed, ``path`` or :func:`previous` holds a whole checkpoint. The format version and a checksum go with it.

    Arguments:
        path: where to.
        state: what.
        keep: whether ``path`` takes the place of its previous one; False where it is damaged, so that this one stays.
        again: whether the file is read again; False where one of the same `form` was.

    Raises:
        ValueError: the state holds something else; the file cannot be written (a full disk, a folder in its place).
            What was there before is still there.
    """
    state = plain(state)
    try:
        with atomic(path) as file:
            torch.save({"format": FORMAT, "sha256": digest(state), "state": state}, file)
            file.flush()
            os.fsync(file.fileno())  # before the one before it moves
            if again:
                _read_again(Path(file.name), path)
            if keep:
                _keep(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:  # torch's writer says RuntimeError where a disk is full
        raise ValueError(f"cannot save {path}: {_reason(path, error)}; {_before(path)}") from error


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, (IsADirectoryError, PermissionError)):  # the second is what Windows says of a folder
        for place in (path, previous(path)):
            if place.is_dir():
                return f"{place} is a folder, move it away"
    return _system_error(error) or _first_line(error)


def _before(path: Path) -> str:
    for place in (path, previous(path)):
        if is_whole(place):
            return f"the checkpoint before it is whole: {place}"
    return "no whole one was there before"


def _read_again(part: Path, path: Path) -> None:
    try:
        load(part)
    except ValueError as error:
        reason = str(error).removeprefix(f"{part} ")
        raise ValueError(
            f"cannot save {path}, as it cannot be read again (it {reason}): convert it in get_extra_state or state_dict"
        ) from error


def previous(path: Path) -> Path:
    """Where the checkpoint before the newest is kept."""
    return path.with_name(path.stem + ".previous" + path.suffix)


def load(path: Path) -> State:
    """Reads what :func:`save` wrote; tensors come to the CPU. Nothing in the file is executed.

    Raises:
        ValueError: there is no such file, it is damaged or no checkpoint, it carries code, or its format is newer.
    """
    try:
        with open_file(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            size = file.seek(0, os.SEEK_END)
            archive, numbers = sound_archive(file)
            content = torch.load(archive, map_location="cpu", weights_only=True)
            _check(content, size, numbers)
            return _sound(content)
    except FileNotFoundError:
        raise ValueError(f"there is no checkpoint at {path}") from None
    except pickle.UnpicklingError as error:
        code = "Unsupported" in str(error) or "GLOBAL" in str(error)
        what = f"carries code, which is never run ({_first_line(error)})" if code else "is no checkpoint, or is damaged"
        raise ValueError(f"{path} {what}") from None
    except _Unsound as error:
        raise ValueError(f"{path} {error}") from None
    except DAMAGE as error:
        raise ValueError(f"{path} is no checkpoint, or is damaged ({_first_line(error)})") from None


class _Unsound(Exception):  # noqa: N818 (what it is)
    """What is wrong with the content of a checkpoint that can be read."""


def _sound(content: Any) -> State:
    if not isinstance(content, dict) or not {"format", "sha256", "state"} <= content.keys():
        raise _Unsound("is no checkpoint of gansmith")
    if not isinstance(content["format"], int) or content["format"] > FORMAT:
        needed = f"this version reads up to {FORMAT}: pip install -U gansmith"
        raise _Unsound(f"has format {_first_line(content['format'])}, but {needed}")
    if digest(content["state"]) != content["sha256"]:
        raise _Unsound("is damaged: its checksum does not fit its content")
    state = content["state"]
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise _Unsound("is no checkpoint of gansmith: its state is no dict of names")
    return state


def mark(path: Path) -> tuple[int, ...] | None:
    """What tells that a file is the one that was written, untouched since; None where there is none."""
    try:
        of = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return of.st_ino, of.st_size, of.st_mtime_ns


def is_whole(path: Path) -> bool:
    """Whether a checkpoint can be read."""
    try:
        load(path)
    except ValueError:
        return False
    return True


def load_newest(path: Path) -> tuple[State, str | None]:
    """The newest whole checkpoint, and a sentence where it is not the newest one written.

    Raises:
        ValueError: neither the newest nor the previous checkpoint can be read.
    """
    try:
        return load(path), None
    except ValueError as error:
        if not previous(path).exists():
            raise
        return load(previous(path)), f"{error}; went back to the checkpoint before it"


def digest(value: Any) -> str:
    """SHA-256 over names, types, shapes and bytes."""
    sha = hashlib.sha256()
    _feed(sha, value)
    return sha.hexdigest()


def _check(content: Any, size: int, numbers: int) -> None:
    """Refuses what is small in the file and large when it is looked at: tensors that repeat a few numbers without end,
    and lists of one list of one list; and tensors of more bytes than the file has of them, which older versions of
    torch (before 2.10) take from foreign memory."""
    room, left, seen = SHARED * size, [(content, 0)], set[int]()
    storages: dict[int, int] = {}
    while left:
        value, depth = left.pop()
        room -= 1
        if depth > DEEPEST + 2:  # the state lies within the content, and its first list within the state
            raise ValueError("its lists are nested too deep")
        if isinstance(value, Tensor):
            need = value.numel() * value.element_size()
            if value.layout != torch.strided or value.is_meta or need > value.untyped_storage().nbytes():
                raise ValueError("it holds a tensor that is larger than its numbers")
            room -= need
            storage = value.untyped_storage()
            storages[storage._cdata] = storage.nbytes()
        elif isinstance(value, (Mapping, list, tuple)):
            items = [*value.keys(), *value.values()] if isinstance(value, Mapping) else list(value)
            if any(isinstance(item, (Mapping, list, tuple)) for item in items):
                if id(value) in seen:  # it may hold itself, or a list of a list twice each without end
                    raise ValueError("it holds a list of lists twice")
                seen.add(id(value))
            left += [(item, depth + 1) for item in items]
        if room < 0:
            raise ValueError("its content is larger than the file")
    if sum(storages.values()) > numbers:
        raise ValueError("it holds tensors of more numbers than are in the file")


def _feed(sha: Any, value: Any) -> None:
    if isinstance(value, Tensor):
        sha.update(f"{value.dtype}{tuple(value.shape)}".encode())
        sha.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    elif isinstance(value, Mapping):
        sha.update(f"dict{len(value)}".encode())
        for key, item in value.items():
            sha.update(repr(key).encode())
            _feed(sha, item)
    elif isinstance(value, (list, tuple)):
        sha.update(f"list{len(value)}".encode())
        for item in value:
            _feed(sha, item)
    else:
        sha.update(repr(value).encode())


def _keep(path: Path) -> None:
    if not path.is_file():
        return
    link = beside(path)  # one that is killed here is removed as a part is
    try:
        os.link(path, link)
    except OSError:  # a file system without hard links: for a moment only the previous one has a name
        path.replace(previous(path))
        return
    try:
        link.replace(previous(path))
    finally:
        link.unlink(missing_ok=True)  # it is there if that failed, or if both were one file already


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _system_error(error: BaseException | None) -> str | None:
    """What the system said, also where torch's writer wrapped it."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return None if error is None else error.strerror


def _first_line(what: object) -> str:
    return (str(what).splitlines() or [type(what).__name__])[0][:120]
