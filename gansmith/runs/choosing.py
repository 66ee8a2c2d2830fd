"""What a run takes where nothing was said: a recipe that fits the data, and a size of pictures that fits the time."""

from __future__ import annotations

from gansmith.counting import counted
from gansmith.data import Dataset

PHOTOS, OTHERS = "photos", "ogan"
USUAL = 64
"""Pixels of a side: what some thousand rounds on a laptop make something of."""
SIZES = (32, 64, 128, 256)
ENOUGH = 600
"""Rounds after which pictures of 64 pixels show silhouettes; of other sizes, in proportion to their pixels."""
AMPLE = 4
"""Times as many for larger pictures than these: they are taken where they come out well, not where they just begin."""
LEARNED = 2
"""Times fewer for networks that begin with what others have learned."""


def recipe_for(data: Dataset) -> str:
    """The recipe for data: `photos` for color pictures, `ogan` for gray ones and for vectors.

    Example:
        >>> from gansmith.data import load
        >>> recipe_for(load("digits")), recipe_for(load("digits", channels=3))
        ('ogan', 'photos')
    """
    return PHOTOS if data.is_images and data.shape[0] >= 3 else OTHERS


def rounds_needed(size: int, learned: bool = False) -> int:
    """How many rounds there must be for pictures of this side to be chosen.

    Arguments:
        size: the side.
        learned: whether the networks begin with what others have learned.

    Example:
        >>> [rounds_needed(size) for size in SIZES], rounds_needed(64, learned=True)
        ([150, 600, 9600, 38400], 300)
    """
    return ENOUGH * size**2 // USUAL**2 * (AMPLE if size > USUAL else 1) // (LEARNED if learned else 1)


def other_size(size: int, rounds: int, learned: bool = False) -> int | None:
    """The side to try instead: the next smaller one where too few rounds fit, a larger one where more than enough do.

    Rounds at another size are taken to be as many more as it has fewer pixels.

    Arguments:
        size: what was tried.
        rounds: how many fit at this size.
        learned: whether networks of this size begin with what others have learned.

    Example:
        >>> other_size(64, 300), other_size(64, 20_000), other_size(64, 40_000), other_size(64, 300, learned=True)
        (32, None, 128, None)
    """
    smaller, larger = ([s for s in SIZES if s < size], [s for s in SIZES if s > size])
    if rounds < rounds_needed(size, learned):
        return smaller[-1] if smaller else None
    if larger and rounds * size**2 // larger[0] ** 2 >= rounds_needed(larger[0]):
        return larger[0]
    return None


def reason(size: int, rounds: int, minutes: float, learned: bool = False) -> str:
    """A line on a size that was chosen."""
    needed = rounds_needed(size, learned)
    fits = f"{size} px: about {counted(rounds, 'round')} of it fit into {counted(minutes, 'minute')} here"
    if rounds < needed:
        return f"{fits}, and pictures want {needed:,}: give it more minutes; --size N takes another size"
    larger = [s for s in SIZES if s > size]
    if not larger:
        return fits
    there = rounds * size**2 // larger[0] ** 2
    return f"{fits} ({larger[0]} px: {there:,}, and needs {rounds_needed(larger[0]):,}); --size N takes another size"
