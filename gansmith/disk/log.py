"""A log: one line of JSON a step."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from gansmith.disk.folders import read_file
from gansmith.disk.json_files import is_number


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a log up to the first that none of ours is: a last one that was cut off, say.

    Raises:
        Refusal: it is no file, or far larger than any of ours.
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
