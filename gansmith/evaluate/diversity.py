"""Diversity: how different the samples of one set are from each other."""

from __future__ import annotations

import torch
from torch import Tensor

from gansmith.evaluate.energy import total_distance
from gansmith.evaluate.vectors import vectors


def mean_distance(x: Tensor) -> float:
    r"""The mean distance between two vectors of a set: 0 for copies of one.

    .. math::
        \frac{1}{n (n - 1)} \sum_{i \ne j} \lVert x_i - x_j \rVert

    Alone it means nothing: noise has a large value. Compare it with the value of real vectors, which is the target.

    Arguments:
        x: vectors, shape `(n, d)`, n at least 2.

    Raises:
        ValueError: where there are fewer than two vectors or a value is not finite.

    Example:
        >>> mean_distance(torch.tensor([[0.0], [1.0], [5.0]]))
        3.333...
    """
    x = vectors(x, "vectors", least=2)
    x = x - x.mean(0)
    return total_distance(x, x) / (len(x) * (len(x) - 1))


def vendi_score(x: Tensor) -> float:
    r"""Vendi score: the effective number of different vectors in a set.

    .. math::
        \exp\Big( -\sum_i \lambda_i \log \lambda_i \Big), \qquad \lambda \text{ the eigenvalues of } K / n, \quad
        K_{ij} = \cos(x_i, x_j)

    It is 1 for copies, n for n orthogonal vectors, and at most min(n, d). The eigenvalues come from the smaller of the
    Gram matrices, (n, n) or (d, d). Cosines are not centered: if all vectors share a large component (a background),
    they count as similar, and so do real vectors. Zero vectors are copies of each other, orthogonal to all others.

    Arguments:
        x: vectors, shape `(n, d)`.

    Raises:
        ValueError: where there is no vector or a value is not finite.

    References:
        The Vendi score: a diversity evaluation metric for machine learning, Friedman, Dieng, 2022,
        https://arxiv.org/abs/2210.02410, definition 3.1.

    Example:
        >>> vendi_score(torch.tensor([[3.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 5.0]]))
        2.0
    """
    x = vectors(x, "vectors")
    x = x / x.abs().amax(1, keepdim=True).clamp(min=1e-300)  # so that no square overflows
    norms = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    unit = torch.cat([x / norms.where(norms > 0, 1.0), (norms == 0).to(x)], 1)
    gram = unit @ unit.T if len(unit) < unit.shape[1] else unit.T @ unit
    values = torch.linalg.eigvalsh(gram / len(unit)).clamp(min=0)
    return float(torch.special.entr(values).sum().exp())
