"""Rows of a text table, whatever separates its columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import IO, TextIO

HEAD = 200  # lines from which the separator is found
SEPARATORS = ("\t", ",", ";", " ")  # in doubt the first: a tab is never part of a word
LONGEST = 1 << 24  # characters: a longer line is split, and its row then has another number of columns

Row = list[str]


def as_text(file: IO[bytes]) -> TextIO:
    """The text of a table in UTF-8; closes ``file`` when it is closed."""
    return io.TextIOWrapper(file, encoding="utf-8-sig", newline="")


def read_rows(text: TextIO, rate: Callable[[Sequence[Row]], int] = len) -> tuple[Row, Iterator[Row]]:
    r"""The first row of a table, and the others as they are read; empty rows are left out.

    The separator is the tab, the comma, the semicolon or the space (any number of them) that gives the first rows one
    and the same number of columns; where several do, the one whose rows ``rate`` rates highest. CelebA's
    ``list_attr_celeba.txt`` begins with the number of rows, and does not name its first column, which is called
    ``file`` here.

    Arguments:
        text: the table, as of `as_text`.
        rate: how well rows fit what the table should hold.

    Raises:
        UnicodeDecodeError: no UTF-8.
        csv.Error: a damaged table, such as a quote that is never closed.

    Example:
        >>> first, rows = read_rows(io.StringIO("a.png\ttench, Tinca tinca\nb.png\tgoldfish, Carassius auratus\n"))
        >>> first, list(rows)
        (['a.png', 'tench, Tinca tinca'], [['b.png', 'goldfish, Carassius auratus']])
        >>> first, rows = read_rows(io.StringIO("2\nBald Smiling\n1.jpg -1  1\n2.jpg  1 -1\n"))
        >>> first, list(rows)
        (['file', 'Bald', 'Smiling'], [['1.jpg', '-1', '1'], ['2.jpg', '1', '-1']])
    """
    lines = iter(lambda: text.readline(LONGEST), "")
    head = list(islice(lines, HEAD))
    rows = _split(chain(head, lines), _separator(head, rate))
    return next(rows, []), rows


def _separator(head: Sequence[str], rate: Callable[[Sequence[Row]], int]) -> str:
    ratings = {}
    for separator in SEPARATORS:
        try:
            rows = list(_split(head, separator))
        except csv.Error:
            continue
        if rows and len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows):
            ratings[separator] = rate(rows)
    if ratings:
        return max(ratings, key=ratings.__getitem__)
    start = next((line for line in head if line.strip()), "")
    return max(",\t;", key=start.count)


def _split(lines: Iterable[str], separator: str) -> Iterator[Row]:
    blank_separated = (line.split() for line in lines)
    rows = blank_separated if separator == " " else csv.reader(lines, delimiter=separator)
    full = (row for row in rows if any(cell.strip() for cell in row))
    start = list(islice(full, 3))
    if len(start) == 3 and _is_counted(*start):
        start = [["file", *start[1]], start[2]]
    return chain(start, full)


def _is_counted(count: Row, names: Row, row: Row) -> bool:
    return len(count) == 1 and re.fullmatch("[0-9]+", count[0].strip()) is not None and len(names) + 1 == len(row)
