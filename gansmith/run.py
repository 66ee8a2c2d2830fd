"""The run folder: what was asked for, on which machine, and how it stands."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from pathlib import Path
from typing import Any

from gansmith import __version__

FORMAT = 1


class RunFolder:
    """A folder with ``run.json`` and what a run leaves beside it. Nothing in it is ever executed by opening it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as where:
        ...     run = RunFolder.create(Path(where) / "one", {"recipe": "ogan"})
        ...     RunFolder.open(run.path).record["status"]
        'running'
    """

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path, self.record = path, record

    @classmethod
    def create(cls, path: Path, record: dict[str, Any]) -> RunFolder:
        """Makes the folder; its ``run.json`` holds ``record``, the machine, and the status.

        Raises:
            ValueError: the folder exists, or cannot be made.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except FileExistsError:
            raise ValueError(
                f"{path} exists and is never overwritten: choose another --out, or gansmith resume {path}"
            ) from None
        except OSError as error:
            raise ValueError(f"cannot make the run folder {path}: {error.strerror}") from None
        about = {"format": FORMAT, "gansmith": __version__, "started": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        run = cls(path, about | record | {"machine": machine(), "status": "running"})
        run.save()
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Reads a run folder.

        Raises:
            ValueError: it is none, its ``run.json`` is damaged, or was written by a newer version.
        """
        file = path / "run.json"
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ValueError(f"{path} is no run folder: it holds no run.json") from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"{file} cannot be read: {str(error).splitlines()[0]}") from None
        needed = {"format", "recipe", "arguments", "seed", "data", "status"}
        if not isinstance(record, dict) or not needed <= record.keys():
            raise ValueError(f"{file} is damaged: it lacks parts of a run's record")
        if not isinstance(record["format"], int) or record["format"] > FORMAT:
            raise ValueError(
                f"{file} has format {record['format']}, but this version reads up to {FORMAT}: pip install -U gansmith"
            )
        return cls(path, record)

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
    def log(self) -> Path:
        return self.path / "log.jsonl"


def free_name(folder: Path, stem: str) -> Path:
    """The first of ``stem-1``, ``stem-2``, ... that is not there.

    Example:
        >>> free_name(Path("no-such-folder"), "ogan-digits").name
        'ogan-digits-1'
    """
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.") or "run"
    number = 1
    while (folder / f"{stem}-{number}").exists():
        number += 1
    return folder / f"{stem}-{number}"


def write_json(path: Path, value: Any) -> None:
    """Writes JSON in one step."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ValueError(f"cannot write {path}: {error.strerror}") from error


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
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
