"""Coverage of classes: which classes a generator produces, and how their shares compare with the real ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClassCoverage:
    """How samples cover the classes of real data.

    Attributes:
        covered: classes with at least one sample.
        of: classes in the real data.
        kl: KL(samples || real) in nats; 0 for equal shares, infinite where a sample is of a class that has no real
            one. For what a perfect generator has, see `expected_divergence`.
        rarest: the smallest share that a class has among the samples.
        missing: classes without a sample, ascending.
    """

    covered: int
    of: int
    kl: float
    rarest: float
    missing: tuple[int, ...]


def class_coverage(labels: Tensor, shares: Mapping[int, float]) -> ClassCoverage:
    r"""Coverage of classes by the labels that a judge gives to samples.

    .. math::
        \text{KL} = \sum_c p_c \log \frac{p_c}{q_c}, \qquad p \text{ shares among samples}, \; q \text{ among real ones}

    The samples are compared with the real shares, not with equal shares: unequal classes in the data are not the
    generator's error. Errors of the judge can make missing classes appear: report its accuracy beside this.

    Arguments:
        labels: a judge's labels of the samples, shape `(n,)`.
        shares: the share of each class in the real data, e.g. `ClassJudge.shares` of held-out images, which
            contain the same errors of the judge; counts will do, too.

    Raises:
        ValueError: where there is no label or no class, or a share is negative or not finite.

    Example:
        >>> class_coverage(torch.tensor([0, 0, 1, 1]), {0: 0.25, 1: 0.25, 2: 0.5})
        ClassCoverage(covered=2, of=3, kl=0.693..., rarest=0.0, missing=(2,))
    """
    if labels.ndim != 1 or not len(labels):
        raise ValueError(
            f"needs one label for each sample, shape (n,), but got {tuple(labels.shape)}: give the labels by a judge"
        )
    if any(share < 0 or not math.isfinite(share) for share in shares.values()) or not sum(shares.values()) > 0:
        raise ValueError(f"needs shares of real classes above zero, but got {dict(shares)}: count the real labels")
    classes, counts = torch.unique(labels, return_counts=True)
    shares_of_samples = {int(c): int(count) / len(labels) for c, count in zip(classes, counts, strict=True)}
    whole = sum(shares.values())
    real = {c: share / whole for c, share in shares.items() if share > 0}
    kl = sum(p * math.log(p / real[c]) if c in real else math.inf for c, p in shares_of_samples.items())
    missing = tuple(sorted(c for c in real if c not in shares_of_samples))
    return ClassCoverage(
        len(real) - len(missing), len(real), max(kl, 0.0), min(shares_of_samples.get(c, 0.0) for c in real), missing
    )


def expected_divergence(classes: int, samples: int, real: int | None = None) -> float:
    r"""The divergence `kl` that a perfect generator is expected to have: its floor.

    .. math::
        E\, \text{KL} \approx \frac{C - 1}{2} \Big( \frac{1}{n} + \frac{1}{m} \Big)

    Both shares are counted, among n samples and m real ones, and both counts have errors of their own. Only where the
    real shares are known exactly, the second term is not there. With few real samples of a class
    the mean is a little larger: 7 % at 18 of each.

    Arguments:
        classes: C, the number of classes.
        samples: n, the number of samples that were labeled.
        real: m, the number of real ones that the shares were counted among; None where these are known exactly.

    Raises:
        ValueError: where there is no class, no sample or no real one.

    References:
        The mean of the statistic :math:`2 n\, \text{KL}` is the degrees of freedom C - 1: The large-sample
        distribution of the likelihood ratio, Wilks, 1938, https://doi.org/10.1214/aoms/1177732360.

    Example:
        >>> round(expected_divergence(10, 2000, 180), 4), round(expected_divergence(10, 2000), 5)
        (0.0272, 0.00225)
    """
    if min(classes, samples, 1 if real is None else real) < 1:
        raise ValueError(
            f"needs a class and a sample of each kind, but got {classes}, {samples} and {real}: count them"
        )
    return (classes - 1) / 2 * (1 / samples + (0.0 if real is None else 1 / real))
