"""A number and its noun, in singular or plural."""

from __future__ import annotations


def counted(n: float | str, one: str, several: str = "") -> str:
    """A count with its noun.

    Arguments:
        n: how many; whole numbers are written out in full, and a word that somebody's record has there as it is.
        one: the noun of one.
        several: that of several, where it is not the other with an s.

    Example:
        >>> counted(1, "file"), counted(12_000, "file"), counted(0, "class", "classes"), counted(0.5, "minute")
        ('1 file', '12,000 files', '0 classes', '0.5 minutes')
    """
    number = n if isinstance(n, str) else f"{n:,}" if isinstance(n, int) else f"{n:g}"
    return f"{number} {one if n == 1 else several or one + 's'}"
