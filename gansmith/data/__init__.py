"""Data: images or vectors from a name or a path, held as one tensor; a batch depends on (seed, draw) alone.

Example:
    >>> from gansmith.data import load
    >>> digits = load("digits")
    >>> digits.shape, len(digits), len(digits.held_out)
    ((1, 8, 8), 1797, 180)
"""

from gansmith.data.dataset import Dataset
from gansmith.data.loading import load
from gansmith.data.mixtures import grid_modes, ring_modes

__all__ = ["Dataset", "grid_modes", "load", "ring_modes"]
