"""Labels that lie among the pictures of a folder or an archive, and that nobody named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gansmith.data.files import one_line
from gansmith.data.label_file import in_source
from gansmith.data.label_matching import NoSampleNamedError
from gansmith.data.label_values import Labels
from gansmith.data.labels import read_labels
from gansmith.data.listing import Source

STYLEGAN = "dataset.json"
TABLES = (".csv", ".tsv")
FREE = 16 << 20  # bytes: all files of a kind together, for any number of pictures; of short rows they take 20 seconds
OF_ONE = 1 << 10  # bytes beyond these for each picture
MOST = 20  # files of a kind: more of them are annotations of single pictures


class Found(NamedTuple):
    """Attributes:
    labels: of the pictures, the table left out; None if there are none.
    file: the position of the table that they are from; None for a ``dataset.json``, which nobody takes for a picture.
    notes: what was decided.
    """

    labels: Labels | None = None
    file: int | None = None
    notes: tuple[str, ...] = ()


def found_labels(source: Source, names: Sequence[str], has_classes: Callable[[], bool], column: str | None) -> Found:
    """Labels from StyleGAN's ``dataset.json``, or from a table that lies beside the pictures.

    A ``dataset.json`` comes before classes from sub-folders, which come before a table. Of two files of a kind that
    both fit, none is taken. A table fits if it names pictures and has at most half as many classes: a table of
    captions or sizes does not. Each decision is a note.

    Arguments:
        source: where the pictures are.
        names: of the pictures.
        has_classes: whether sub-folders are classes.
        column: the column of labels in a table; given, a table comes first.
    """
    files = [k for k, name in enumerate(source.names) if name.rpartition("/")[2] == STYLEGAN]
    found = _only_one(source, files if column is None and len(files) <= MOST else [], names, None)
    if found.labels is not None:
        return found
    tables = [k for k, name in enumerate(source.names) if name.lower().endswith(TABLES)]
    table = _only_one(source, tables if len(tables) <= MOST else [], names, column)
    if table.labels is not None and column is None and has_classes():
        note = f"not used: {table.labels.notes[0]}, as sub-folders are classes; pass the file by --labels to use it"
        return Found(notes=(*found.notes, note))
    return table._replace(notes=(*found.notes, *table.notes))


def _only_one(source: Source, files: Sequence[int], names: Sequence[str], column: str | None) -> Found:
    """The labels of the one file that has labels, and why others are not taken."""
    fitting, notes = [], []
    left = FREE + OF_ONE * len(names)
    for k in files:
        try:
            file = in_source(source, k)
            left -= file.size
            if left < 0:
                raise ValueError(
                    f"{file.place} is too large to be read by itself: pass it by --labels if it holds labels"
                )
            others = [name for name in names if name != source.names[k]]
            labels = read_labels(file, others, len(others), column=column, folder=file.folder_in(source))
            _check_classes(labels, file.name)
            fitting.append((k, labels))
        except NoSampleNamedError:  # a table of something else
            continue
        except (ValueError, OSError) as error:
            place, name = one_line(Path(source.base, source.names[k])), one_line(source.names[k])
            reason = one_line(error).replace(place, name)
            notes.append(f"not used as labels: {reason}")
    if len(fitting) == 1:
        k, labels = fitting[0]
        return Found(labels, None if source.names[k].endswith(STYLEGAN) else k, tuple(notes))
    if fitting:
        of_files = " and ".join(one_line(source.names[k]) for k, _ in fitting[:5])
        notes.append(f"not used as labels: {of_files}, which all label the pictures; pass one by --labels to use it")
    return Found(notes=tuple(notes))


def _check_classes(labels: Labels, name: str) -> None:
    labeled = int((labels.y >= 0).sum())
    classes = int(labels.y.max()) + 1
    if name != STYLEGAN and 2 * classes > labeled:
        raise ValueError(
            f"{name} has {classes:,} classes of {labeled:,} pictures, too many to be taken for labels by itself: "
            "pass it by --labels if it holds labels"
        )
