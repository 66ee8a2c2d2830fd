"""Vectors from a table of numbers: a row is a sample."""

from __future__ import annotations

import codecs
import csv
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import torch

from gansmith.counting import counted
from gansmith.data.files import encodable, one_line
from gansmith.data.label_tables import LABEL_COLUMNS, find_column
from gansmith.data.label_values import Labels, labels_of_words
from gansmith.data.raw_data import RawData
from gansmith.data.rounding import Rounding
from gansmith.data.tables import LongRowError, Row, as_text, read_rows

ENDINGS = (".csv", ".tsv")
PICTURE = re.compile(rb"P[1-6]\s")  # the start of a picture in Netpbm's formats, which may be text
LIMIT = 2 << 30  # bytes; numbers take at most twice as much memory
BLOCK = 1 << 16  # numbers that are held in 64 bits
FIRST = 100  # rows in which columns of words are looked for
FIRST_CELLS = 1 << 20  # in no more cells than these, and one row
MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "-")
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")


def is_number_table(path: Path) -> bool:
    """Whether a file is text and called .csv or .tsv, or called .txt with a row of numbers among its first ones."""
    name = path.name.lower()
    if not name.endswith((*ENDINGS, ".txt")):
        return False
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True  # refused with the cure
    if b"\0" in start or start.startswith(b"\x89") or PICTURE.match(start):
        return False
    rows = (re.split(r"[\s,;]+", line.strip()) for line in start.decode("latin-1").splitlines()[:9])
    return name.endswith(ENDINGS) or any(all(_number(cell) is not None for cell in row) for row in rows)


def read_number_table(path: Path, label_column: str | None) -> RawData:
    """Reads vectors ``(n, d)`` from a table in UTF-8 of n rows and d columns, read row by row.

    Columns are separated by tabs, commas, semicolons or spaces; a first row that holds words names them, also behind
    '#', as `numpy.savetxt` writes it. A column without a name that counts the rows, as pandas writes it, is left out.

    Arguments:
        path: the table.
        label_column: the name of a column of labels, integers or words; not part of the vectors.

    Raises:
        ValueError: a column of words, a missing number, a row of another length, or a damaged file; the message names
            the columns and the cure.
        OSError: the file cannot be read.
    """
    place = one_line(path)
    if (size := path.stat().st_size) > LIMIT:
        raise ValueError(f"{place} has {size:,} bytes, more than the limit of {LIMIT:,} for tables: save it as .npy")
    try:
        with as_text(path.open("rb")) as text:
            if text.read(1) != "#":
                text.seek(0)
            first, rows = read_rows(text, _rate)
            is_header = any(_number(cell) is None and not _is_missing(cell) for cell in first)
            if not is_header:
                start = _first(rows)
                is_header, rows = _counts_columns(first, start), chain(start, rows)
            names = [cell.strip() for cell in first] if is_header else [str(k + 1) for k in range(len(first))]
            label = None if label_column is None else find_column(label_column, names, place)
            table = _Table(place, names, label)
            table.read(rows if is_header else chain([first], rows))
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} needs text in UTF-8 ({one_line(error.reason)}): save it as UTF-8") from error
    except LongRowError as error:
        raise ValueError(f"{place} {error}: save it as .npy") from error
    except csv.Error as error:
        raise ValueError(f"{place} is a damaged table ({one_line(error)}): save it again") from error
    return table.raw_data(is_header)


