"""Duplicates: samples that occur twice in a set, exactly or nearly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gansmith.evaluate.neighbors import nearest
from gansmith.evaluate.vectors import vector_pair, vectors

MAX_PAIRS = 8


@dataclass(frozen=True)
class Duplicates:
    """How many samples of a set have a duplicate in it.

    Attributes:
        share: share of samples with another one within the threshold.
        floor: the same share among real samples; None without real samples.
        exact: share of samples with an identical one.
        threshold: the distance, in units of the vectors.
        pairs: rows of the nearest duplicates, nearest first, at most 8 pairs.
    """

    share: float
    floor: float | None
    exact: float
    threshold: float
    pairs: tuple[tuple[int, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """The values as JSON can hold them."""
        return {**vars(self), "pairs": [list(pair) for pair in self.pairs]}


def duplicates(
    x: Tensor, real: Tensor | None = None, *, threshold: float | None = None, quantile: float = 0.01
) -> Duplicates:
    r"""Exact and near duplicates among samples, by the distance to the nearest other one.

    .. math::
        \text{share} = \tfrac{1}{n} \, \lvert \{ i : \min_{j \ne i} \lVert x_i - x_j \rVert \le t \} \rvert

    The threshold comes from real samples: by default, t is the distance within which 1 % of them have another one. So
    their own share, the floor, is about 1 % (or more, if they have more copies). Distances to neighbors shrink as sets
    grow, so only the first min(n, m) of both sets are compared. A set without duplicates does not prove many different
    samples: s draws from N equally likely samples contain a duplicate with probability 1/2 at s = 1.18 N^(1/2).

    Arguments:
        x: vectors of the samples, shape `(n, d)`, n at least 2.
        real: vectors of real samples, shape `(m, d)`, m at least 2. Without them and without a threshold, only
            identical samples count.
        threshold: t, in units of the vectors; by default as above.
        quantile: the share of real samples that have another one within the default t.

    Raises:
        ValueError: where there are fewer than two vectors, a value is not finite, the dimensions differ, or the
            threshold is negative or the quantile no share.

    References:
        Do GANs learn the distribution? Some theory and empirics, Arora, Risteski, Zhang, 2018,
        https://openreview.net/forum?id=BJehNfW0-, for the birthday test.

    Example:
        >>> import torch
        >>> result = duplicates(torch.tensor([[0.0], [5.0], [0.0], [9.0], [9.5]]), threshold=1.0)
        >>> result.share, result.exact, result.pairs
        (0.8, 0.4, ((0, 2), (3, 4)))
    """
    if not 0 <= quantile <= 1 or (threshold is not None and not threshold >= 0):
        raise ValueError(
            f"needs a threshold of 0 or more and a quantile from 0 to 1, but got {threshold} and {quantile}"
        )
    if real is None:
        x, others = vectors(x, "samples", least=2), None
    else:
        x, y = vector_pair(x, real, "samples", least=2)
        n = min(len(x), len(y))
        x, others = x[:n], nearest(y[:n])[0][:, 0]
    distances, rows = (column[:, 0] for column in nearest(x))
    if threshold is None:
        threshold = 0.0 if others is None else float(others.sort().values[max(0, int(quantile * len(others)) - 1)])
    near = (distances <= threshold).nonzero().flatten()
    order = near[distances[near].argsort(stable=True)].tolist()
    pairs = list(dict.fromkeys((min(i, int(rows[i])), max(i, int(rows[i]))) for i in order))
    floor = None if others is None else _share(others <= threshold)
    return Duplicates(
        _share(distances <= threshold), floor, _share(distances == 0), threshold, tuple(pairs[:MAX_PAIRS])
    )


def _share(condition: Tensor) -> float:
    return float(condition.double().mean())
