"""Numbers that can be compared: tensors in, floats out; nothing here knows of a game or a run."""

from gansmith.evaluate.classes import ClassJudge, Judge
from gansmith.evaluate.energy import energy_distance
from gansmith.evaluate.frechet import Moments, frechet_distance
from gansmith.evaluate.modes import ModeCoverage, mode_coverage
from gansmith.evaluate.reconstruction import (
    ReconstructionError,
    pca_reconstruct,
    reconstruction_error,
    same_class_share,
)

__all__ = [
    "ClassJudge",
    "Judge",
    "ModeCoverage",
    "Moments",
    "ReconstructionError",
    "energy_distance",
    "frechet_distance",
    "mode_coverage",
    "pca_reconstruct",
    "reconstruction_error",
    "same_class_share",
]
