"""Data: images or vectors from a name or a path, held as one tensor; a batch depends on (seed, draw) alone.

Example:
    >>> from gansmith.data import load
    >>> digits = load("digits")
    >>> digits.shape, len(digits), len(digits.held_out)
    ((1, 8, 8), 1797, 180)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gansmith.data.augment import Augment
    from gansmith.data.dataset import Dataset
    from gansmith.data.loading import load
    from gansmith.data.mixtures import grid_modes, ring_modes

__all__ = ["Augment", "Dataset", "grid_modes", "load", "ring_modes"]


def __getattr__(name: str) -> object:
    # Lazy imports: worker processes import modules of this package and must not load torch.
    homes = {"Augment": "augment", "Dataset": "dataset", "load": "loading"}
    homes |= {"grid_modes": "mixtures", "ring_modes": "mixtures"}
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{homes[name]}"), name)
