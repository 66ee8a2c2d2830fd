"""File names and labels from a table or from a dataset.json."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from gansmith.counting import counted
from gansmith.data.files import one_line
from gansmith.data.label_file import LabelFile
from gansmith.data.tables import LongRowError, Row, as_text, read_rows

LIMIT = 256 << 20  # bytes: the largest table, which is read row by row
LONGEST = 1 << 16  # characters of a row
COLUMNS = 1000  # CelebA has 41, and birds of CUB 312 attributes
JSON_LIMIT = 64 << 20  # bytes: the largest JSON file, which is parsed at once into thirty times its size
JSON_FREE = 8 << 20  # bytes that a JSON file may have for any number of samples
JSON_OF_ONE = 1 << 10  # bytes beyond these for each sample
FILE_COLUMNS = (
    *("file", "file_name", "filename", "filepath", "path", "image", "image_id", "image_name", "img", "img_name"),
    *("name", "id"),
)
LABEL_COLUMNS = ("label", "class", "category", "target", "y")

Labeled = tuple[str, str | int]
"""A file name and its label."""


def labeled_rows(file: LabelFile, is_sample: Callable[[str], bool], column: str | None, n: int) -> Iterator[Labeled]:
    """The file name and the label of each row of a table, or of a JSON file in StyleGAN's form.

    Arguments:
        file: text.
        is_sample: whether a cell names a sample.
        column: the name of the column of labels; None finds it.
        n: the number of samples.

    Raises:
        ValueError: the file, or a row of it, is too large; it is damaged; or it is unclear which columns hold file
            names and labels.
        OSError: the file cannot be read.
    """
    with file.open() as content:
        is_json = content.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    check_size(file, JSON_LIMIT if is_json else LIMIT)
    if is_json and file.size > JSON_FREE + JSON_OF_ONE * n:
        raise ValueError(
            f"{file.place} has {file.size:,} bytes, too many for labels of {counted(n, 'sample')}: "
            "leave out what is not of them, or write a table"
        )
    if is_json and column is not None:
        raise ValueError(f"{file.place} is JSON, which has no columns: leave --label-column out")
    try:
        yield from _of_json(file) if is_json else _of_table(file, is_sample, column)
    except UnicodeDecodeError as error:
        raise ValueError(f"{file.place} needs text in UTF-8 ({one_line(error.reason)}): save it as UTF-8") from error
    except LongRowError as error:
        raise ValueError(f"{file.place} {error}: keep the columns of file names and labels") from error
    except csv.Error as error:
        raise ValueError(f"{file.place} is a damaged table ({one_line(error)}): save it again") from error


def check_size(file: LabelFile, limit: int) -> None:
    """Refuses a file before it is read."""
    if file.size > limit:
        raise ValueError(f"{file.place} has {file.size:,} bytes, more than the limit of {limit:,} for labels: split it")


def _of_table(file: LabelFile, is_sample: Callable[[str], bool], column: str | None) -> Iterator[Labeled]:
    def rate(rows: Sequence[Row]) -> int:
        return sum(any(map(is_sample, row)) for row in rows)

    with as_text(file.open()) as text:
        first, rows = read_rows(text, rate, LONGEST)
        if len(first) > COLUMNS:
            raise ValueError(
                f"{file.place} needs at most {COLUMNS:,} columns, but has {len(first):,}: "
                "keep those of file names and labels"
            )
        second = next(rows, [])
        name, label, is_header = _columns([first, second], is_sample, column, file.place)
        start = [row for row in ([second] if is_header else [first, second]) if row]
        for row in chain(start, rows):
            if len(row) != len(first):
                raise ValueError(
                    f"{file.place} needs {len(first)} columns in each row, but has {len(row)} in that of "
                    f"{one_line(row[0])[:100]}: correct it (a word that holds a comma needs quotes around it)"
                )
            yield row[name], row[label].strip()


def _columns(
    start: Sequence[Row], is_sample: Callable[[str], bool], column: str | None, place: str
) -> tuple[int, int, bool]:
    """The columns of the file name and of the label, and whether the first row is a header."""
    first, second = start
    header = [cell.strip().lower() for cell in first]
    by_content = [k for k, cell in enumerate(second) if is_sample(cell)]
    by_header = [header.index(each) for each in FILE_COLUMNS if each in header]
    exact = [k for k in by_content if "." in second[k]]  # a number may name a picture by chance
    name = next(iter([*(k for k in by_header if k in exact), *exact, *by_header, *by_content]), None)
    if column is not None:
        label = find_column(column, first, place)
        return next(k for k in (name, 0, 1) if k is not None and k != label), label, True
    called = [each for each in LABEL_COLUMNS if each in header and not (each == "y" and "x" in header)]  # a place: x, y
    label_at = header.index(called[0]) if called else None
    if name is not None and label_at is not None and name != label_at:
        return name, label_at, True
    if len(header) == 2:
        is_header = not any(map(is_sample, first)) and "." not in first[0]
        swapped = name == 1 if is_header else is_sample(first[1]) and not is_sample(first[0])
        return int(swapped), int(not swapped), is_header
    if len(header) > 2 and not any(map(is_sample, first)):
        raise ValueError(
            f"{place} has {len(header)} columns, and none is called label: choose one by --label-column, of "
            f"{one_line(', '.join(map(str.strip, first)))[:200]}"
        )
    raise ValueError(
        f"{place} needs two columns, file name and label, or a header that calls them file and label, "
        f"but has {one_line(', '.join(first))[:100] or 'none'}: keep these two (a word that holds a comma needs quotes)"
    )


def find_column(column: str, first: Sequence[str], place: str) -> int:
    """The position of a column by its name in the first row of a table.

    Raises:
        ValueError: no column is called so, or several.
    """
    names = [cell.strip() for cell in first]
    if names.count(column) == 1:
        return names.index(column)
    lower = [name.lower() for name in names]
    if lower.count(column.lower()) == 1:
        return lower.index(column.lower())
    have = one_line(", ".join(names))[:200]
    raise ValueError(f"{place} needs one column called {one_line(column)} in its first row, but that is {have}")


def _of_json(file: LabelFile) -> Iterator[Labeled]:
    with file.open() as handle:
        text = handle.read().decode("utf-8-sig")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file.place} is damaged JSON ({one_line(error)}): save it again") from error
    rows = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise ValueError(f'{file.place} needs {{"labels": [[file name, label], ...]}}, but has no such list')
    for row in rows:
        match row:
            case [str(name), (str() | int()) as label] if not isinstance(label, bool):
                yield name, label.strip() if isinstance(label, str) else label
            case _:
                raise ValueError(
                    f"{file.place} needs rows of a file name and a label, an integer or a word, "
                    f"but has {one_line(row)[:100]}: correct it"
                )
