import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gansmith.evaluate import neighbors
from gansmith.evaluate.neighbors import Bounds, _product_type, close_pairs, nearest


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_differences(x: Tensor, y: Tensor) -> Tensor:
    return (x[:, None] - y[None]).square().sum(2)


@pytest.fixture(params=[(512, 4096), (7, 300), (5, 9)])
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbors, "TILE", request.param)
    monkeypatch.setattr(neighbors, "GROUP", 8)


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize(("n", "d", "k"), [(40, 3, 5), (700, 20, 3), (6, 2, 5)])
def test_equals_a_sort_of_all_distances(n: int, d: int, k: int) -> None:
    x, y = normal(n, d, 1) + 1000, normal(n + 30, d, 2) + 1000
    for among, squares in ((y, by_differences(x, y)), (None, by_differences(x, x).fill_diagonal_(torch.inf))):
        distances, rows = nearest(x, among, k)
        assert_close(distances, squares.sort(1).values[:, :k].sqrt(), rtol=1e-14, atol=0)
        assert_close(squares.gather(1, rows).sqrt(), distances, rtol=1e-14, atol=0)


@pytest.mark.usefixtures("tile")
def test_copies_are_at_zero_and_equal_pairs_at_equal_distances() -> None:
    x = normal(30, 6, 1).repeat(3, 1) * 1e-3 + 7
    assert float(nearest(x, k=2)[0].abs().max()) == 0
    third = nearest(x, k=3)[0][:, 2].view(3, 30)
    assert bool((third > 0).all())
    assert_close(third, third[:1].expand(3, -1), rtol=0, atol=0)


def test_a_knot_far_away_is_told_apart() -> None:
    # Products in single precision see only zeros between vectors 1e-3 apart at a distance of 1000.
    x = torch.cat([normal(60, 4, 1), 1000 + 1e-3 * normal(60, 4, 2)])
    squares = by_differences(x, x).fill_diagonal_(torch.inf)
    assert_close(nearest(x, k=2)[0], squares.sort(1).values[:, :2].sqrt(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 1e15, 1e40])
def test_any_unit_will_do(scale: float) -> None:
    x, y = normal(50, 4, 1), normal(70, 4, 2)
    distances, rows = nearest(x * scale, y * scale, 3)
    expected, order = by_differences(x, y).sort(1)
    assert_close(distances / scale, expected[:, :3].sqrt(), rtol=1e-12, atol=0)
    assert_close(rows, order[:, :3])


def test_coarse_products_are_not_trusted() -> None:
    x = normal(5, 3, 1)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("highest")
        assert _product_type(x, x) == torch.float32
        with torch.autocast("cpu", torch.bfloat16):
            assert _product_type(x, x) == torch.float64
        torch.set_float32_matmul_precision("medium")
        assert _product_type(x, x) == torch.float64
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d", [1, 30, 700])
def test_bounds_hold_and_are_tight(dtype: torch.dtype, d: int) -> None:
    x, y = normal(50, d, 1) * 10, torch.cat([normal(60, d, 2), normal(50, d, 1) * 10])
    squares = by_differences(x, y)
    bounds = Bounds(x, y, dtype)
    ((_, _, low),) = bounds.tiles()
    i, j = torch.ones_like(squares).nonzero(as_tuple=True)
    width = bounds.width(i, j).view_as(squares)
    # The squares are rounded themselves, a little.
    assert bool((low.double() <= squares * (1 + 1e-12)).all())
    assert bool((squares <= (low.double() + width) * (1 + 1e-12)).all())
    assert float((width / squares.mean()).mean()) < 5 * (d + 8) * torch.finfo(dtype).eps


@pytest.mark.usefixtures("tile")
def test_pairs_at_their_reach_compare_as_their_differences_do() -> None:
    # Points of a lattice: nearly every comparison is a tie.
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randint(4, (n, 3), generator=generator).double() / 3 + 0.1 for n in (40, 50))
    squares = by_differences(x, y)
    reach_x, reach_y = squares[:, 0].clone(), squares[0].clone()
    masks = torch.zeros(2, 40, 50, dtype=torch.bool)
    for i, j, square in close_pairs(x, y, [reach_x], [reach_y]):
        masks[0, i, j] = square < reach_x[i]
        masks[1, i, j] = square <= reach_y[j]
    assert_close(masks[0], squares < reach_x[:, None])
    assert_close(masks[1], squares <= reach_y)


@pytest.mark.parametrize(
    ("x", "among", "k", "words"),
    [
        (torch.ones(4, 2), None, 4, "1 to 3 neighbors of each vector, but got 4"),
        (torch.ones(4, 2), torch.ones(4, 2), 5, "1 to 4 neighbors"),
        (torch.ones(4, 2), None, 0, "but got 0"),
        (torch.ones(4, 2), torch.ones(4, 3), 1, "one dimension"),
        (torch.full((4, 2), torch.nan), None, 1, "finite vectors"),
    ],
)
def test_what_has_no_neighbors_is_refused(x: Tensor, among: Tensor | None, k: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        nearest(x, among, k)
