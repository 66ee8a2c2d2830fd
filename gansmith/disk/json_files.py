"""JSON as its standard has it: written in one step, and read from anywhere without harm."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from gansmith.disk.atomic import atomic
from gansmith.disk.folders import read_file
from gansmith.refusal import Refusal


def to_json(value: Any) -> str:
    """JSON as its standard has it, which knows neither infinity nor NaN: they become null.

    Example:
        >>> print(to_json([1, float("nan")]))
        [
          1,
          null
        ]
    """

    def known(x: Any) -> Any:
        if isinstance(x, dict):
            return {key: known(each) for key, each in x.items()}
        if isinstance(x, (list, tuple)):
            return [known(each) for each in x]
        return None if isinstance(x, float) and not math.isfinite(x) else x

    return json.dumps(known(value), indent=2, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, value: Any, *, new: bool = False) -> None:
    """Writes JSON in one step.

    Arguments:
        path: where to.
        value: what.
        new: whether to leave what is there.

    Raises:
        Refusal: it cannot be written; what was there stays.
    """
    # a file name that is no UTF-8 becomes an escape that JSON reads back
    text = (to_json(value) + "\n").encode("utf-8", "backslashreplace")
    try:
        with atomic(path, new=new) as file:
            file.write(text)
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror}") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object; an empty one where it does not, is a link, or is too large."""
    try:
        found = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_number(value: Any) -> bool:
    """Whether something is a number that others can calculate with: JSON knows integers of any length.

    Example:
        >>> is_number(3), is_number(0.5), is_number(True), is_number(10**400)
        (True, True, False, False)
    """
    return type(value) is float or (type(value) is int and abs(value) < 2**63)
