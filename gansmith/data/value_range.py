"""The range of values of a collection of pictures: one linear scale from what the files hold to 0..255."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

# This module must not import torch: the worker processes that decode images have to start fast.
if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from gansmith.data.resizing import Pixels

Range = tuple[float, float]
BYTES, WHOLE, REAL = range(3)  # what a file holds: 8 bits a value, larger whole numbers, or floats
MASK: Range = (0.0, 1.0)
SLACK = 0.05  # of the range: filters overshoot by about so much; such values are clipped
NARROW, MANY = 64, 8  # of 256 levels: if so many pictures all reach fewer, that is said


@dataclass(frozen=True)
class Ranges:
    """Which values become 0 and 255: in files of 8 bits a value, and in deeper ones; None for the files' own 0..255."""

    shallow: Range | None = None
    deep: Range | None = None


UNSCALED = Ranges()


def found_range(low: float, high: float, is_whole: bool) -> Range:
    """The range of a whole collection whose values lie between ``low`` and ``high``.

    - Whole numbers of 0 and up: from 0 to the largest number of as many bits, such as 4095 for 12-bit scans.
    - Floats: [0, 1], [-1, 1] or [0, 255], if they fit into one of these but for an overshoot of a twentieth.
    - All others, signed whole numbers among them: from the smallest to the largest.

    Example:
        >>> found_range(3, 4000, True), found_range(-1000, 3071, True)
        ((0.0, 4095.0), (-1000, 3071))
        >>> found_range(-1e-6, 0.9, False), found_range(-0.9, 0.9, False), found_range(2.5, 300.0, False)
        ((0.0, 1.0), (-1.0, 1.0), (2.5, 300.0))
    """
    if is_whole and low >= 0:
        return 0.0, 2.0 ** max(1, int(high).bit_length()) - 1
    if not is_whole and low >= -1 - SLACK and high <= 1 + SLACK:
        return (0.0 if low >= -SLACK else -1.0), 1.0
    if not is_whole and low >= -255 * SLACK and 127 < high <= 255 * (1 + SLACK):
        return 0.0, 255.0
    return (low, high) if low < high else (low, low + 1)


def to_bytes(values: npt.NDArray[Any], wanted: Range) -> Pixels:
    """Values to uint8: ``wanted`` becomes 0..255, rounded; what lies outside is clipped."""
    import numpy as np

    low, high = wanted
    return np.rint((values.astype(np.float64) - low) * (255 / (high - low))).clip(0, 255).astype(np.uint8)


def table(wanted: Range) -> list[int]:
    """`to_bytes` of the values 0 to 255."""
    import numpy as np

    return [int(value) for value in to_bytes(np.arange(256), wanted)]


def deep_note(low: float, high: float, wanted: Range) -> tuple[str, ...]:
    """What became of deep values that lie between ``low`` and ``high``."""
    clipped = "" if low >= wanted[0] and high <= wanted[1] else ", others are clipped"
    return (
        f"values from {low:g} to {high:g}: those from {wanted[0]:g} to {wanted[1]:g} become 0 to 255{clipped} "
        "(--range A,B takes others)",
    )


def shallow_of(wanted: Range | None) -> Range | None:
    """The range that is asked for, where it can be one of bytes."""
    return wanted if wanted is not None and wanted[0] >= 0 and wanted[1] <= 255 else None


def mask_range(most: int) -> Range | None:
    """The range of 8-bit pictures whose largest value is ``most``: that of masks of 0 and 1, or else their own."""
    return MASK if most == 1 else None


def narrow_note(brightest: npt.NDArray[np.uint8], scale: Ranges) -> tuple[str, ...]:
    """Whether pictures were masks; a warning where all of many are dark, or where some look like masks beside others.

    Arguments:
        brightest: the largest value of each picture, as it is now.
        scale: what their values were brought from.
    """
    n, most = len(brightest), int(brightest.max())
    if scale.shallow == MASK and most > 1:
        return ("all values are 0 or 1: 1 becomes 255",)
    if scale == UNSCALED and most >= NARROW and (faint := int((brightest == 1).sum())):
        has = "has" if faint == 1 else "have"
        return (f"{faint:,} of {n:,} pictures {has} no value above 1, as masks of 0 and 1: save all with 255 as white",)
    if n < MANY or most >= NARROW:
        return ()
    cure = f"--range 0,{most} makes them brighter" if scale == UNSCALED and most else "look at --range"
    return (f"the pictures are dark: values reach only {most} of 255 ({cure})",)


def check_range(wanted: Range | None) -> None:
    """Refuses what is no range.

    Raises:
        ValueError: not two finite numbers, the first below the second.
    """
    if wanted is None:
        return
    if len(wanted) != 2 or not all(map(math.isfinite, wanted)) or not wanted[0] < wanted[1]:
        raise ValueError(f"needs a range of two numbers, the smaller first, such as 0,4095, but got {wanted}")
