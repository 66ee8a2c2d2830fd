"""Reads a log: one line of JSON for each step."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from gansmith.disk.folders import read_file
from gansmith.disk.json_files import is_number


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a log up to the first invalid one, such as a truncated last line; empty without a file.

    Raises:
        Refusal: it is not a regular file, or too large.
        OSError: it cannot be read.
    """
    try:
        content = read_file(path)
    except FileNotFoundError:
        return []
    lines = []
    for text in content.splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            break
        if not _is_line(line):
            break
        lines.append(line)
    return lines


def _is_line(line: Any) -> bool:
    if not isinstance(line, dict) or not all(value is None or is_number(value) for value in line.values()):
        return False
    places = [line.get(key) for key in ("stage", "step", "seconds")]
    return all(place is not None and math.isfinite(place) for place in places)
