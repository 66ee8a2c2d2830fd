"""What a reader found in a source, before it is split, named and fingerprinted."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Found:
    """Samples ``x``, uint8 ``(n, c, h, w)`` or float32 ``(n, d)``, and what the reader knows beyond them.

    ``held_out`` is set only where the source brings its own split; ``names`` only where samples are files;
    ``class_names`` only where classes have names: that of label 0, 1, ...
    ``fingerprint`` is that of ``x`` alone, where it is known without reading all of it. ``source`` is what is to be
    asked for to get the same again, where that is not what was asked for.
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
