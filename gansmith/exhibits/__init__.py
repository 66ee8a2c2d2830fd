"""What a run can show: one file a kind of picture, and one line in this list."""

from __future__ import annotations

from gansmith.exhibits.base import Exhibit as Exhibit
from gansmith.exhibits.base import fixed_samples as fixed_samples
from gansmith.exhibits.classes import CLASSES
from gansmith.exhibits.codes import CODES
from gansmith.exhibits.interpolations import INTERPOLATIONS
from gansmith.exhibits.neighbors import NEIGHBORS
from gansmith.exhibits.points import POINTS
from gansmith.exhibits.real import REAL
from gansmith.exhibits.reconstructions import RECONSTRUCTIONS
from gansmith.exhibits.samples import SAMPLES

EXHIBITS: tuple[Exhibit, ...] = (SAMPLES, POINTS, CLASSES, RECONSTRUCTIONS, REAL, NEIGHBORS, INTERPOLATIONS, CODES)
"""In the order in which they are shown; the first two that a run has are its overview."""
