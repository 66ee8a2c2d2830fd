"""Labels and the split from folder names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gansmith.data.files import one_line

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "held out",
    "valid": "held out",
    "validation": "held out",
    "test": "held out",
    "testing": "held out",
}
# Other files may be images too, but files that are no images, such as a README, must not change the classes.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
BLOCK = re.compile("[0-9]{5,}")  # the name of a folder that may be a block
LONGEST = 18  # digits of a number in a numbering


@dataclass(frozen=True)
class Classes:
    """Labels and split of a list of files.

    Attributes:
        labels: a label for each file, -1 where it has none; None without classes.
        names: the name of class 0, 1, ...
        held_out: positions of the held-out files; None if the source has no split of its own.
        note: what the labels come from, for the user.
        split_note: what the split comes from, for the user.
    """

    labels: list[int] | None
    names: tuple[str, ...]
    held_out: list[int] | None
    note: tuple[str, ...] = ()
    split_note: tuple[str, ...] = ()

    def of(self, rows: Sequence[int]) -> Classes:
        """The same for some of the files, given by their positions in order."""
        held_out = set(self.held_out or ())
        return replace(
            self,
            labels=None if self.labels is None else [self.labels[row] for row in rows],
            held_out=None if self.held_out is None else [i for i, row in enumerate(rows) if row in held_out],
        )


def classes_of(names: Sequence[str]) -> Classes:
    """Reads labels and the split from relative names such as ``train/cats/1.png``.

    Folders that all files share are ignored. If the next folders are all named train, val, test or the like, and one
    of them is for training, they are the split, and the level below them holds the classes. Classes are folders,
    numbered in the order of their names; files beside them are unlabeled. A single folder is not a class.

    Blocks are no classes: StyleGAN's dataset tool packs pictures as ``00000/img00000000.png`` and
    ``00001/img00001000.png``, and FFHQ has them as ``01000/01000.png``. Folders are blocks if all their names have the
    same number of digits, at least five, and the pictures' numbers (the last digits of their names) run on from each
    folder to the next. Digits as classes, 0 to 9, have shorter names, and classes such as ``00007`` begin their numbers
    anew.

    Example:
        >>> classes = classes_of(["photos/cat/1.png", "photos/dog/1.png", "photos/dog/old/2.png"])
        >>> classes.labels, classes.names
        ([0, 1, 1], ('cat', 'dog'))
        >>> classes_of(["train/1.png", "test/1.png"]).held_out
        [1]
        >>> classes_of(["00000/img00000000.png", "00000/img00000999.png", "00001/img00001000.png"]).labels is None
        True
    """
    starts = [_common_length(names)] * len(names)
    folders = [_folder(name, start) for name, start in zip(names, starts, strict=True)]
    held_out: list[int] | None = None
    split_note: tuple[str, ...] = ()
    parts = {folder: SPLITS.get(folder.lower(), "") for folder in set(folders)}
    if len(parts) > 1 and set(parts.values()) == {"train", "held out"}:
        held_out = [row for row, folder in enumerate(folders) if parts[folder] != "train"]
        others = [folder for folder in parts if parts[folder] != "train"]
        split_note = (f"{len(held_out):,} held out by sub-folders: {_name_list(others)}",)
        inner = [name[start + len(folder) + 1 :] for name, start, folder in zip(names, starts, folders, strict=True)]
        start_of_inner = _common_length(inner)
        folders = [_folder(name, start_of_inner) for name in inner]
    class_names = tuple(sorted(set(folders) - {""}))
    if len(class_names) < 2:
        return Classes(None, (), held_out, (), split_note)
    if _are_blocks(folders, names, held_out or ()):
        note = (
            f"no classes: sub-folders {_name_list(class_names)} are blocks of pictures whose numbers run on "
            "(rename them if they are classes)"
        )
        return Classes(None, (), held_out, (note,), split_note)
    note = f"{len(class_names):,} classes from sub-folders: {_name_list(class_names)}"
    label = {"": -1, **{name: number for number, name in enumerate(class_names)}}
    return Classes([label[folder] for folder in folders], class_names, held_out, (note,), split_note)


def _are_blocks(folders: Sequence[str], names: Sequence[str], held_out: Sequence[int]) -> bool:
    """Whether folders only divide a numbering; the training and the held-out part may each have one of its own."""
    if len({len(folder) for folder in folders}) > 1 or not all(map(BLOCK.fullmatch, set(folders))):
        return False
    parts = [0] * len(names)
    for row in held_out:
        parts[row] = 1
    spans: dict[tuple[int, str], tuple[int, int]] = {}
    for part, folder, name in zip(parts, folders, names, strict=True):
        digits = re.findall("[0-9]+", name.rpartition("/")[2].rpartition(".")[0])
        if not digits or len(digits[-1]) > LONGEST:
            return False
        low, high = spans.get((part, folder), (int(digits[-1]), -1))
        spans[part, folder] = min(low, int(digits[-1])), max(high, int(digits[-1]))
    ordered = sorted(spans.items())
    return all(
        this[0] != following[0] or end < start for (this, (_, end)), (following, (start, _)) in pairwise(ordered)
    )


def _common_length(names: Sequence[str]) -> int:
    """The length of the path of folders that all names share."""
    if not names:
        return 0
    low, high = min(names), max(names)
    same = 0
    while same < len(low) and low[same] == high[same]:
        same += 1
    return low.rfind("/", 0, same) + 1


def _folder(name: str, start: int) -> str:
    """The folder in ``name`` that starts at position ``start``; empty for a file."""
    end = name.find("/", start)
    return "" if end < 0 else name[start:end]


def _name_list(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(one_line(name) for name in sorted(names)[:5]) + more
