"""Which data are loaded and how, as the command line asks for it and as the record of a run stores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gansmith.data import Augment, Dataset, load
from gansmith.data.sources import is_named
from gansmith.data.value_range import Range
from gansmith.disk.folders import folder_of
from gansmith.sides import written


@dataclass(frozen=True)
class Selection:
    """The arguments of `load` and the augmentation; equal selections of unchanged data load the same dataset.

    Arguments:
        source: a name or a path, as `load` takes it.
        size: of the images in pixels, as `load` takes it.
        labels: a file of labels, used instead of sub-folders.
        limit: the largest number of samples.
        crop: ``center``, ``pad`` or ``stretch``.
        flip: flip training images at random.
        shift: the largest random shift of training images, in pixels.
        label_column: the name of the column of labels, in a table of several columns.
        value_range: the values that become black and white.
        first_page: take the first page of a TIFF alone.
        held_out: the share of samples that are held out.
        alpha: keep transparency, as a fourth channel.

    Example:
        >>> data = Selection("digits", limit=100).load()
        >>> len(data), Selection.of(Selection("digits", limit=100).record(data)) == Selection("digits", limit=100)
        (100, True)
    """

    source: str = "digits"
    size: int | str | None = None
    labels: str | None = None
    limit: int | None = None
    crop: str = "center"
    flip: bool = False
    shift: int = 0
    label_column: str | None = None
    value_range: Range | None = None
    first_page: bool = False
    held_out: float | None = None
    alpha: bool = False

    def load(self, strict: bool = False, largest: int = 128) -> Dataset:
        """Loads the data.

        Arguments:
            strict: whether a file that cannot be decoded is an error.
            largest: the largest side in pixels that is chosen by itself.

        Raises:
            ValueError: as `load`; or the data are vectors, which cannot be flipped or shifted.
        """
        data = load(
            self.source,
            self.size,
            4 if self.alpha else None,
            labels=self.labels,
            label_column=self.label_column,
            limit=self.limit,
            crop=self.crop,
            value_range=self.value_range,
            first_page=self.first_page,
            held_out=self.held_out,
            strict=strict,
            largest=largest,
        )
        if not (self.flip or self.shift):
            return data
        return replace(data, augment=Augment(self.flip, self.shift))

    @classmethod
    def like(cls, data: Dataset) -> Selection:
        """The selection that loads data again, as far as they tell it: not which of them, nor from which labels."""
        size = written(data.sides) if data.is_images else None
        augment = data.augment or Augment()
        alpha = data.is_images and data.shape[0] == 4
        return cls(data.source, size, flip=augment.flip, shift=augment.shift, alpha=alpha)

    def moved(self, source: str) -> Selection:
        """The same selection of data that are now at ``source``; a file of labels inside the data moves with them."""
        labels = self.labels
        if labels is not None and Path(labels).is_relative_to(self.source):
            labels = str(folder_of(source) / Path(labels).relative_to(self.source))
        return replace(self, source=source, labels=labels)

    def record(self, data: Dataset) -> dict[str, Any]:
        """The entry about the data in the record of a run."""
        entry = asdict(self) | {"source": _absolute(data.source)}
        return entry | {
            "labels": None if self.labels is None else str(folder_of(self.labels).resolve()),
            "name": data.name,
            "n": len(data),
            "shape": list(data.shape),
            "content": data.content,
            "deep_range": data.deep_range,
            "masks": data.masks,
            "classes": data.classes,
            "class_names": list(data.class_names),
            "fingerprint": data.fingerprint,
            "notes": list(data.notes),
            "scale": None if data.scale is None else data.scale.record(),
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Selection:
        """The selection in the record of a run; entries that an older record lacks have their defaults."""
        entries = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        wanted = entries.pop("value_range", None)
        return cls(**entries, value_range=None if wanted is None else (wanted[0], wanted[1]))


def _absolute(source: str) -> str:
    """The source as a name or an absolute path, so that it means the same in every working folder."""
    return source if is_named(source) else str(folder_of(source).resolve())
