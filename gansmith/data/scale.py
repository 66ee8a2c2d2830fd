"""Standardization of vectors whose columns are of very different size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

APART = 10.0  # the largest standard deviation over the smallest, and a mean over the largest one, that need no scale
SMALL, LARGE = 1e-3, 1e3  # the largest standard deviation that needs none
ROWS = 1 << 16  # summed at a time; part of the result's last digits, so that these are the same on every machine


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and standard deviation of each column, float32 ``(d,)``; 1 in place of a deviation of 0.

    Example:
        >>> scale = Scale(torch.tensor([40.0, 30000.0]), torch.tensor([10.0, 5000.0]))
        >>> x = torch.tensor([[50.0, 25000.0]])
        >>> scale.standardize(x), scale.restore(scale.standardize(x))
        (tensor([[ 1., -1.]]), tensor([[   50., 25000.]]))
    """

    mean: Tensor
    deviation: Tensor

    def standardize(self, x: Tensor) -> Tensor:
        """Vectors ``(..., d)`` as networks see them: every column with mean 0 and standard deviation 1."""
        return (x - self.mean.to(x.device)) / self.deviation.to(x.device)

    def restore(self, x: Tensor) -> Tensor:
        """Vectors ``(..., d)`` in the data's own units; the inverse of :meth:`standardize`."""
        return x * self.deviation.to(x.device) + self.mean.to(x.device)

    @property
    def note(self) -> str:
        """What is done, for the user."""
        varied = self.deviation[self.deviation != 1] if bool((self.deviation != 1).any()) else self.deviation
        low, high, mean = float(varied.min()), float(varied.max()), float(self.mean.abs().max())
        return (
            f"columns are standardized for training (standard deviations from {low:.3g} to {high:.3g}, means up to "
            f"{mean:.3g}), and samples are put back; numbers compare standardized columns"
        )

    def record(self) -> dict[str, list[float]]:
        """For JSON; `from_record` gives the same bits."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @classmethod
    def from_record(cls, record: dict[str, Any] | None) -> Scale | None:
        """The scale in a record; None where there is none."""
        return None if record is None else cls(torch.tensor(record["mean"]), torch.tensor(record["deviation"]))


def scale_of(x: Tensor, train: Tensor) -> Scale | None:
    r"""The scale of vectors by their training part, or None if they need none.

    .. math:: \mu_j = \frac1n \sum_i x_{ij}, \quad \sigma_j^2 = \frac1n \sum_i (x_{ij} - \mu_j)^2

    They need none if the largest standard deviation is at most 10 times the smallest and between 1/1000 and 1000, and
    no mean is above 10 times the largest. Columns with one value only do not count for the smallest.

    Arguments:
        x: float32 ``(n, d)``.
        train: int64 positions of the training samples.

    Example:
        >>> x = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
        >>> scale_of(x, torch.arange(2)) is None
        True
        >>> scale_of(x * torch.tensor([1.0, 50.0]), torch.arange(2)).deviation
        tensor([ 0.5000, 50.0000])
    """
    import numpy as np

    values = x.numpy()
    parts = [train[k : k + ROWS].numpy() for k in range(0, len(train), ROWS)]
    if not parts:
        return None
    mean = _sum(values, parts, None) / len(train)
    deviation = np.sqrt(_sum(values, parts, mean) / len(train))
    varies = deviation > 0  # sums of one float32 value over and over are exact in float64
    if not varies.any():
        return None
    largest, smallest = float(deviation[varies].max()), float(deviation[varies].min())
    is_centered = float(np.abs(mean).max()) <= APART * largest
    if largest <= APART * smallest and SMALL <= largest <= LARGE and is_centered:
        return None
    of_columns = deviation.astype(np.float32)
    of_columns[of_columns == 0] = 1
    return Scale(torch.from_numpy(mean.astype(np.float32)), torch.from_numpy(of_columns))


def _sum(values: npt.NDArray[Any], parts: list[npt.NDArray[Any]], mean: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """Of each column, or of the squared distance from its mean: row by row in float64, in an order without threads."""
    import numpy as np

    total: npt.NDArray[np.float64] = np.zeros(values.shape[1])
    for part in parts:
        x = values[part].astype(np.float64)
        total += (x if mean is None else (x - mean) ** 2).sum(0)
    return total
