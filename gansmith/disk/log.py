"""Reads a log: one line of JSON for each step."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from gansmith.disk.folders import read_file
from gansmith.disk.json_files import is_number


def read_log(path: Path) -> list[dict[str, float]]:
    """The valid lines of a log, without those that a crash cut or filled with zeros; empty without a file.

    Raises:
        Refusal: it is not a regular file, or too large.
        OSError: it cannot be read.
    """
    return sort_out(path)[0]


def sort_out(path: Path) -> tuple[list[dict[str, float]], int]:
    """As `read_log`; and how many lines are invalid, where more come after them."""
    try:
        content = read_file(path)
    except FileNotFoundError:
        return [], 0
    lines, texts, last = list[dict[str, float]](), content.splitlines(), 0
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text.strip(b"\0"))  # a power cut may leave zeros before a whole line
        except (ValueError, RecursionError):
            continue
        if _is_line(line):
            lines.append(line)
            last = number
    return lines, last - len(lines)


def _is_line(line: Any) -> bool:
    if not isinstance(line, dict) or not all(value is None or is_number(value) for value in line.values()):
        return False
    places = [line.get(key) for key in ("stage", "step", "seconds")]
    return all(place is not None and math.isfinite(place) for place in places)
