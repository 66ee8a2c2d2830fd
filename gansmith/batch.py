"""A batch: samples, their labels, and where in the data they came from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Samples ``x`` (n, ...), labels ``y`` (n,) with -1 where unlabeled (or None), and their ``index`` (n,).

    Slicing takes samples: ``batch[:8]`` is a batch of the first eight.

    Example:
        >>> import torch
        >>> batch = Batch(torch.zeros(4, 2), None, torch.arange(4))
        >>> len(batch), len(batch[1:])
        (4, 3)
    """

    x: Tensor
    y: Tensor | None
    index: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice) -> Batch:
        return Batch(self.x[rows], None if self.y is None else self.y[rows], self.index[rows])
