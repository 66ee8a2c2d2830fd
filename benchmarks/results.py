"""RESULTS.md: one section a script, replaced when the script runs again."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

FILE = Path(__file__).with_name("RESULTS.md")
ZOO = FILE.parent.parent / "docs/zoo.md"
README = FILE.parent.parent / "README.md"


def record(name: str, text: str) -> None:
    """Puts a section in the place of the one of the same name, or at the end."""
    section = f"<!-- {name} -->\n{text.strip()}\n\n{provenance()}\n<!-- end {name} -->"
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else "# Measured results\n"
    pattern = re.compile(f"<!-- {re.escape(name)} -->.*?<!-- end {re.escape(name)} -->", re.DOTALL)
    after = pattern.sub(lambda _: section, before) if pattern.search(before) else f"{before.rstrip()}\n\n{section}\n"
    FILE.write_text(after, encoding="utf-8")
    print(section)


def put_into_zoo(name: str, text: str) -> None:
    """Puts a table between the marks of this name in docs/zoo.md."""
    put_between(ZOO, name, text)


def put_between(file: Path, name: str, text: str) -> None:
    """Puts a text between the marks of this name; on lines of its own where the first mark ends its line."""
    before = file.read_text(encoding="utf-8")
    marks = re.compile(f"(<!-- {re.escape(name)} -->(\\n?)).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)
    if not marks.search(before):
        raise ValueError(f"needs marks named {name} in {file}, but found none")
    file.write_text(marks.sub(lambda m: f"{m[1]}{text.strip()}{m[2]}{m[3]}", before), encoding="utf-8")


def provenance() -> str:
    """Command, machine, versions, date."""
    from gansmith.runs.folder import machine

    m = machine()
    command = " ".join(
        [
            "python",
            Path(sys.argv[0]).resolve().relative_to(FILE.resolve().parent.parent).as_posix(),
            *map(_without_place, sys.argv[1:]),
        ]
    )
    device = m["gpu"] or m["processor"]
    return (
        f"`{command}`: {device}, {m['cores']} cores ({m['threads']} threads), {m['system']}, "
        f"Python {platform.python_version()}, torch {torch.__version__}, gansmith at {commit()}, "
        f"{time.strftime('%Y-%m-%d')}."
    )


def _without_place(argument: str) -> str:
    """An argument as it stands in the results: where folders lie on a machine is no part of them."""
    return Path(argument).name if Path(argument).is_absolute() else argument


def commit() -> str:
    """The commit that was measured, with a plus where files differ from it."""
    root = FILE.parent.parent
    try:
        name = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "an unknown commit"
    return name.stdout.strip()


class Kept:
    """Finished runs of one commit, in a file of one JSON object a line; runs of other commits in it are passed over.

    Arguments:
        file: where they are; None for nowhere.
    """

    def __init__(self, file: Path | None) -> None:
        self.file, self.commit, self.runs = file, "", list[dict[str, Any]]()
        if file is None:
            return
        self.commit = committed()
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        for run in map(json.loads, lines):
            if run.pop("commit", None) == self.commit:
                self.runs.append(run)

    def add(self, run: dict[str, Any]) -> None:
        """Prints a run that is finished, and keeps it."""
        self.runs.append(run)
        print(json.dumps(run), flush=True)
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"commit": self.commit, **run}) + "\n")


def committed() -> str:
    """The commit of the code; code that differs from its commit has no name to keep its runs under."""
    root = FILE.parent.parent
    if subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "*.py"], cwd=root, check=False).returncode:
        raise SystemExit(
            "--kept needs code that is committed, but a .py file has changed: commit it, or leave --kept out"
        )
    name = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    return name.stdout.strip()


def root() -> Path:
    """Where the data for benchmarks lie: ``$GANSMITH_DATA``, or beside the repository."""
    import os

    path = Path(os.environ.get("GANSMITH_DATA", FILE.parent.parent / "../shared/data"))
    if not path.is_dir():
        raise SystemExit(f"needs the benchmark data at {path}: set GANSMITH_DATA")
    return path
