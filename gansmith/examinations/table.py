"""A table of measured numbers, for a page and for a terminal alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Bar:
    """A share as a bar, beside a mark.

    Attributes:
        share: length of the bar, from 0 to 1.
        mark: where the mark is, from 0 to 1; None for no mark.
    """

    share: float
    mark: float | None = None


Cell: TypeAlias = str | Bar


@dataclass(frozen=True)
class Table:
    """Rows of cells under titles; a row's first cell is its title. All texts are plain, never markup.

    Attributes:
        caption: what the table shows and how to read it.
        head: titles of the columns.
        rows: cells, as many in each as there are titles.
        words: numbers of the columns that hold words; the others hold numbers.
        wide: numbers of the columns for which only a page has room.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: Sequence[int] = (0,)
    wide: Sequence[int] = ()


def short(value: float | None) -> str:
    """A number in three digits; nothing where there is none.

    Example:
        >>> short(0.12345), short(None)
        ('0.123', '')
    """
    return "" if value is None else f"{value:.3g}"
