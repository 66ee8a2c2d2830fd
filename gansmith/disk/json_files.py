"""Standard JSON: written in one step; damaged files are read as empty."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from gansmith.disk.atomic import atomic
from gansmith.disk.folders import read_file
from gansmith.refusal import Refusal


def to_json(value: Any) -> str:
    """Standard JSON, which has neither infinity nor NaN: they become null.

    Example:
        >>> print(to_json([1, float("nan")]))
        [
          1,
          null
        ]
    """

    def finite(x: Any) -> Any:
        if isinstance(x, dict):
            return {key: finite(each) for key, each in x.items()}
        if isinstance(x, (list, tuple)):
            return [finite(each) for each in x]
        return None if isinstance(x, float) and not math.isfinite(x) else x

    return json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, value: Any, *, new: bool = False) -> None:
    """Writes JSON in one step.

    Arguments:
        path: the file to write.
        value: what to write.
        new: whether an existing file is an error.

    Raises:
        Refusal: it cannot be written; an existing file stays as it is.
    """
    # a file name that is not UTF-8 becomes an escape sequence of JSON
    text = (to_json(value) + "\n").encode("utf-8", "backslashreplace")
    try:
        with atomic(path, new=new) as file:
            file.write(text)
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror}") from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if the file is missing, damaged, a link or too large, or is no object."""
    try:
        content = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def is_number(value: Any) -> bool:
    """Whether a value from JSON is a float or an integer below 2^63 in size: JSON has integers of any length.

    Example:
        >>> is_number(3), is_number(0.5), is_number(True), is_number(10**400)
        (True, True, False, False)
    """
    return type(value) is float or (type(value) is int and abs(value) < 2**63)
