"""Fake against real in the same features: every distance with its interval, and with that of real against real."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from gansmith.evaluate.diversity import mean_distance
from gansmith.evaluate.energy import energy_distance
from gansmith.evaluate.frechet import frechet_distance
from gansmith.evaluate.interval import Spread, jackknife
from gansmith.evaluate.kernel import kernel_distance
from gansmith.evaluate.manifold import manifold
from gansmith.evaluate.sliced import sliced_wasserstein

SHARES = ("precision", "recall", "coverage")


def distances(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Every number that compares two sets of features, each of shape `(n, d)`; `diversity` is of `fake` alone.

    Raises:
        ValueError: where a set is too small, not finite, or of another dimension than the other.

    Example:
        >>> import torch
        >>> x = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        >>> sorted(distances(x, x + 1))[:3]
        ['coverage', 'density', 'diversity']
    """
    near = manifold(real, fake)
    return {
        "frechet_distance": frechet_distance(real, fake),
        "precision": near.precision,
        "recall": near.recall,
        "density": near.density,
        "coverage": near.coverage,
        "sliced_wasserstein": sliced_wasserstein(real, fake),
        "energy_distance": energy_distance(real, fake),
        "diversity": mean_distance(fake),
    }


def compare(real: Tensor, fake: Tensor, twin: Tensor | None, *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """All `distances` and the kernel distance, each with what is needed to read it.

    Arguments:
        real: features of real samples, shape `(n, d)`.
        fake: features of generated ones, shape `(n, d)`; as many, because most numbers depend on n.
        twin: features of other real samples, shape `(n, d)`, for the floor; None where there are none.
        seed: of the halves, for the intervals.

    Returns:
        By name: `value`; `interval`, 95 %, by a jackknife over halves of both sets (from its standard error for the
        kernel distance); `floor`, the value of twin against real (the twin's own for `diversity`).

    Raises:
        ValueError: where the sets differ in number or dimension.
    """
    if len(real) != len(fake) or (twin is not None and len(twin) != len(real)):
        sizes = [len(x) for x in (real, fake, *([] if twin is None else [twin]))]
        raise ValueError(f"needs equally many samples of each kind, but got {sizes}: take the first {min(sizes)}")
    values = distances(real, fake)
    spread = jackknife(distances, real, fake, seed=seed)
    floors = {} if twin is None else distances(real, twin)
    found: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        found[name] = {"value": value, "interval": _interval(name, value, spread[name]), "floor": floors.get(name)}
    kernel = kernel_distance(real, fake)
    found["kernel_distance"] = {
        "value": kernel.value,
        "interval": [kernel.value - 1.96 * kernel.error, kernel.value + 1.96 * kernel.error],
        "floor": None if twin is None else kernel_distance(real, twin).value,
        "error": kernel.error,
    }
    return found


def _interval(name: str, value: float, spread: Spread) -> list[float] | None:
    """Within what the number can be: a share ends at 1, and only an unbiased distance goes below 0."""
    low, high = spread.interval(value)
    if not math.isfinite(low):
        return None
    return [low if name == "energy_distance" else max(low, 0.0), min(high, 1.0) if name in SHARES else high]
