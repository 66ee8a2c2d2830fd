"""Labels from a separate file: a table or dataset.json that names files, or an array in the order of the samples."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from gansmith.counting import counted
from gansmith.data.files import Kind, kind_of, one_line
from gansmith.data.idx import read_idx
from gansmith.data.npz import npy_array

LIMIT = 256 << 20  # bytes: the largest table, which is read row by row
JSON_LIMIT = 64 << 20  # bytes: the largest JSON file, which is parsed at once into twenty times its size
FILE_COLUMNS = ("file", "file_name", "filename", "path", "image", "name", "id")
LABEL_COLUMNS = ("label", "class", "category", "target", "y")
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
Row = tuple[str, str | int]


def read_labels(path: Path, names: Sequence[str], n: int) -> tuple[Tensor, tuple[str, ...], tuple[str, ...]]:
    """Reads a label for each sample, in one of these formats, recognized by content.

    - A table in CSV or TSV, with a header or without: file name, label. A label is an integer or a word, or empty.
      A table of more than two columns needs a header; the columns ``file`` and ``label`` (or the like) are used.
    - StyleGAN's ``dataset.json``: ``{"labels": [["00000/img1.png", 6], ...]}``.
    - An .npy or IDX file of ``n`` integers, in the order of the samples.

    A row belongs to the sample with that relative path; otherwise to the sample with that base name, if no other
    sample and no other row has it. Rows that match no sample are counted and ignored.

    Arguments:
        path: the file.
        names: the names of the samples, relative and separated by '/'; empty if samples are not files.
        n: the number of samples.

    Returns:
        Labels, int64 ``(n,)``, -1 where unlabeled; the names of classes 0, 1, ..., empty if labels are integers; notes.

    Raises:
        ValueError: the file is damaged or too large; no row matches a sample; two rows contradict each other; or the
            number of labels is not n.
        OSError: the file cannot be read.

    References:
        StyleGAN2-ADA, Karras et al., 2020, https://github.com/NVlabs/stylegan2-ada-pytorch, "Preparing datasets".
    """
    kind = kind_of(path)
    if kind in (Kind.NPY, Kind.IDX):
        return _array(path, kind, n), (), ()
    if kind is not Kind.OTHER:
        raise ValueError(f"{one_line(path)} needs to be CSV, TSV, JSON, .npy or IDX, but is {kind.value}")
    if not names:
        raise ValueError(
            f"{one_line(path)} labels files by name, but the samples are no files: save an .npy of {n} labels"
        )
    with path.open("rb") as file:
        is_json = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    _check_size(path, JSON_LIMIT if is_json else LIMIT)
    try:
        labels, unmatched = _match_rows(_json_rows(path) if is_json else _table_rows(path, names), names, path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{one_line(path)} needs text in UTF-8 ({one_line(error.reason)}): save it as UTF-8"
        ) from error
    except csv.Error as error:
        raise ValueError(f"{one_line(path)} is a damaged table ({one_line(error)}): save it again") from error
    notes = [f"labels from {one_line(path.name)} for {len(labels):,} of {counted(n, 'sample')}"]
    notes += [f"{unmatched:,} of its rows belong{'s' * (unmatched == 1)} to no sample"] if unmatched else []
    return *_number_labels(labels, n, path), tuple(notes)


def _match_rows(rows: Iterable[Row], names: Sequence[str], path: Path) -> tuple[dict[int, str | int], int]:
    """The labels by position of the sample, and how many rows match no sample."""
    places = {name: place for place, name in enumerate(names)}
    owners = Counter(map(_base, names))
    # Only rows that may match a sample are kept: a table may have far more rows than there are samples.
    exact: dict[str, str | int] = {}
    by_base: dict[str, Row | None] = {}  # None if several rows have that base name
    counts: Counter[str] = Counter()
    unmatched = 0
    for name_in_file, label in rows:
        name = name_in_file.strip().replace("\\", "/").removeprefix("./")
        base = _base(name)
        if name in places:
            _check_agreement(name, exact.setdefault(name, label), label, path)
            continue
        unmatched += 1
        if owners[base] == 1:
            counts[base] += 1
            previous = by_base.setdefault(base, (name, label))
            if previous is not None and previous[0] == name:
                _check_agreement(name, previous[1], label, path)
            else:
                by_base[base] = None
    labels: dict[int, str | int] = {}
    for name, place in places.items():
        row = by_base.get(_base(name))
        if name in exact:
            labels[place] = exact[name]
        elif row is not None:
            labels[place] = row[1]
            unmatched -= counts[_base(name)]
    if not labels:
        raise ValueError(
            f"{one_line(path)} has no row that names a sample such as {one_line(names[0])}: "
            "write a file name and a label in each row"
        )
    return labels, unmatched


def _check_agreement(name: str, previous: str | int, label: str | int, path: Path) -> None:
    if previous != label:
        raise ValueError(
            f"{one_line(path)} labels {one_line(name)} both '{one_line(previous)}' and '{one_line(label)}': "
            "keep one of these rows"
        )


def _table_rows(path: Path, names: Sequence[str]) -> Iterator[Row]:
    """The file name and the label of each row of a table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        start = next((line for line in file.read(1 << 16).splitlines() if line.strip()), "")
        file.seek(0)
        lines = iter(
            lambda: file.readline(1 << 20), ""
        )  # a longer line is split, and its row then has another number of columns
        table = csv.reader(lines, delimiter=max(",\t;", key=start.count))
        rows = (row for row in table if any(cell.strip() for cell in row))
        first = next(rows, [])
        name, label, is_header = _columns(first, {_base(name) for name in names}, path)
        for row in rows if is_header else chain([first], rows):
            if len(row) != len(first):
                raise ValueError(
                    f"{one_line(path)} needs {len(first)} columns in each row, but has {len(row)} in that of "
                    f"{one_line(row[0])[:100]}: correct it"
                )
            yield row[name], row[label].strip()


