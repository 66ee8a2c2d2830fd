"""Where latents come from: keyed draws of a known size and scale."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from gansmith import chance
from gansmith.refusal import check_sizes


class Latent(Protocol):
    """A distribution of latents: ``latent(n, like)`` draws (n, size), with the dtype and device of ``like``.

    ``std`` is the standard deviation of one coordinate; coordinates have mean 0.
    """

    size: int
    std: float

    def __call__(self, n: int, like: Tensor | None = None) -> Tensor: ...


class Normal:
    """Independent standard normal coordinates, ``size`` of them, a whole number of at least 1.

    Example:
        >>> Normal(3)(2).shape
        torch.Size([2, 3])
    """

    std = 1.0

    def __init__(self, size: int, name: str = "z") -> None:
        check_sizes(size=size)
        self.size, self.name = size, name

    def __call__(self, n: int, like: Tensor | None = None) -> Tensor:
        return chance.normal(self.name, n, self.size, like=like)


class Uniform:
    """Independent coordinates, uniform in [-1, 1).

    Example:
        >>> z = Uniform(3)(2)
        >>> bool((z.abs() <= 1).all())
        True
    """

    std = 1 / math.sqrt(3)

    def __init__(self, size: int, name: str = "z") -> None:
        check_sizes(size=size)
        self.size, self.name = size, name

    def __call__(self, n: int, like: Tensor | None = None) -> Tensor:
        return 2 * chance.uniform(self.name, n, self.size, like=like) - 1


class Sphere:
    """Directions, uniform on the sphere of radius sqrt(size): in many dimensions close to a standard normal.

    Example:
        >>> bool(torch.isclose(Sphere(4)(2).norm(dim=1), torch.tensor(2.0)).all())
        True
    """

    std = 1.0

    def __init__(self, size: int, name: str = "z") -> None:
        check_sizes(size=size)
        self.size, self.name = size, name

    def __call__(self, n: int, like: Tensor | None = None) -> Tensor:
        z = chance.normal(self.name, n, self.size, like=like)
        return torch.nn.functional.normalize(z, dim=1) * math.sqrt(self.size)
