"""Which data, and how they are read: what the flags say, and what the record of a run keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gansmith.data import Augment, Dataset, load
from gansmith.data.sources import is_named
from gansmith.disk.folders import folder_of


@dataclass(frozen=True)
class Selection:
    """What of which data is taken; two equal selections of unchanged data load the same dataset.

    Arguments:
        source: a name or a path, as `load` takes it.
        size: side of the pictures in pixels.
        labels: a file of labels in place of sub-folders.
        limit: at most so many samples.
        crop: ``center``, ``pad`` or ``stretch``.
        flip: mirror training pictures at random.
        shift: move training pictures by up to so many pixels at random.

    Example:
        >>> data = Selection("digits", limit=100).load()
        >>> len(data), Selection.of(Selection("digits", limit=100).record(data)) == Selection("digits", limit=100)
        (100, True)
    """

    source: str = "digits"
    size: int | None = None
    labels: str | None = None
    limit: int | None = None
    crop: str = "center"
    flip: bool = False
    shift: int = 0

    def load(self, strict: bool = False) -> Dataset:
        """The data; under ``strict`` a file that cannot be used is an error.

        Raises:
            ValueError: as `load`; vectors are not to be mirrored or moved.
        """
        data = load(self.source, self.size, labels=self.labels, limit=self.limit, crop=self.crop, strict=strict)
        if not (self.flip or self.shift):
            return data
        return replace(data, augment=Augment(self.flip, self.shift))

    def moved(self, source: str) -> Selection:
        """The same of data that lie elsewhere now, with the file of labels that lay among them."""
        labels = self.labels
        if labels is not None and Path(labels).is_relative_to(self.source):
            labels = str(folder_of(source) / Path(labels).relative_to(self.source))
        return replace(self, source=source, labels=labels)

    def record(self, data: Dataset) -> dict[str, Any]:
        """What a run's record says of its data."""
        kept = asdict(self) | {"source": _lasting(data.source)}
        return kept | {
            "labels": None if self.labels is None else str(folder_of(self.labels).resolve()),
            "name": data.name,
            "n": len(data),
            "shape": list(data.shape),
            "content": data.content,
            "classes": data.classes,
            "class_names": list(data.class_names),
            "fingerprint": data.fingerprint,
            "notes": list(data.notes),
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Selection:
        """The selection that a run's record tells; what older records do not say has its default."""
        return cls(**{name: record[name] for name in cls.__dataclass_fields__ if name in record})


def _lasting(source: str) -> str:
    """A source that means the same in another folder."""
    return source if is_named(source) else str(folder_of(source).resolve())
