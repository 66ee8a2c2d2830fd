import math

import pytest
import torch
from torch import Tensor

from gansmith.evaluate import neighbors as search
from gansmith.evaluate.manifold import Manifold, manifold


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_loops(real: Tensor, fake: Tensor, k: int, near: int) -> Manifold:
    """Over the formulas, pair by pair."""

    def radius(points: list[Tensor], i: int, k: int) -> float:
        return sorted(float((points[i] - y).square().sum()) for j, y in enumerate(points) if j != i)[k - 1]

    xs, ys = list(real), list(fake)
    d = [[float((x - y).square().sum()) for y in ys] for x in xs]
    dense = [radius(xs, i, k) for i in range(len(xs))]
    close = [radius(xs, i, near) for i in range(len(xs))]
    close_fake = [radius(ys, j, near) for j in range(len(ys))]
    n, m = range(len(xs)), range(len(ys))
    return Manifold(
        precision=sum(any(d[i][j] <= close[i] for i in n) for j in m) / len(ys),
        recall=sum(any(d[i][j] <= close_fake[j] for j in m) for i in n) / len(xs),
        density=sum(d[i][j] < dense[i] for i in n for j in m) / (k * len(ys)),
        coverage=sum(min(d[i]) < dense[i] for i in n) / len(xs),
    )


@pytest.mark.parametrize("tile", [(512, 4096), (7, 11)])
@pytest.mark.parametrize("levels", [2, 4, None])
@pytest.mark.parametrize(("k", "near"), [(5, 3), (1, 4), (2, 2)])
def test_equals_loops_with_ties_and_copies(
    k: int, near: int, levels: int | None, tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "TILE", tile)
    x, y = normal(25, 3, 1), normal(18, 3, 2)
    if levels is not None:  # of a lattice, in thirds, so that nothing is exact in binary
        x, y = (a.mul(levels).round().clamp(-levels, levels) / 3 + 0.1 for a in (x, y))
    assert manifold(x, y, neighbors=k, precision_neighbors=near) == by_loops(x, y, k, near)


@pytest.mark.parametrize(("n", "m", "d"), [(400, 300, 20), (250, 250, 3)])
def test_equals_prdc(n: int, m: int, d: int, capsys: pytest.CaptureFixture[str]) -> None:
    from prdc import compute_prdc

    x, y = normal(n, d, 1), normal(m, d, 2) * 0.9 + 0.2
    result = manifold(x, y, neighbors=5, precision_neighbors=5)  # without ties < and <= are one
    expected = compute_prdc(x.numpy(), y.numpy(), 5)
    assert vars(result) == pytest.approx({name: float(value) for name, value in expected.items()}, rel=1e-6)


def test_a_copy_has_density_one() -> None:
    x = normal(60, 5, 1)
    assert manifold(x, x.flip(0)) == Manifold(1.0, 1.0, pytest.approx(1.0, rel=1e-12), 1.0)


def test_all_fakes_on_one_real_vector() -> None:
    # Neighborhoods of no width hold their own point only, by <= and not by <.
    x = torch.arange(20.0, dtype=torch.float64)[:, None] ** 2
    result = manifold(x, x[7:8].expand(30, 1), neighbors=2, precision_neighbors=2)
    assert (result.precision, result.recall) == (1.0, 1 / 20)
    assert result.density == by_loops(x, x[7:8].expand(30, 1), 2, 2).density


def test_real_copies_are_covered_by_nothing() -> None:
    x = torch.zeros(10, 2)
    assert manifold(x, x, neighbors=2, precision_neighbors=2) == Manifold(1.0, 1.0, 0.0, 0.0)


def test_equal_distributions() -> None:
    # N = M = 200, k = 5: E density = 1, E coverage = 1 - prod_{i<k} (N - 1 - i) / (N + M - 1 - i).
    results = [manifold(normal(200, 4, 2 * s), normal(200, 4, 2 * s + 1)) for s in range(60)]
    expected = {"coverage": 1 - math.prod((199 - i) / (399 - i) for i in range(5)), "density": 1.0}
    for name, value in expected.items():
        values = torch.tensor([vars(one)[name] for one in results])
        assert abs(float(values.mean()) - value) < 4 * float(values.std()) / 60**0.5, name
    assert expected["coverage"] == pytest.approx(0.9699, abs=5e-5)


def test_noise_is_precise_and_covers_nothing() -> None:
    # One far real vector makes a neighborhood that holds everything.
    real = torch.cat([normal(99, 3, 1) * 0.1, torch.full((1, 3), 50.0)])
    result = manifold(real, normal(100, 3, 2) * 5 + 20)
    assert result.precision == 1.0
    assert result.coverage < 0.2


@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [
        (torch.ones(5, 2), torch.ones(9, 2), "more features than neighbors, but got 5 real and 9 fake ones for 5"),
        (torch.ones(9, 2), torch.ones(3, 2), "3 fake ones"),
        (torch.ones(9, 2), torch.ones(9, 3), "one dimension"),
        (torch.ones(9, 2), torch.full((9, 2), torch.nan), "finite"),
    ],
)
def test_what_has_no_neighborhoods_is_refused(real: Tensor, fake: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        manifold(real, fake)
