"""A batch: samples, their labels, and where in the data they came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from torch import Tensor

B = TypeVar("B", bound="Batch")


@dataclass(frozen=True)
class Batch:
    """Samples ``x`` (n, ...), labels ``y`` (n,) with -1 where unlabeled (or None), and their ``index`` (n,).

    Slicing takes samples: ``batch[:8]`` is a batch of the first eight. Data with more than this (queries, several
    labels) derive from it; :meth:`map`, :meth:`to` and :meth:`rows` keep every field.

    Example:
        >>> @dataclass(frozen=True)
        ... class Asked(Batch):
        ...     query: Tensor
        >>> batch = Asked(torch.zeros(4, 2), None, torch.arange(4), query=torch.ones(4))
        >>> len(batch), len(batch[1:]), len(batch[1:].query), batch.map(torch.Tensor.double).query.dtype
        (4, 3, 3, torch.float64)
    """

    x: Tensor
    y: Tensor | None
    index: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self: B, rows: slice) -> B:
        return self.rows(rows)

    def map(self: B, function: Callable[[Tensor], Tensor]) -> B:
        """The same batch with a function of each of its tensors in their place; what is no tensor stays."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: function(v) for name, v in values.items() if isinstance(v, Tensor)})

    def to(self: B, device: torch.device | str) -> B:
        """On a device."""
        return self.map(lambda tensor: tensor.to(device))

    def rows(self: B, rows: slice) -> B:
        """Some of the samples."""
        return self.map(lambda tensor: tensor[rows])
