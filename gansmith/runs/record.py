"""What the record of a run, its ``run.json``, must hold before anything is done with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from gansmith.disk.json_files import is_number
from gansmith.sides import LARGEST

NONE = type(None)
RECORD: dict[str, tuple[type, ...]] = {
    "format": (int,),
    "recipe": (str,),
    "arguments": (dict,),
    "seed": (int,),
    "data": (dict,),
    "device": (str,),
    "precision": (str,),
    "machine": (dict,),
    "status": (str,),
}
DATA: dict[str, tuple[type, ...]] = {
    "source": (str,),
    "name": (str,),
    "size": (int, str, NONE),
    "shape": (list,),
    "content": (list, NONE),
    "fingerprint": (str,),
}
DATA_MAY: dict[str, tuple[type, ...]] = {
    "labels": (str, NONE),
    "label_column": (str, NONE),
    "limit": (int, NONE),
    "crop": (str,),
    "flip": (bool,),
    "shift": (int,),
    "value_range": (list, NONE),
    "first_page": (bool,),
    "held_out": (float, NONE),
    "alpha": (bool,),
    "deep_range": (list, NONE),
    "masks": (bool,),
    "class_names": (list,),
    "classes": (int, NONE),
    "digest": (str,),
    "scale": (dict, NONE),
}
MAY: dict[str, tuple[type, ...]] = {
    "file": (dict,),
    "from": (dict,),
    "python": (bool,),
    "pace": (list,),
    "looks_every": (int,),
    "seconds": (int, float),
    "step": (int,),
}
FROM: dict[str, tuple[type, ...]] = {"run": (str,), "sha256": (str,)}
FROM_MAY: dict[str, tuple[type, ...]] = {"pictures": (int,)}
FILE: dict[str, tuple[type, ...]] = {"function": (str,), "sha256": (str,)}

NAME = 255  # bytes of a recipe's name at most: it is looked for as a file, too
PACE = 1000  # changes of the number of rounds at most
CLASSES = 10**6  # at most: networks may have a row for each


def misfit(record: dict[str, Any]) -> str | None:
    """The name of the first entry of a record that is not what it should be.

    Example:
        >>> misfit({"format": 1, "recipe": 3})
        'recipe'
    """
    data, file = record.get("data"), record.get("file")
    return (
        _misfit(record, RECORD)
        or _misfit(record, MAY, needed=False)
        or (_misfit(data, DATA) or _misfit(data, DATA_MAY, needed=False) if isinstance(data, dict) else "data")
        or (_misfit(file, FILE) if isinstance(file, dict) else None)
        or (None if _is_pace(record.get("pace", [])) else "pace")
        or (None if record.get("looks_every", 1) > 0 else "looks_every")
        or (None if _is_from(record.get("from")) else "from")
        or (None if all(isinstance(name, str) for name in record["data"].get("class_names", [])) else "class_names")
        or (None if _is_shape(record["data"]["shape"]) else "shape")
        or (None if len(record["recipe"].encode("utf-8", "replace")) <= NAME else "recipe")
        or (None if 0 < (record["data"].get("classes") or 1) <= CLASSES else "classes")
        or next((key for key in ("value_range", "deep_range") if not _is_range(record["data"].get(key))), None)
        or (None if record["data"].get("scale") is None or _is_scale(record["data"]) else "scale")
        or (None if record["data"]["content"] is None or _is_content(record["data"]["content"]) else "content")
    )


def _misfit(values: Mapping[str, Any], kinds: Mapping[str, tuple[type, ...]], needed: bool = True) -> str | None:
    for key, allowed in kinds.items():
        value = values.get(key, ...)
        if (needed or key in values) and (type(value) not in allowed or not _is_in_range(value)):
            return key
    return None


def _is_in_range(value: Any) -> bool:
    return not isinstance(value, (int, float)) or type(value) is bool or (is_number(value) and math.isfinite(value))


def _is_from(values: dict[str, Any] | None) -> bool:
    """Where a run began, and how many pictures its networks had seen there."""
    if values is None:
        return True
    fits = _misfit(values, FROM) is None and _misfit(values, FROM_MAY, needed=False) is None
    return fits and bool(values.get("pictures", 0) >= 0)


def _is_pace(changes: list[Any]) -> bool:
    """Pairs of a round and of a number of rounds above it; rounds rise."""
    pairs = all(isinstance(pair, list) and len(pair) == 2 for pair in changes) and len(changes) <= PACE
    if not pairs or not all(type(number) is int and 0 <= number <= 10**12 for pair in changes for number in pair):
        return False
    rounds = [after for after, _ in changes]
    return all(after < steps for after, steps in changes) and all(a < b for a, b in pairwise(rounds))


def _is_shape(shape: list[Any]) -> bool:
    """(d,) or (c, h, w)."""
    whole = all(type(side) is int and 0 < side < 2**31 for side in shape)
    return whole and (len(shape) == 1 or (len(shape) == 3 and shape[0] in (1, 3, 4) and max(shape[1:]) <= LARGEST))


def _is_scale(data: dict[str, Any]) -> bool:
    """A finite mean and a positive deviation for each column of vectors."""
    mean, deviation = data["scale"].get("mean"), data["scale"].get("deviation")
    if not (isinstance(mean, list) and isinstance(deviation, list)):
        return False
    numbers = all(type(value) is float and abs(value) < 3.4e38 for value in (*mean, *deviation))
    return numbers and data["shape"] == [len(mean)] == [len(deviation)] and all(value > 0 for value in deviation)


def _is_content(content: list[Any]) -> bool:
    return len(content) == 2 and all(type(side) is int and 0 < side <= LARGEST for side in content)


def _is_range(pair: list[Any] | None) -> bool:
    if pair is None:
        return True
    numbers = len(pair) == 2 and all(is_number(value) and math.isfinite(value) for value in pair)
    return numbers and bool(pair[0] < pair[1])
