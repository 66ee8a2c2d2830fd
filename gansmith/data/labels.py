"""Labels from a file of their own: a table or dataset.json that names files, or an array in the samples' order."""

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

from gansmith.data.files import Kind, kind_of, shown
from gansmith.data.idx import read_idx
from gansmith.data.npz import npy_array

LIMIT = 256 << 20  # bytes of a table, which is read row by row
JSON_LIMIT = 64 << 20  # bytes of JSON, which is parsed at once and takes twenty times its size
FILE_COLUMNS = ("file", "file_name", "filename", "path", "image", "name", "id")
LABEL_COLUMNS = ("label", "class", "category", "target", "y")
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
Row = tuple[str, str | int]


def read_labels(path: Path, names: Sequence[str], n: int) -> tuple[Tensor, tuple[str, ...], tuple[str, ...]]:
    """Reads a label for each sample, in one of these forms, which are told apart by content.

    - A table in CSV or TSV, with a header or without: file name, label. A label is an integer or a word, or empty.
      Of more than two columns those count whose header is ``file`` and ``label`` (or the like).
    - StyleGAN's ``dataset.json``: ``{"labels": [["00000/img1.png", 6], ...]}``.
    - An .npy or IDX file of ``n`` integers, in the order of the samples.

    A row belongs to the sample of that relative path; else to the one of that base name, where no other sample and no
    other row has it. Rows that belong to none are counted and left out.

    Arguments:
        path: the file.
        names: the samples' names, relative and separated by '/'; empty where samples are not files.
        n: the number of samples.

    Returns:
        int64 ``(n,)``, -1 where unlabeled; the names of classes 0, 1, ..., empty where labels are integers; notes.

    Raises:
        ValueError: damaged or too large; no row belongs to a sample; two rows that disagree; another number of labels.
        OSError: the file cannot be read.

    References:
        StyleGAN2-ADA, Karras et al., 2020, https://github.com/NVlabs/stylegan2-ada-pytorch, "Preparing datasets".
    """
    kind = kind_of(path)
    if kind in (Kind.NPY, Kind.IDX):
        return _array(path, kind, n), (), ()
    if kind is not Kind.OTHER:
        raise ValueError(f"{shown(path)} needs to be CSV, TSV, JSON, .npy or IDX, but is {kind.value}")
    if not names:
        raise ValueError(
            f"{shown(path)} labels files by name, but the samples are no files: save an .npy of {n} labels"
        )
    with path.open("rb") as file:
        is_json = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    _check_size(path, JSON_LIMIT if is_json else LIMIT)
    try:
        labels, absent = _matched(_json_rows(path) if is_json else _table_rows(path, names), names, path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{shown(path)} needs text in UTF-8 ({shown(error.reason)}): save it so") from error
    except csv.Error as error:
        raise ValueError(f"{shown(path)} is a damaged table ({shown(error)}): save it again") from error
    notes = [f"labels from {shown(path.name)} for {len(labels):,} of {n:,} samples"]
    notes += [f"{absent:,} of its rows belong to no sample"] if absent else []
    return *_numbered(labels, n, path), tuple(notes)


def _matched(rows: Iterable[Row], names: Sequence[str], path: Path) -> tuple[dict[int, str | int], int]:
    """The label of each sample that has one, by its place, and how many rows belong to none."""
    places = {name: place for place, name in enumerate(names)}
    owners = Counter(map(_base, names))
    # Only rows that may belong to a sample are kept: a table may be far longer than there are samples.
    exact: dict[str, str | int] = {}
    by_base: dict[str, Row | None] = {}  # None where several rows have that base name
    tries: Counter[str] = Counter()
    absent = 0
    for written, label in rows:
        name = written.strip().replace("\\", "/").removeprefix("./")
        base = _base(name)
        if name in places:
            _check_agreement(name, exact.setdefault(name, label), label, path)
            continue
        absent += 1
        if owners[base] == 1:
            tries[base] += 1
            before = by_base.setdefault(base, (name, label))
            if before is not None and before[0] == name:
                _check_agreement(name, before[1], label, path)
            else:
                by_base[base] = None
    labels: dict[int, str | int] = {}
    for name, place in places.items():
        row = by_base.get(_base(name))
        if name in exact:
            labels[place] = exact[name]
        elif row is not None:
            labels[place] = row[1]
            absent -= tries[_base(name)]
    if not labels:
        raise ValueError(
            f"{shown(path)} has no row that names a sample such as {shown(names[0])}: "
            "write a file name and a label in each row"
        )
    return labels, absent


def _check_agreement(name: str, before: str | int, label: str | int, path: Path) -> None:
    if before != label:
        raise ValueError(
            f"{shown(path)} labels {shown(name)} both '{shown(before)}' and '{shown(label)}': keep one of these rows"
        )


def _table_rows(path: Path, names: Sequence[str]) -> Iterator[Row]:
    """File name and label of each row, as the columns say."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        start = next((line for line in file.read(1 << 16).splitlines() if line.strip()), "")
        file.seek(0)
        lines = iter(lambda: file.readline(1 << 20), "")  # no line is longer, or its row has too many columns
        table = csv.reader(lines, delimiter=max(",\t;", key=start.count))
        rows = (row for row in table if any(cell.strip() for cell in row))
        first = next(rows, [])
        name, label, is_header = _columns(first, {_base(name) for name in names}, path)
        for row in rows if is_header else chain([first], rows):
            if len(row) != len(first):
                raise ValueError(
                    f"{shown(path)} needs {len(first)} columns in each row, but has {len(row)} in that of "
                    f"{shown(row[0])[:100]}: mend it"
                )
            yield row[name], row[label].strip()


def _columns(first: Sequence[str], bases: set[str], path: Path) -> tuple[int, int, bool]:
    """Where in a row the file name and the label are, and whether the first row is a header."""
    header = [cell.strip().lower() for cell in first]
    name = next((header.index(column) for column in FILE_COLUMNS if column in header), None)
    label = next((header.index(column) for column in LABEL_COLUMNS if column in header), None)
    if name is not None and label is not None:
        return name, label, True
    if len(header) == 2:
        return 0, 1, _base(first[0]) not in bases and "." not in first[0]
    raise ValueError(
        f"{shown(path)} needs two columns, file name and label, or a header that calls them file and label, "
        f"but has {shown(', '.join(first))[:100] or 'none'}: keep these two"
    )


def _json_rows(path: Path) -> Iterator[Row]:
    text = path.read_text(encoding="utf-8-sig")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{shown(path)} is damaged JSON ({shown(error)}): save it again") from error
    rows = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise ValueError(f'{shown(path)} needs {{"labels": [[file name, label], ...]}}, but has no such list')
    for row in rows:
        match row:
            case [str(name), (str() | int()) as label] if not isinstance(label, bool):
                yield name, label.strip() if isinstance(label, str) else label
            case _:
                raise ValueError(
                    f"{shown(path)} needs rows of a file name and a label, an integer or a word, "
                    f"but has {shown(row)[:100]}: mend it"
                )


def _numbered(found: dict[int, str | int], n: int, path: Path) -> tuple[Tensor, tuple[str, ...]]:
    """Labels as integers where all are; otherwise words, numbered by name. An empty one is no label."""
    given = {place: str(label) for place, label in found.items() if label != ""}
    if not given:
        raise ValueError(f"{shown(path)} names samples, but no labels: write them in the second column")
    class_names: tuple[str, ...] = ()
    if not all(map(INTEGER.fullmatch, given.values())):
        class_names = tuple(sorted(set(given.values())))
    number = {name: k for k, name in enumerate(class_names)} or {label: int(label) for label in given.values()}
    check_range(min(number.values()), max(number.values()), path)
    y = torch.full((n,), -1, dtype=torch.int64)
    y[torch.tensor(list(given))] = torch.tensor([number[label] for label in given.values()])
    return y, class_names


def _array(path: Path, kind: Kind, n: int) -> Tensor:
    if kind is Kind.IDX:
        y = read_idx(path).long()
    else:
        _check_size(path, LIMIT)
        array = npy_array(path)
        if array.dtype.kind not in "iu" or not array.size:
            raise ValueError(f"{shown(path)} needs integer labels, but has {array.dtype}{array.shape}: save these")
        check_range(int(array.min()), int(array.max()), path)
        y = torch.from_numpy(array.astype("int64"))
    if y.shape != (n,):
        raise ValueError(f"{shown(path)} needs {n:,} labels, one for each sample, but has shape {tuple(y.shape)}")
    return y


def check_range(low: int, high: int, source: object) -> None:
    """Refuses labels that no sample can have, naming where they come from."""
    if low < -1 or high >= 2**31:
        raise ValueError(f"{shown(source)} needs labels of 0 and up, -1 for unlabeled, but has {low} to {high}")


def _check_size(path: Path, limit: int) -> None:
    size = path.stat().st_size
    if size > limit:
        raise ValueError(f"{shown(path)} has {size:,} bytes, more than the limit of {limit:,} for labels: split it")


def _base(name: str) -> str:
    return name.rpartition("/")[2]
