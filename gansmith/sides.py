"""The sides of pictures: how they are written, and which ones networks can make."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TypeAlias

Sides: TypeAlias = tuple[int, int]
"""Height and width, in pixels."""

MEDIAN = "median"
"""The size that has the proportions of the pictures."""
SMALLEST, LARGEST = 8, 256
COARSE = 4
"""Places of the smallest map along a side: networks halve a picture until its shorter side has 4 to 7."""


def sides_of(size: int | str | Sides) -> Sides:
    """Height and width of a size as people write it: a square's side, or width x height.

    Raises:
        ValueError: it is neither.

    Example:
        >>> sides_of(64), sides_of("96x64"), sides_of((64, 96))
        ((64, 64), (64, 96), (64, 96))
    """
    if isinstance(size, tuple):
        return size
    if isinstance(size, str):
        found = re.fullmatch(r"(\d{1,6})(?:x(\d{1,6}))?", size)
        if found is None:
            raise ValueError(f"needs a size as 64, or as 96x64 (width x height), but got {size!r:.40}")
        width = int(found[1])
        return (width if found[2] is None else int(found[2])), width
    return size, size


def written(sides: Sides) -> int | str:
    """A size as people write it.

    Example:
        >>> written((64, 64)), written((64, 96))
        (64, '96x64')
    """
    height, width = sides
    return height if height == width else f"{width}x{height}"


def coarse(sides: Sides) -> Sides:
    """The map that is left where a picture is halved until its shorter side has 4 to 7 places.

    Example:
        >>> coarse((64, 64)), coarse((64, 96)), coarse((48, 64))
        ((4, 4), (4, 6), (6, 8))
    """
    unit = 1 << halvings(sides)
    return sides[0] // unit, sides[1] // unit


def halvings(sides: Sides) -> int:
    """How often it is halved.

    Example:
        >>> halvings((64, 96)), halvings((48, 64))
        (4, 3)
    """
    return max((min(sides) // COARSE).bit_length() - 1, 0)


def check_sides(sides: Sides, largest: int = LARGEST) -> None:
    """Refuses sides that networks are not made for: squares of other sides than powers of two, rectangles that halve
    to broken pixels.

    Arguments:
        sides: height and width.
        largest: side, where more than 256 are allowed.

    Raises:
        ValueError: with the nearest that they are made for.

    Example:
        >>> check_sides((64, 100))
        Traceback (most recent call last):
            ...
        ValueError: needs sides from 8 to 256 that halve evenly, but got 100x64: use 96x64
    """
    largest = max(largest, LARGEST)
    if sides[0] == sides[1]:
        _check_square(sides[0], largest)
        return
    near = _nearest(sides, largest)
    if near != sides:
        size = written(near)
        raise ValueError(
            f"needs sides from {SMALLEST} to {largest} that halve evenly, but got {sides[1]}x{sides[0]}: use {size}"
        )


def _check_square(side: int, largest: int) -> None:
    sizes = [1 << power for power in range(3, largest.bit_length())]
    if side in sizes:
        return
    below, above = [s for s in sizes if s < side], [s for s in sizes if s > side]
    near = " or ".join(str(s) for s in below[-1:] + above[:1])
    raise ValueError(
        f"needs an image size that is a power of two from {SMALLEST} to {largest}, but got {side}: use {near}"
    )


def _nearest(sides: Sides, largest: int) -> Sides:
    """The nearest sides that halve evenly; the sides themselves where they do."""
    height, width = (min(max(side, SMALLEST), largest) for side in sides)
    unit = 1 << halvings((height, width))
    near = (height + unit // 2) // unit * unit, (width + unit // 2) // unit * unit
    if halvings(near) != halvings((height, width)):  # the shorter side would be halved once more
        near = height // unit * unit, width // unit * unit
    if near[0] != near[1] or near[0] & (near[0] - 1) == 0:
        return near
    return (near[0] + unit, near[1]) if height > width else (near[0], near[1] + unit)  # of squares few are taken


def median_sides(shapes: Collection[Sides], shorter: int, largest: int = LARGEST) -> Sides:
    """Sides of the median proportions of pictures, the shorter one given, the longer one at most ``largest``.

    Example:
        >>> median_sides([(300, 200), (90, 60), (50, 50)], 64)
        (96, 64)
    """
    from statistics import median_low

    ratio = median_low([width / height for height, width in shapes])
    longer = max(ratio, 1 / ratio) * shorter
    unit = shorter // COARSE
    longer = max(min(round(longer / unit) * unit, largest), shorter)
    return (shorter, longer) if ratio > 1 else (longer, shorter)
