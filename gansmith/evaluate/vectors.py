"""Checks for all metrics of sets of vectors: finite values in double precision."""

from __future__ import annotations

import torch
from torch import Tensor


def vectors(x: Tensor | object, what: str, least: int = 1) -> Tensor:
    r"""`x` (n, d) in float64, detached; raises an error if it is not usable.

    Arguments:
        x: vectors, shape `(n, d)`, of any real type; arrays of numpy are taken too.
        what: their name in error messages, e.g. `"real features"`.
        least: the least number of vectors.

    Raises:
        ValueError: where `x` is not `(n, d)`, has fewer than `least` rows, no column, or a value that is not
            finite.

    Example:
        >>> vectors(torch.ones(2, 3), "codes").dtype
        torch.float64
    """
    x = x if isinstance(x, Tensor) else _tensor(x, what)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(f"needs {what} of shape (n, d), but got {tuple(x.shape)}: flatten each with .flatten(1)")
    if len(x) < least:
        raise ValueError(f"needs at least {least} {what}, but got {len(x)}: give more")
    # Apple's GPU has no double precision.
    x = x.detach().to("cpu" if x.device.type == "mps" else x.device, torch.float64)
    bad = int((~x.isfinite()).any(1).sum())
    if bad:
        raise ValueError(
            f"needs finite {what}, but got NaN or infinity in {bad} of {len(x)}: look for where they arose"
        )
    return x


def _tensor(x: object, what: str) -> Tensor:
    """An array of numpy, say, as a tensor."""
    try:
        return torch.as_tensor(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"needs {what} as a tensor or an array of numbers, shape (n, d), but got {type(x).__name__}: {error}"
        ) from None


def vector_pair(x: Tensor, y: Tensor, what: str, least: int = 1) -> tuple[Tensor, Tensor]:
    r"""Two sets of `vectors` of the same dimension, on the device of the first.

    Raises:
        ValueError: as `vectors`, and where the dimensions differ.

    Example:
        >>> x, y = vector_pair(torch.ones(2, 3), torch.ones(5, 3), "codes")
        >>> x.shape[1] == y.shape[1]
        True
    """
    x, y = vectors(x, what, least), vectors(y, what, least)
    check_same_dimension(x.shape[1], y.shape[1], what)
    return x, y.to(x.device)


def check_same_dimension(d: int, other: int, what: str) -> None:
    r"""Raises an error for vectors of different dimensions.

    Raises:
        ValueError: where `d` and `other` differ.
    """
    if d != other:
        raise ValueError(f"needs {what} of one dimension, but got {d} and {other}: use the same features for both")
