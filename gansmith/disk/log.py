"""Reads a log: one line of JSON for each step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gansmith.disk.folders import read_file
from gansmith.disk.json_files import is_number
from gansmith.refusal import Refusal

MOST = 100_000
"""Lines that cannot be read."""
FARTHEST = 2.0**53
"""Steps and seconds; as whole numbers floats have them all up to here."""


def read_log(path: Path) -> list[dict[str, float]]:
    """The valid lines of a log, without those that a crash cut or filled with zeros; empty without a file.

    Raises:
        Refusal: it is not a regular file, too large, or of something else.
        OSError: it cannot be read.
    """
    return sort_out(path)[0]


def sort_out(path: Path) -> tuple[list[dict[str, float]], int]:
    """As `read_log`; and how many lines are invalid, where more come after them."""
    try:
        content = read_file(path)
    except FileNotFoundError:
        return [], 0
    lines, last = list[dict[str, float]](), 0
    texts = filter(None, (text.strip(b"\0 ") for text in content.splitlines()))  # a power cut may leave zeros
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        if _is_line(line):
            lines.append(line)
            last = number
        elif number - len(lines) > MOST:
            raise Refusal(f"{path} is no log: more than {MOST:,} of its lines are none of a log")
    return lines, last - len(lines)


def _is_line(line: Any) -> bool:
    if not isinstance(line, dict) or not all(value is None or is_number(value) for value in line.values()):
        return False
    places = [line.get(key) for key in ("stage", "step", "seconds")]
    return all(place is not None and abs(place) < FARTHEST for place in places)  # False for NaN