def _columns(first: Sequence[str], bases: set[str], path: Path) -> tuple[int, int, bool]:
    """The columns of the file name and of the label, and whether the first row is a header."""
    header = [cell.strip().lower() for cell in first]
    name = next((header.index(column) for column in FILE_COLUMNS if column in header), None)
    label = next((header.index(column) for column in LABEL_COLUMNS if column in header), None)
    if name is not None and label is not None:
        return name, label, True
    if len(header) == 2:
        return 0, 1, _base(first[0]) not in bases and "." not in first[0]
    raise ValueError(
        f"{one_line(path)} needs two columns, file name and label, or a header that calls them file and label, "
        f"but has {one_line(', '.join(first))[:100] or 'none'}: keep these two"
    )


def _json_rows(path: Path) -> Iterator[Row]:
    text = path.read_text(encoding="utf-8-sig")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{one_line(path)} is damaged JSON ({one_line(error)}): save it again") from error
    rows = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise ValueError(f'{one_line(path)} needs {{"labels": [[file name, label], ...]}}, but has no such list')
    for row in rows:
        match row:
            case [str(name), (str() | int()) as label] if not isinstance(label, bool):
                yield name, label.strip() if isinstance(label, str) else label
            case _:
                raise ValueError(
                    f"{one_line(path)} needs rows of a file name and a label, an integer or a word, "
                    f"but has {one_line(row)[:100]}: correct it"
                )


def _number_labels(labels: dict[int, str | int], n: int, path: Path) -> tuple[Tensor, tuple[str, ...]]:
    """Integers if all labels are integers; otherwise words, which are numbered in sorted order. Empty is no label."""
    words = {place: str(label) for place, label in labels.items() if label != ""}
    if not words:
        raise ValueError(f"{one_line(path)} names samples, but no labels: write them in the second column")
    class_names: tuple[str, ...] = ()
    if not all(map(INTEGER.fullmatch, words.values())):
        class_names = tuple(sorted(set(words.values())))
    number = {name: k for k, name in enumerate(class_names)} or {label: int(label) for label in words.values()}
    check_range(min(number.values()), max(number.values()), path)
    y = torch.full((n,), -1, dtype=torch.int64)
    y[torch.tensor(list(words))] = torch.tensor([number[label] for label in words.values()])
    return y, class_names


def _array(path: Path, kind: Kind, n: int) -> Tensor:
    if kind is Kind.IDX:
        y = read_idx(path).long()
    else:
        _check_size(path, LIMIT)
        array = npy_array(path)
        if array.dtype.kind not in "iu" or not array.size:
            raise ValueError(
                f"{one_line(path)} needs integer labels, but has {array.dtype}{array.shape}: save integers"
            )
        check_range(int(array.min()), int(array.max()), path)
        y = torch.from_numpy(array.astype("int64"))
    if y.shape != (n,):
        raise ValueError(f"{one_line(path)} needs {n:,} labels, one for each sample, but has shape {tuple(y.shape)}")
    return y


def check_range(low: int, high: int, source: object) -> None:
    """Refuses labels out of range; ``source`` is named in the message."""
    if low < -1 or high >= 2**31:
        raise ValueError(f"{one_line(source)} needs labels of 0 and up, -1 for unlabeled, but has {low} to {high}")


def _check_size(path: Path, limit: int) -> None:
    size = path.stat().st_size
    if size > limit:
        raise ValueError(f"{one_line(path)} has {size:,} bytes, more than the limit of {limit:,} for labels: split it")


def _base(name: str) -> str:
    return name.rpartition("/")[2]
