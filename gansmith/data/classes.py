"""Labels and splits from the folders that files lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gansmith.data.files import shown

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "held out",
    "valid": "held out",
    "validation": "held out",
    "test": "held out",
    "testing": "held out",
}


@dataclass(frozen=True)
class Classes:
    """A label for each name (-1 where it has none) or none at all, the names of the labels, which are held out."""

    labels: list[int] | None
    names: tuple[str, ...]
    held_out: list[int] | None
    note: tuple[str, ...] = ()
    split_note: tuple[str, ...] = ()

    def of(self, rows: Sequence[int]) -> Classes:
        """Those of some of the names, by their places in order."""
        held_out = set(self.held_out or ())
        return replace(
            self,
            labels=None if self.labels is None else [self.labels[row] for row in rows],
            held_out=None if self.held_out is None else [i for i, row in enumerate(rows) if row in held_out],
        )


def classes_of(names: Sequence[str]) -> Classes:
    """Reads labels and the split from relative names such as ``train/cats/1.png``.

    Folders that are the only one of their level say nothing and are passed. If then all lie in train, val, test
    or the like, training among them, that is the split and the next level counts. The folders of that level are the
    classes, numbered by name; files beside them are unlabeled. One class alone is none.

    Example:
        >>> found = classes_of(["photos/cat/1.png", "photos/dog/1.png", "photos/dog/old/2.png"])
        >>> found.labels, found.names
        ([0, 1, 1], ('cat', 'dog'))
        >>> classes_of(["train/1.png", "test/1.png"]).held_out
        [1]
    """
    starts = [_passed(names)] * len(names)
    first = [_folder(name, start) for name, start in zip(names, starts, strict=True)]
    held_out: list[int] | None = None
    split_note: tuple[str, ...] = ()
    parts = {folder: SPLITS.get(folder.lower(), "") for folder in set(first)}
    if len(parts) > 1 and set(parts.values()) == {"train", "held out"}:
        held_out = [row for row, folder in enumerate(first) if parts[folder] != "train"]
        others = [folder for folder in parts if parts[folder] != "train"]
        split_note = (f"{len(held_out):,} held out by sub-folders: {_listed(others)}",)
        rest = [name[start + len(folder) + 1 :] for name, start, folder in zip(names, starts, first, strict=True)]
        skip = _passed(rest)
        first = [_folder(name, skip) for name in rest]
    found = tuple(sorted(set(first) - {""}))
    if len(found) < 2:
        return Classes(None, (), held_out, (), split_note)
    note = f"{len(found):,} classes from sub-folders: {_listed(found)}"
    label = {"": -1, **{name: number for number, name in enumerate(found)}}
    return Classes([label[folder] for folder in first], found, held_out, (note,), split_note)


def _passed(names: Sequence[str]) -> int:
    """The length of the folders that all names share."""
    if not names:
        return 0
    low, high = min(names), max(names)
    same = 0
    while same < len(low) and low[same] == high[same]:
        same += 1
    return low.rfind("/", 0, same) + 1


def _folder(name: str, start: int) -> str:
    """The folder in ``name`` that begins at ``start``; empty for a file."""
    end = name.find("/", start)
    return "" if end < 0 else name[start:end]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(shown(name) for name in sorted(names)[:5]) + more