class _Table:
    """The numbers of a table, and the words of its column of labels."""

    def __init__(self, place: str, names: Sequence[str], label: int | None) -> None:
        self.place, self.label = place, label
        self.names = [name for k, name in enumerate(names) if k != label]
        self.label_name = "" if label is None else names[label]
        self.values, self.words = array("f"), list[str]()
        self.rounding = Rounding()

    def read(self, rows: Iterable[Row]) -> None:
        """Reads rows until the end."""
        rows = iter(rows)
        start = _first(rows)
        block = array("d")
        width = len(self.names) + (self.label is not None)
        number = 0
        for number, cells in enumerate(chain(start, rows), 1):
            if len(cells) != width:
                raise ValueError(
                    f"{self.place} needs {width} columns in each row, but has {len(cells)} in row {number}: correct it"
                )
            if self.label is not None:
                self.words.append(cells.pop(self.label).strip())
            try:
                if any("_" in cell for cell in cells):
                    raise ValueError
                block.extend(map(float, cells))
            except ValueError:
                raise self._refusal(number, cells, start[number - 1 :]) from None
            if len(block) >= BLOCK:
                self._take(block)
        self._take(block)
        if not number or not self.names:
            raise ValueError(f"{self.place} holds no numbers: its shape is ({number}, {len(self.names)})")

    def _take(self, block: array[float]) -> None:
        """Moves numbers of 64 bits to those of 32, and looks at what is lost."""
        import numpy as np

        if block:
            self.rounding.look_at(np.frombuffer(block).reshape(-1, len(self.names)))
            with np.errstate(over="ignore"):  # refused below, as not finite
                self.values.frombytes(np.frombuffer(block).astype(np.float32).tobytes())
            del block[:]

    def _refusal(self, number: int, cells: Row, following: Sequence[Row]) -> ValueError:
        """What is wrong with a row; of the first rows, all columns that hold words."""
        labeled = [row[: self.label] + row[self.label + 1 :] for row in following[1:] if self.label is not None]
        words: dict[int, str] = {}
        for row in (cells, *(labeled or following[1:])):
            for k, cell in enumerate(row[: len(self.names)]):
                if _number(cell) is None and not _is_missing(cell):
                    words.setdefault(k, cell.strip())
        if not words:
            return self._missing(number, next(k for k, cell in enumerate(cells) if _number(cell) is None))
        if all(map(DECIMAL_COMMA.fullmatch, words.values())):
            comma = next(iter(words.values()))
            return ValueError(f"{self.place} needs decimal points, but has {comma}: write 1.5, not 1,5")
        columns = one_line(", ".join(self.names[k] for k in words))[:200]
        cell = one_line(next(iter(words.values())))[:40]
        return ValueError(
            f"{self.place} needs numbers, but there are words such as '{cell}' in {columns}: leave these columns out, "
            "write them as numbers (a column of 0 and 1 for each word), or name the one with labels by --label-column"
        )

    def _missing(self, number: int, column: int) -> ValueError:
        return ValueError(
            f"{self.place} has no finite number in column {one_line(self.names[column])} of row {number}: "
            "fill it in, or leave the row out"
        )

    def raw_data(self, is_header: bool) -> RawData:
        """The vectors with their labels and what was decided."""
        import numpy as np

        x = np.frombuffer(self.values, np.float32).reshape(-1, len(self.names))
        wrong = ~np.isfinite(x).all(1)
        if wrong.any():
            row = int(wrong.argmax())
            raise self._missing(row + 1, int((~np.isfinite(x[row])).argmax()))
        self.rounding.check(self.place, self.names)
        names, notes = self.names, list[str]()
        if names[0] == "" and len(names) > 1 and (x[:, 0] == np.arange(len(x)) + x[0, 0]).all():
            names, x = names[1:], x[:, 1:]
            notes.append("the first column has no name and counts the rows: left out")
        if not is_header:
            notes.append(f"{counted(len(names), 'column')} without names")
        else:
            listed = one_line(", ".join(names))[:200]
            notes.insert(0, f"{len(names):,} columns (samples come in this order, without names as in .npy): {listed}")
        like_labels = [name for name in names if name.lower() in LABEL_COLUMNS]
        if like_labels and self.label is None:
            notes.append(f"{one_line(like_labels[0])} is a column of the vectors; --label-column makes it the labels")
        vectors = torch.from_numpy(np.array(x, np.float32, order="C"))
        if self.label is None:
            return RawData(vectors, notes=tuple(notes))
        labels: Labels = labels_of_words(dict(enumerate(self.words)), len(self.words), self.place)
        notes += [f"labels from column {one_line(self.label_name)}", *labels.notes]
        return RawData(vectors, labels.y, notes=tuple(notes), class_names=tuple(map(encodable, labels.class_names)))


def _first(rows: Iterator[Row]) -> list[Row]:
    start, cells = list[Row](), 0
    for row in rows:
        start.append(row)
        cells += len(row)
        if len(start) >= FIRST or cells >= FIRST_CELLS:
            break
    return start


def _counts_columns(first: Row, following: Sequence[Row]) -> bool:
    """Whether a row of whole numbers that count up by one names the columns: those below it have decimal points.

    pandas writes such a row above columns that were given no names.
    """
    if len(first) < 2 or not following or not all(re.fullmatch("[0-9]+", cell.strip()) for cell in first):
        return False
    counts = [int(cell) for cell in first] == list(range(int(first[0]), int(first[0]) + len(first)))
    return counts and any("." in cell for row in following for cell in row)


def _rate(rows: Sequence[Row]) -> int:
    """The number of cells in rows whose cells are all numbers, at least as people write them."""

    def is_written_number(cell: str) -> bool:
        return _number(cell) is not None or DECIMAL_COMMA.fullmatch(cell.strip()) is not None

    return sum(len(row) for row in rows if all(map(is_written_number, row)))


def _number(cell: str) -> float | None:
    if "_" in cell:  # Python reads 2020_01 as a number
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING
