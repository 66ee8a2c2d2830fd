"""Nearest neighbors in bounded memory: a matrix product excludes most pairs, exact differences decide the rest."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gansmith.evaluate.vectors import vector_pair, vectors

TILE = (512, 4096)  # rows and columns of bounds in memory at a time: 8 MiB in float32
GROUP = 64  # columns that are skipped together if the smallest of their bounds is too large
SPARE = 4  # extra candidates, since rounding may change the order of near ones
NUMBERS = 2**20  # differences in memory at a time: 8 MiB


def nearest(x: Tensor, among: Tensor | None = None, k: int = 1) -> tuple[Tensor, Tensor]:
    r"""The k nearest neighbors of each vector, in Euclidean distance.

    Distances are sums of squared differences in float64: a copy has distance exactly 0, and equal pairs have equal
    distances. Among equally near vectors the choice is arbitrary; the same holds if their squared distances differ by
    less than about 1e-15 d of the squared norms. Memory is bounded for any n and m; time grows as `n m d`.

    Arguments:
        x: vectors, shape `(n, d)`.
        among: where to search, shape `(m, d)`; None means x itself: then no vector is its own neighbor, but a copy of
            it can be.
        k: the number of neighbors, at most m, or n - 1 within x.

    Returns:
        Distances, ascending, shape `(n, k)`, float64, and rows of the neighbors, shape `(n, k)`.

    Raises:
        ValueError: where a value is not finite, the dimensions differ, or there are fewer than k neighbors.

    Example:
        >>> distances, rows = nearest(torch.tensor([[0.0], [1.0], [5.0]]))
        >>> distances.flatten().tolist(), rows.flatten().tolist()
        ([1.0, 1.0, 4.0], [1, 0, 1])
    """
    own = None
    if among is None:
        x = among = vectors(x, "vectors")
        own = torch.arange(len(x), device=x.device)
    else:
        x, among = vector_pair(x, among, "vectors")
    most = len(among) - (own is not None)
    if not 1 <= k <= most:
        raise ValueError(f"needs 1 to {most} neighbors of each vector, but got {k}: take fewer or give more vectors")
    squares, rows = _nearest(x, among, k, own, _product_type(x, among))
    return squares.sqrt(), rows


def _nearest(x: Tensor, among: Tensor, k: int, own: Tensor | None, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Squared distances and rows (n, k); the row `own` (n,) of each vector is excluded."""
    most = len(among) - (own is not None)
    rows, bounds = _candidates(x, among, min(k + SPARE, most), own, dtype)
    i = torch.arange(len(x), device=x.device)[:, None].expand_as(rows)
    squares, order = squared_distances(x, among, i.flatten(), rows.flatten()).view_as(rows).sort(1)
    squares, rows = squares[:, :k].contiguous(), rows.gather(1, order[:, :k])
    # All other vectors are at least as far as the largest bound of the candidates.
    last = squares[:, -1]
    doubtful = (last > 0) & (last >= bounds.amax(1)) & (len(order[0]) < most)
    if dtype != torch.float64 and doubtful.any():
        own_rows = own if own is None else own[doubtful]
        squares[doubtful], rows[doubtful] = _nearest(x[doubtful], among, k, own_rows, torch.float64)
    return squares, rows


def _product_type(x: Tensor, y: Tensor) -> torch.dtype:
    """float32, twice as fast, unless torch would use a lower precision or values could overflow; else float64."""
    plain = torch.get_float32_matmul_precision() == "highest" and not torch.is_autocast_enabled(x.device.type)
    largest = max(float(x.abs().amax()), float(y.abs().amax()))
    return torch.float32 if x.device.type == "cpu" and plain and 1e-9 < largest < 1e12 else torch.float64


def squared_distances(x: Tensor, y: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """Squared distances (p,) of the pairs `x[i]` and `y[j]`, by differences."""
    step = max(1, NUMBERS // x.shape[1])
    parts = zip(i.split(step), j.split(step), strict=True)
    return torch.cat([(x[a] - y[b]).square().sum(1) for a, b in parts])


def close_pairs(
    x: Tensor, y: Tensor, reach_x: list[Tensor], reach_y: list[Tensor]
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    r"""All pairs within one of their reaches, and perhaps a few more, in parts.

    Arguments:
        x: vectors, shape `(n, d)`, float64.
        y: vectors, shape `(m, d)`, float64.
        reach_x: at least one tensor of squared distances, shape `(n,)`; negative where x reaches nothing.
        reach_y: at least one tensor of squared distances, shape `(m,)`.

    Yields:
        Rows i and j, shape `(p,)`, and a number for each pair. Comparing it with a reach of the pair (by < and by <=)
        gives the same result as its exact squared distance by `squared_distances`.
    """
    bounds = Bounds(x, y, _product_type(x, y))
    far_x, far_y = (bounds.rounded_up(torch.stack(reaches).amax(0)) for reaches in (reach_x, reach_y))
    for rows, columns, low in bounds.tiles():
        a, b = ((low <= far_x[rows, None]) | (low <= far_y[columns])).nonzero(as_tuple=True)
        squares, i, j = low[a, b].double(), a + rows.start, b + columns.start
        high = squares + bounds.width(i, j)
        reaches = [reach[i] for reach in reach_x] + [reach[j] for reach in reach_y]
        unsure = torch.stack([(squares <= reach) & (reach <= high) for reach in reaches]).any(0)
        squares[unsure] = squared_distances(x, y, i[unsure], j[unsure])
        yield i, j, squares


class Bounds:
    r"""Lower bounds of the squared distances between all x and all y, by matrix products.

    .. math::
        \lVert x - y \rVert^2 \ge \lVert x \rVert^2 + \lVert y \rVert^2 - 2 \langle x, y \rangle
        - c\, (\lVert x \rVert^2 + \lVert y \rVert^2), \qquad c = (d + 8)\, \epsilon

    where the last term covers the rounding errors of the others in any order of summation. So the squared distance is
    at most twice that term above its bound.

    Arguments:
        x: vectors, shape `(n, d)`, float64.
        y: vectors, shape `(m, d)`, float64.
        dtype: of the products, whose unit of rounding is half of :math:`\epsilon`.
    """

    def __init__(self, x: Tensor, y: Tensor, dtype: torch.dtype) -> None:
        center = y.mean(0)  # far from zero, norms and rounding errors would be large
        x, y = x - center, y - center
        self._x, self._y = x.square().sum(1), y.square().sum(1)
        self._slack = (x.shape[1] + 8) * torch.finfo(dtype).eps
        low_x, low_y = (1 - self._slack) * self._x[:, None], (1 - self._slack) * self._y[:, None]
        self._left = torch.cat([-2 * x, low_x, torch.ones_like(low_x)], 1).to(dtype)
        self._right = torch.cat([y, torch.ones_like(low_y), low_y], 1).to(dtype)

    def tiles(self) -> Iterator[tuple[slice, slice, Tensor]]:
        """Rows, columns and the bounds between them, tile by tile; the next tile overwrites the memory."""
        n, m = len(self._x), len(self._y)
        memory = self._left.new_empty(min(TILE[0], n) * min(TILE[1], m))
        for top in range(0, n, TILE[0]):
            rows = slice(top, min(top + TILE[0], n))
            for start in range(0, m, TILE[1]):
                columns = slice(start, min(start + TILE[1], m))
                left, right = self._left[rows], self._right[columns]
                tile = memory[: len(left) * len(right)].view(len(left), len(right))
                yield rows, columns, torch.mm(left, right.T, out=tile)

    def rounded_up(self, squares: Tensor) -> Tensor:
        """Squares in the type of the bounds, rounded up."""
        upper = squares.to(self._left.dtype)
        return torch.where(upper < squares, upper.nextafter(torch.full_like(upper, torch.inf)), upper)

    def width(self, i: Tensor, j: Tensor) -> Tensor:
        """How far the squared distance of each pair (p,) may be above its bound."""
        return 2 * self._slack * (self._x[i] + self._y[j])


def _candidates(x: Tensor, among: Tensor, count: int, own: Tensor | None, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The rows with the smallest bounds for each x, and these bounds, both (n, count)."""
    best = torch.full((len(x), count), torch.inf, dtype=dtype, device=x.device)
    best_rows = torch.zeros((len(x), count), dtype=torch.int64, device=x.device)
    for rows, columns, low in Bounds(x, among, dtype).tiles():
        if own is not None:
            own_columns = own[rows] - columns.start
            rows_in_tile = ((own_columns >= 0) & (own_columns < low.shape[1])).nonzero().flatten()
            low[rows_in_tile, own_columns[rows_in_tile]] = torch.inf
        values, index = _smallest(low, count)
        values = torch.cat([best[rows], values], 1)
        index = torch.cat([best_rows[rows], index + columns.start], 1)
        best[rows], order = values.topk(count, largest=False)
        best_rows[rows] = index.gather(1, order)
    return best_rows, best


def _smallest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The smallest numbers of each row (at most `count`) and their columns, faster than `topk` of wide rows."""
    groups = values.shape[1] // GROUP
    columns = torch.arange(values.shape[1], device=values.device).expand_as(values)
    if groups > count:
        whole = groups * GROUP
        grouped = values[:, :whole].unflatten(1, (groups, GROUP))
        # The smallest numbers are in the `count` groups with the smallest minima.
        near = grouped.amin(2).topk(count, largest=False, sorted=False).indices[:, :, None]
        inner = (near * GROUP + torch.arange(GROUP, device=values.device)).flatten(1)
        columns = torch.cat([inner, columns[:, whole:]], 1)
        values = values.gather(1, columns)
    smallest, order = values.topk(min(count, values.shape[1]), largest=False, sorted=False)
    return smallest, columns.gather(1, order)
