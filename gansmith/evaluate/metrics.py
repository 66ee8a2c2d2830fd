"""All metrics that compare two sets of features, in one table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from torch import Tensor

from gansmith.evaluate.diversity import mean_distance
from gansmith.evaluate.energy import energy_distance
from gansmith.evaluate.frechet import frechet_distance
from gansmith.evaluate.kernel import KernelDistance, kernel_distance
from gansmith.evaluate.manifold import Manifold, manifold
from gansmith.evaluate.sliced import sliced_wasserstein

S = TypeVar("S")


@dataclass(frozen=True)
class Scale:
    """A scale on which a number varies alike wherever it lies, and evenly to both sides; its interval is taken there.

    Arguments:
        call: from the number to the scale.
        back: from the scale to the number; what is beyond the end of the scale is the end.
    """

    call: Callable[[float], float]
    back: Callable[[float], float]


PLAIN = Scale(lambda x: x, lambda x: x)
SHARE = Scale(lambda x: math.asin(math.sqrt(x)), lambda x: math.sin(min(max(x, 0.0), math.pi / 2)) ** 2)
"""Near 0 and 1 shares vary less, and to one side."""
ROOT = Scale(math.sqrt, lambda x: max(x, 0.0) ** 2)


@dataclass(frozen=True)
class Metric(Generic[S]):
    """A metric, and what is needed to read it.

    Arguments:
        name: its key in ``metrics.json``.
        title: its name in reports.
        better: ``lower``, ``higher`` or ``as real``.
        words: what it measures, in plain words.
        call: computes the value from the sets; None if there is no value.
        bounds: the smallest and the largest possible value.
        error: computes its standard error, if there is a formula; otherwise it is estimated from halves of the sets.
        unbiased: whether its mean is the same at every n; if not, its interval holds the mean at this n only.
        scale: on which its interval is taken, where that comes from halves.
        pairs: whether it takes the distances of all pairs, so that its time grows as the square of n.
    """

    name: str
    title: str
    better: str
    words: str
    call: Callable[[S], float | None]
    bounds: tuple[float, float] = (0.0, math.inf)
    error: Callable[[S], float] | None = None
    unbiased: bool = False
    scale: Scale = PLAIN
    pairs: bool = True


class Sets:
    """Features of real and of generated samples, (n, d) each, and results that several metrics share."""

    def __init__(self, real: Tensor, fake: Tensor) -> None:
        self.real, self.fake = real, fake

    @cached_property
    def manifold(self) -> Manifold:
        return manifold(self.real, self.fake)

    @cached_property
    def kernel(self) -> KernelDistance:
        return kernel_distance(self.real, self.fake)


METRICS: tuple[Metric[Sets], ...] = (
    Metric(
        "frechet_distance",
        "Frechet distance",
        "lower",
        "how far the mean and the spread of samples are from those of real ones",
        lambda sets: frechet_distance(sets.real, sets.fake),
        pairs=False,
    ),
    Metric(
        "kernel_distance",
        "kernel distance",
        "lower",
        "how far the moments up to the third are apart; does not grow where fewer samples are taken",
        lambda sets: sets.kernel.value,
        (-math.inf, math.inf),
        lambda sets: sets.kernel.error,
        unbiased=True,
    ),
    Metric(
        "coverage",
        "coverage",
        "higher",
        "the share of real samples with a sample near them: what is missing shows here",
        lambda sets: sets.manifold.coverage,
        (0.0, 1.0),
        scale=SHARE,
    ),
    Metric(
        "density",
        "density",
        "higher",
        "how often a sample lies where real ones lie densely; one means as real",
        lambda sets: sets.manifold.density,
    ),
    Metric(
        "precision",
        "precision",
        "higher",
        "the share of samples that lie among real ones; alone it says nothing, noise can have 1",
        lambda sets: sets.manifold.precision,
        (0.0, 1.0),
        scale=SHARE,
    ),
    Metric(
        "recall",
        "recall",
        "higher",
        "the share of real samples that lie among the samples",
        lambda sets: sets.manifold.recall,
        (0.0, 1.0),
        scale=SHARE,
    ),
    Metric(
        "sliced_wasserstein",
        "sliced Wasserstein",
        "lower",
        "how far samples must be moved to become real ones, seen along random directions",
        lambda sets: sliced_wasserstein(sets.real, sets.fake),
        scale=ROOT,
        pairs=False,
    ),
    Metric(
        "energy_distance",
        "energy distance",
        "lower",
        "how much farther samples are from real ones than each are among themselves",
        lambda sets: energy_distance(sets.real, sets.fake),
        (-math.inf, math.inf),
        unbiased=True,
    ),
    Metric(
        "diversity",
        "distance among samples",
        "as real",
        "the mean distance between two samples; the floor is that between two real ones",
        lambda sets: mean_distance(sets.fake),
        unbiased=True,
    ),
)
"""In the order in which they are shown."""
