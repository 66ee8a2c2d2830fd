"""Coefficients of explicit Runge-Kutta methods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tableau:
    r"""An explicit Runge-Kutta method: :math:`k_i = f(y + h \sum_{j<i} a_{ij} k_j)`, :math:`y' = y + h \sum_i b_i k_i`.

    Arguments:
        stages: the rows :math:`a_i`; row i has i entries, so that the first is empty.
        weights: :math:`b`, one a stage, of sum 1.
        embedded: the weights :math:`\hat b` of a method of lower order on the same stages, whose difference estimates
            the error of a step.

    Raises:
        ValueError: rows or weights of another length, or weights that do not sum to 1.

    Example:
        >>> Tableau(stages=((), (2 / 3,)), weights=(1 / 4, 3 / 4)).weights  # Ralston's method of order 2
        (0.25, 0.75)
    """

    stages: Sequence[Sequence[float]]
    weights: Sequence[float]
    embedded: Sequence[float] | None = None

    def __post_init__(self) -> None:
        n = len(self.stages)
        if [len(row) for row in self.stages] != list(range(n)):
            raise ValueError(
                f"needs explicit stages, rows of 0, 1, 2, ... entries, but got rows of "
                f"{', '.join(str(len(row)) for row in self.stages)}"
            )
        for what, weights in (("weights", self.weights), ("embedded weights", self.embedded)):
            if weights is not None and not (len(weights) == n and math.isclose(math.fsum(weights), 1.0)):
                raise ValueError(f"needs {n} {what} of sum 1, one for each stage, but got {tuple(weights)}")


EULER = Tableau(((),), (1.0,))
MIDPOINT = Tableau(((), (0.5,)), (0.0, 1.0))
HEUN = Tableau(((), (1.0,)), (0.5, 0.5), (1.0, 0.0))
RK4 = Tableau(((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6))
