"""Metrics of generated samples: tensors in, floats out; independent of games and runs."""

from gansmith.evaluate.choosing import choose
from gansmith.evaluate.classes import ClassJudge, Judge
from gansmith.evaluate.compare import compare, distances
from gansmith.evaluate.coverage import ClassCoverage, class_coverage, expected_divergence
from gansmith.evaluate.digit_features import DigitClassifier
from gansmith.evaluate.diversity import mean_distance, vendi_score
from gansmith.evaluate.duplicates import Duplicates, duplicates
from gansmith.evaluate.energy import energy_distance
from gansmith.evaluate.extrapolation import Extrapolation, extrapolated_frechet_distance
from gansmith.evaluate.features import Features, extract
from gansmith.evaluate.frechet import Moments, Statistics, frechet_distance
from gansmith.evaluate.interval import Spread, jackknife
from gansmith.evaluate.kernel import KernelDistance, kernel_distance
from gansmith.evaluate.manifold import Manifold, expected_coverage, manifold
from gansmith.evaluate.memorization import Memorization, memorization
from gansmith.evaluate.metrics import METRICS, Metric
from gansmith.evaluate.modes import ModeCoverage, mode_coverage
from gansmith.evaluate.neighbors import nearest
from gansmith.evaluate.probes import Correlation, latent_correlation, linear_probe, neighbor_probe
from gansmith.evaluate.reconstruction import (
    PrincipalComponents,
    ReconstructionError,
    pca_reconstruct,
    reconstruction_error,
    same_class_share,
)
from gansmith.evaluate.sets import measure_sets
from gansmith.evaluate.sharpness import sharpness
from gansmith.evaluate.sliced import sliced_wasserstein
from gansmith.evaluate.statistics_file import read_statistics

__all__ = [
    "METRICS",
    "ClassCoverage",
    "ClassJudge",
    "Correlation",
    "DigitClassifier",
    "Duplicates",
    "Extrapolation",
    "Features",
    "Judge",
    "KernelDistance",
    "Manifold",
    "Memorization",
    "Metric",
    "ModeCoverage",
    "Moments",
    "PrincipalComponents",
    "ReconstructionError",
    "Spread",
    "Statistics",
    "choose",
    "class_coverage",
    "compare",
    "distances",
    "duplicates",
    "energy_distance",
    "expected_coverage",
    "expected_divergence",
    "extract",
    "extrapolated_frechet_distance",
    "frechet_distance",
    "jackknife",
    "kernel_distance",
    "latent_correlation",
    "linear_probe",
    "manifold",
    "mean_distance",
    "measure_sets",
    "memorization",
    "mode_coverage",
    "nearest",
    "neighbor_probe",
    "pca_reconstruct",
    "read_statistics",
    "reconstruction_error",
    "same_class_share",
    "sharpness",
    "sliced_wasserstein",
    "vendi_score",
]
