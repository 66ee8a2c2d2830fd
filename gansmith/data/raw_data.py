"""Samples as a reader returns them, before they are split, named and fingerprinted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from gansmith.data.value_range import Range


@dataclass(frozen=True)
class RawData:
    """Samples, and what a reader knows about them.

    Attributes:
        x: uint8 images ``(n, c, h, w)`` or float32 vectors ``(n, d)``.
        y: int64 labels ``(n,)``, -1 where unlabeled; or None.
        held_out: int64 positions of the held-out samples; None if the source has no split of its own.
        content: ``(height, width)`` of the picture inside a padding; None without padding.
        names: a file name for each sample; empty if samples are not files.
        notes: sentences for the user.
        class_names: the name of label 0, 1, ...; empty if classes have no names.
        fingerprint: of ``x`` alone, if it is known without reading all of ``x``.
        deep_range: the values that became 0 and 255, if they had more than 8 bits each.
        masks: whether all values were 0 or 1, and 1 became 255.
        skipped: files that could not be used, with the reason.
        source: the name that loads the same data again, if it is another than the user's.
    """

    x: Tensor
    y: Tensor | None = None
    held_out: Tensor | None = None
    content: tuple[int, int] | None = None
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    fingerprint: str | None = None
    source: str | None = None
    deep_range: Range | None = None
    masks: bool = False
    skipped: Mapping[str, str] = field(default_factory=dict)
