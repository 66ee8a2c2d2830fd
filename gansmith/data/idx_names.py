"""What the names of IDX files say: which dataset, which part of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gansmith.data.classes import SPLITS

PARTS = SPLITS | {"t10k": "held out"}  # MNIST's 10,000 test images
GENERAL = re.compile(r"image|images|imgs|label|labels|idx\d?|ubyte|gz")


@dataclass(frozen=True)
class IdxName:
    """Attributes:
    dataset: the words of the name that say neither which part nor images or labels; often empty.
    part: a word such as ``train``, ``test`` or ``t10k``; empty if the name does not say it.
    """

    dataset: str
    part: str

    @property
    def is_held_out(self) -> bool:
        return PARTS.get(self.part) == "held out"


def idx_name(path: Path) -> IdxName:
    """Reads a name such as MNIST's.

    Example:
        >>> idx_name(Path("emnist-letters-train-images-idx3-ubyte.gz"))
        IdxName(dataset='emnist-letters', part='train')
        >>> idx_name(Path("t10k-labels-idx1-ubyte"))
        IdxName(dataset='', part='t10k')
    """
    words = [word for word in re.findall("[a-z0-9]+", path.name.lower()) if not GENERAL.fullmatch(word)]
    parts = [word for word in words if word in PARTS]
    return IdxName("-".join(word for word in words if word not in PARTS), parts[0] if len(parts) == 1 else "")


def same_name(path: Path, others: Sequence[Path]) -> Path | None:
    """The only one of the others whose name says the same dataset and part; None if there is none."""
    same = [other for other in others if idx_name(other) == idx_name(path)]
    return same[0] if len(same) == 1 else None
