"""The run folder: what was asked for, on which machine, and how it stands."""

from __future__ import annotations

import difflib
import json
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from gansmith.disk.folders import make_folder, make_numbered, read_file
from gansmith.disk.json_files import to_json, write_json
from gansmith.refusal import Refusal
from gansmith.runs.record import misfit
from gansmith.version import __version__

FORMAT = 1
MOST = 4_000_000  # bytes of the record, which is written anew whenever it changes
GROWS = 100_000  # while a run trains, at most


class RunFolder:
    """A folder with ``run.json`` and what a run leaves beside it. Nothing in it is ever executed by opening it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as where:
        ...     run = RunFolder.create(Path(where) / "one", {"recipe": "ogan"})
        ...     run.record["status"], sorted(file.name for file in run.path.iterdir())
        ('running', ['run.json'])
    """

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path, self.record = path, record

    @classmethod
    def create(cls, path: Path, record: dict[str, Any], recipe: bytes | None = None) -> RunFolder:
        """Makes the folder; its ``run.json`` holds ``record``, the machine, and the status.

        Arguments:
            path: where; no folder of that name may be there.
            record: what was asked for.
            recipe: the user's recipe file, to be kept as ``recipe.py``.

        Raises:
            Refusal: the folder exists, or cannot be made.
        """
        return cls._begin(make_folder(path, "--out, or gansmith resume it"), record, recipe)

    @classmethod
    def create_numbered(cls, folder: Path, stem: str, record: dict[str, Any], recipe: bytes | None = None) -> RunFolder:
        """As :meth:`create`, under the first free name of ``folder/stem-1``, ``-2``, ..."""
        return cls._begin(make_numbered(folder, stem), record, recipe)

    @classmethod
    def _begin(cls, path: Path, record: dict[str, Any], recipe: bytes | None) -> RunFolder:
        about = {"format": FORMAT, "gansmith": __version__, "started": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        run = cls(path, about | record | {"machine": machine(), "status": "running"})
        try:
            _check_own(run.record)
            if recipe is not None:
                (path / "recipe.py").write_bytes(recipe)
            run.save()
        except (OSError, Refusal):
            with suppress(OSError):
                (path / "recipe.py").unlink(missing_ok=True)
                path.rmdir()
            raise
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Reads a run folder.

        Raises:
            Refusal: it is none, its ``run.json`` is damaged, or was written by a newer version.
        """
        file = path / "run.json"
        try:
            record = json.loads(read_file(file, MOST))
            to_json(record)  # it is written again, which takes lists that are not too deep
        except (FileNotFoundError, NotADirectoryError):
            raise Refusal(_no_run(path)) from None
        except (OSError, ValueError, RecursionError) as error:
            raise Refusal(f"{file} is damaged: {str(error).splitlines()[0]}") from None
        if not isinstance(record, dict) or type(record.get("format")) is not int:
            raise Refusal(f"{file} is damaged: it is no record of a run")
        if record["format"] > FORMAT:
            raise Refusal(
                f"{file} has format {record['format']}, but this version reads up to {FORMAT}: pip install -U gansmith"
            )
        wrong = misfit(record)
        if wrong is not None:
            raise Refusal(f"{file} is damaged: it needs a proper {wrong!r}")
        return cls(path, record)

    @contextmanager
    def held(self) -> Iterator[None]:
        """While this process writes into the folder, no other one may train the run.

        Raises:
            Refusal: another one does.
        """
        if os.name != "posix":
            yield
            return
        import fcntl

        handle = os.open(self.path, os.O_RDONLY)
        try:
            with suppress(OSError):  # a file system without locks
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go when the process ends, in any way
                except BlockingIOError:
                    raise Refusal(f"{self.path} is being trained by another process: wait, or stop it") from None
            yield
        finally:
            os.close(handle)

    def save(self) -> None:
        """Writes ``run.json`` in one step."""
        write_json(self.path / "run.json", self.record)

    def update(self, **values: Any) -> None:
        """Changes the record, and saves it."""
        self.record.update(values)
        self.save()

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def best(self) -> Path:
        return self.path / "best.pt"

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"


def _check_own(record: dict[str, Any]) -> None:
    """What is written can be read again: a run that could not be opened would be lost."""
    parts = record.get("data", {}), record.get("arguments", {}), record
    for name, value in chain.from_iterable(part.items() for part in parts):
        try:
            to_json(value)
        except (TypeError, ValueError, RecursionError):
            raise Refusal(
                f"needs {name} as plain numbers and words, which run.json can keep, but got {value!r:.80}, of type "
                f"{type(value).__name__}"
            ) from None
    text = to_json(record)
    size, most = len(text.encode("utf-8", "backslashreplace")), MOST - GROWS
    if size > most:
        raise Refusal(
            f"needs a record of at most {most:,} bytes, but that of these data has {size:,}: take fewer "
            "columns or classes, or bring the columns to one size, so that none has a mean and a deviation of its own"
        )
    record = json.loads(text)
    if "shape" in record.get("data", {}) and (wrong := misfit(record)):
        value = record["data"].get(wrong, record.get(wrong))
        raise Refusal(
            f"needs a {wrong} that a run can be opened with (pictures have at most 256 pixels a side), but got "
            f"{value!r:.80}: load the data by gansmith.load"
        )


def machine() -> dict[str, Any]:
    """What the numbers of a run depend on."""
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "onednn": _onednn(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _onednn() -> str | None:
    """The version of oneDNN, and up to which instructions it may go where the environment says so."""
    import torch

    version = re.search(r"MKL-DNN v([\d.]+)", torch.__config__.show())
    most = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA")
    return None if version is None else version[1] + (f", up to {most}" if most else "")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _no_run(path: Path) -> str:
    if path.is_dir():
        return f"{path} is no run folder: it holds no run.json"
    with suppress(OSError):
        names = [file.parent.name for file in path.parent.glob("*/run.json")]
        near = difflib.get_close_matches(path.name, names, 1, 0.6)
        if near and near[0] != path.name:
            return f"there is no run folder {path}: did you mean {path.with_name(near[0])}?"
    return f"there is no run folder {path}"
