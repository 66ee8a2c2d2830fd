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
HEAD_SIZE = 1 << 20  # characters: no more than a line beyond them are looked at, but two lines at least
LONGEST = 1 << 22  # characters of a row: 100,000 numbers of 64 bits, as NumPy writes them, are 2,500,000

Row = list[str]


class LongRowError(csv.Error):
    """A row is longer than a table of its kind may have; says so without naming the file."""


def as_text(file: IO[bytes]) -> TextIO:
    """The text of a table in UTF-8; closes ``file`` when it is closed."""
    return io.TextIOWrapper(file, encoding="utf-8-sig", newline="")


def read_rows(
    text: TextIO, rate: Callable[[Sequence[Row]], int] = len, longest: int | None = None
) -> tuple[Row, Iterator[Row]]:
    r"""The first row of a table, and the others as they are read; empty rows are left out.

    The separator is the tab, the comma, the semicolon or the space (any number of them) that gives the first rows one
    and the same number of columns; where several do, the one whose rows ``rate`` rates highest. CelebA's
    ``list_attr_celeba.txt`` begins with the number of rows, and does not name its first column, which is called
    ``file`` here.

    Arguments:
        text: the table, as of `as_text`.
        rate: how well rows fit what the table should hold.
        longest: characters that a row may have, `LONGEST` by default.

    Raises:
        UnicodeDecodeError: no UTF-8.
        LongRowError: a longer row.
        csv.Error: a damaged table, such as a quote that is never closed.

    Example:
        >>> first, rows = read_rows(io.StringIO("a.png\ttench, Tinca tinca\nb.png\tgoldfish, Carassius auratus\n"))
        >>> first, list(rows)
        (['a.png', 'tench, Tinca tinca'], [['b.png', 'goldfish, Carassius auratus']])
        >>> first, rows = read_rows(io.StringIO("2\nBald Smiling\n1.jpg -1  1\n2.jpg  1 -1\n"))
        >>> first, list(rows)
        (['file', 'Bald', 'Smiling'], [['1.jpg', '-1', '1'], ['2.jpg', '1', '-1']])
    """
    longest = LONGEST if longest is None else longest
    lines = _lines(text, longest)
    head = _head(lines)
    rows = _split(chain(head, lines), _separator(head, rate, longest), longest)
    return next(rows, []), rows


def _lines(text: TextIO, longest: int) -> Iterator[str]:
    while line := text.readline(longest + 2):
        if len(line.rstrip("\r\n")) > longest:
            raise _too_long(longest)
        yield line


def _head(lines: Iterator[str]) -> list[str]:
    """The lines from which the separator is found."""
    head, size = list[str](), 0
    for line in lines:
        head.append(line)
        size += len(line)
        if len(head) >= HEAD or (size > HEAD_SIZE and len(head) > 1):
            break
    return head


def _separator(head: Sequence[str], rate: Callable[[Sequence[Row]], int], longest: int) -> str:
    ratings = {}
    for separator in SEPARATORS:
        try:
            rows = list(_split(head, separator, longest))
        except csv.Error:
            continue
        if rows and len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows):
            ratings[separator] = rate(rows)
    if ratings:
        return max(ratings, key=ratings.__getitem__)
    start = next((line for line in head if line.strip()), "")
    return max(",\t;", key=start.count)


def _split(lines: Iterable[str], separator: str, longest: int) -> Iterator[Row]:
    blank_separated = (line.split() for line in lines)
    rows = blank_separated if separator == " " else _quoted(lines, separator, longest)
    full = (row for row in rows if any(cell.strip() for cell in row))
    start = list(islice(full, 3))
    if len(start) == 3 and _is_counted(*start):
        start = [["file", *start[1]], start[2]]
    return chain(start, full)


def _quoted(lines: Iterable[str], separator: str, longest: int) -> Iterator[Row]:
    """The rows of a table whose cells may have quotes around them, so that a row may go on over many lines."""
    size = 0

    def counted() -> Iterator[str]:
        nonlocal size
        for line in lines:
            size += len(line)
            if size > longest + 2:
                raise _too_long(longest)
            yield line

    for row in csv.reader(counted(), delimiter=separator):
        size = 0
        yield row


def _too_long(longest: int) -> LongRowError:
    return LongRowError(
        f"needs rows of at most {longest:,} characters, but has a longer one or a quote that is never closed"
    )


def _is_counted(count: Row, names: Row, row: Row) -> bool:
    return len(count) == 1 and re.fullmatch("[0-9]+", count[0].strip()) is not None and len(names) + 1 == len(row)
