"""State on disk: whole or not at all, checked when it is read, and never code."""

from __future__ import annotations

import cmath
import hashlib
import os
import pickle
import warnings
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from torch import Tensor
from torch.nn import Parameter

from gansmith.disk.atomic import atomic
from gansmith.disk.folders import open_file
from gansmith.training.archive import DTYPES, sound_archive

FORMAT = 1
LONGEST = 2000  # bits of a whole number
SHARED = 16  # names under which a tensor may be saved once, on average

State = dict[str, Any]
PLAIN = (bool, int, float, complex, str, type(None), torch.dtype, torch.device)


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
        ValueError: the state holds something else; the file cannot be written (a full disk, say). What was there
            before is still there.
    """
    names: Counter[int] = Counter()
    state = {key: plain(value, key, names) for key, value in state.items()}
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
        before = f"the checkpoint before it is whole: {path}" if path.exists() else "there was none before"
        reason = _system_error(error) or _first_line(error)
        raise ValueError(f"cannot save {path}: {reason}; {before}") from error


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
            content = torch.load(sound_archive(file), map_location="cpu", weights_only=True)
            _check(content, size)
    except FileNotFoundError:
        raise ValueError(f"there is no checkpoint at {path}") from None
    except pickle.UnpicklingError as error:
        code = "Unsupported" in str(error) or "GLOBAL" in str(error)
        what = f"carries code, which is never run ({_first_line(error)})" if code else "is no checkpoint, or is damaged"
        raise ValueError(f"{path} {what}") from None
    except (RuntimeError, OSError, EOFError, BadZipFile, ValueError, LookupError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is no checkpoint, or is damaged ({_first_line(error)})") from None
    if not isinstance(content, dict) or not {"format", "sha256", "state"} <= content.keys():
        raise ValueError(f"{path} is no checkpoint of gansmith")
    if not isinstance(content["format"], int) or content["format"] > FORMAT:
        raise ValueError(
            f"{path} has format {content['format']}, but this version reads up to {FORMAT}: pip install -U gansmith"
        )
    if digest(content["state"]) != content["sha256"]:
        raise ValueError(f"{path} is damaged: its checksum does not fit its content")
    state: State = content["state"]
    return state


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


def plain(value: Any, name: str, names: Counter[int] | None = None) -> Any:
    """A value of what a checkpoint can hold, with numbers of numpy as Python's.

    A tensor with many names (a layer that is registered often) is written more than once: a file that is small beside
    what it holds is refused when it is read.

    Arguments:
        value: from a state.
        name: of its place there, as in ``dynamics.optimizers``.
        names: how many names each tensor's memory has had.

    Raises:
        ValueError: it is, or holds, something that could not be read again without running code.

    Example:
        >>> import numpy as np
        >>> plain({"lr": np.float64(0.5)}, "group")
        {'lr': 0.5}
        >>> plain([{1, 2}], "game.seen")
        Traceback (most recent call last):
        ...
        ValueError: needs a state of tensors, ... but game.seen.0 is a set: convert it in get_extra_state or state_dict
    """
    names = Counter() if names is None else names
    if isinstance(value, Tensor):
        return _plain_tensor(value, name, names)
    if type(value) in PLAIN and not _is_beyond(value):
        return value
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
        number = value.item()
        if type(number) is not type(value):  # a long double is its own item
            return plain(number, name, names)
    if type(value) in (dict, OrderedDict):
        return {plain(key, f"{name}.{key}"): plain(item, f"{name}.{key}", names) for key, item in value.items()}
    if type(value) in (list, tuple, torch.Size):
        items = [plain(item, f"{name}.{i}", names) for i, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    raise ValueError(
        f"needs a state of tensors, numbers, words, lists and dicts, but {name} is a {type(value).__name__}: convert "
        "it in get_extra_state or state_dict"
    )


def _plain_tensor(value: Tensor, name: str, names: Counter[int]) -> Tensor:
    """A tensor that has its own numbers, and nothing else, so that torch writes it in the form that is read."""
    kind = type(value)
    if kind not in (Tensor, Parameter) or value.layout != torch.strided or value.is_meta or _is_beyond(value.dtype):
        raise ValueError(
            f"needs dense tensors of the types {', '.join(DTYPES)}, but {name} is a {kind.__name__}, {value.dtype}, "
            f"{value.layout}, on {value.device}: convert it in get_extra_state or state_dict"
        )
    value = value.detach().resolve_conj().resolve_neg()
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():  # one number under many places
        value = value.contiguous()
    memory = value.untyped_storage().data_ptr()
    names[memory] += 1
    return value if names[memory] % (SHARED // 2) else value.clone()


def _is_beyond(value: Any) -> bool:
    """Whether a plain value is one that is not read: a type of tensors of few machines, or an endless whole number."""
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.") not in DTYPES
    return type(value) is int and value.bit_length() > LONGEST


def form(value: Any) -> str:
    """A digest of what a state is made of, whatever its numbers: two states of one form are written alike.

    Example:
        >>> form({"a": torch.zeros(2)}) == form({"a": torch.ones(2)}) != form({"a": torch.ones(3)})
        True
    """
    return hashlib.sha256(repr(_form(value)).encode("utf-8", "surrogatepass")).hexdigest()


def _form(value: Any) -> Any:
    if isinstance(value, Tensor):
        return type(value), value.dtype, tuple(value.shape), value.layout
    if isinstance(value, Mapping):
        return [(key, _form(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [_form(item) for item in value]
    return type(value)


def not_finite(value: Any, name: str = "") -> dict[str, str]:
    """The names of tensors and numbers in a state that are, or hold, infinity or NaN; and which.

    Example:
        >>> not_finite({"a": torch.zeros(2), "b": [torch.tensor(float("inf")), float("nan")]})
        {'b.0': 'infinite', 'b.1': 'NaN'}
    """
    if isinstance(value, Tensor):
        numbers = value.is_floating_point() or value.is_complex()
        if not numbers or bool(value.isfinite().all()):
            return {}
        return {name: "NaN" if bool(value.isnan().any()) else "infinite"}
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (float, complex)):
        return {} if cmath.isfinite(value) else {name: "NaN" if cmath.isnan(value) else "infinite"}
    items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else ()
    items = enumerate(value) if isinstance(value, (list, tuple)) else items
    bad: dict[str, str] = {}
    for key, item in items:
        bad |= not_finite(item, f"{name}.{key}" if name else str(key))
    return bad


def digest(value: Any) -> str:
    """SHA-256 over names, types, shapes and bytes."""
    sha = hashlib.sha256()
    _feed(sha, value)
    return sha.hexdigest()


def _check(content: Any, size: int) -> None:
    """Refuses what is small in the file and large when it is looked at: tensors that repeat a few numbers without end,
    and lists of one list of one list."""
    room, left, seen = SHARED * size, [content], set[int]()
    while left:
        value = left.pop()
        room -= 1
        if isinstance(value, Tensor):
            need = value.numel() * value.element_size()
            if value.layout != torch.strided or value.is_meta or need > value.untyped_storage().nbytes():
                raise ValueError("it holds a tensor that is larger than its numbers")
            room -= need
        elif isinstance(value, (Mapping, list, tuple)):
            items = list(value.values()) if isinstance(value, Mapping) else list(value)
            if any(isinstance(item, (Mapping, list, tuple)) for item in items):
                if id(value) in seen:  # it may hold itself, or a list of a list twice each without end
                    raise ValueError("it holds a list of lists twice")
                seen.add(id(value))
            left += items
        if room < 0:
            raise ValueError("its content is larger than the file")


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
    if not path.exists():
        return
    link = path.with_name(path.name + ".link")
    link.unlink(missing_ok=True)
    try:
        os.link(path, link)
    except OSError:  # a file system without hard links: for a moment only the previous one has a name
        path.replace(previous(path))
        return
    link.replace(previous(path))


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


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
