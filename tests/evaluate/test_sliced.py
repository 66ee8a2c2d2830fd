import pytest
import torch
from torch import Tensor

from gansmith.evaluate import sliced
from gansmith.evaluate.sliced import sliced_wasserstein


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 30), (7, 40), (1, 5)])
def test_equals_scipy_on_a_line(n: int, m: int) -> None:
    from scipy.stats import wasserstein_distance

    x, y = normal(n, 1, 1), normal(m, 1, 2) * 2 + 1
    expected = wasserstein_distance(x[:, 0].numpy(), y[:, 0].numpy())
    assert sliced_wasserstein(x, y, p=1, projections=3) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("block", [2**21, 100])
@pytest.mark.parametrize(("n", "m"), [(6, 6), (6, 4), (3, 9)])
def test_equals_a_sort_of_repeated_vectors(n: int, m: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliced, "BLOCK", block)
    x, y = normal(n, 4, 1), normal(m, 4, 2)
    lines = torch.randn(20, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    lines = lines / lines.norm(dim=1, keepdim=True)
    a, b = (lines @ x.repeat(m, 1).T).sort(1).values, (lines @ y.repeat(n, 1).T).sort(1).values
    expected = float((a - b).square().mean().sqrt())
    assert sliced_wasserstein(x, y, projections=20, seed=5) == pytest.approx(expected, rel=1e-12)


def test_a_shift_of_a_gaussian_costs_its_length_over_the_root_of_the_dimension() -> None:
    d = 16
    shift = torch.linspace(-1, 2, d, dtype=torch.float64)
    expected = float(shift.square().sum() / d) ** 0.5
    x = normal(1000, d, 1)
    # Over lines, <theta, shift>^2 has mean |shift|^2 / d and variance below 2 (|shift|^2 / d)^2.
    assert sliced_wasserstein(x, x + shift, projections=4000) == pytest.approx(expected, rel=4 / 4000**0.5)
    assert sliced_wasserstein(x, normal(1500, d, 2) + shift, projections=1000) == pytest.approx(expected, rel=0.1)


def test_is_zero_for_a_set_and_itself_in_another_order() -> None:
    x = normal(30, 5, 1)
    assert sliced_wasserstein(x, x.flip(0)) < 1e-12
    assert sliced_wasserstein(x, x.repeat(3, 1)) < 1e-12


def test_is_the_same_for_the_same_seed() -> None:
    x, y = normal(30, 5, 1), normal(20, 5, 2)
    assert sliced_wasserstein(x, y, projections=5) == sliced_wasserstein(x, y, projections=5)
    assert sliced_wasserstein(x, y, projections=5) != sliced_wasserstein(x, y, projections=5, seed=1)


@pytest.mark.parametrize(("projections", "p", "words"), [(0, 2, "0 lines"), (5, 0, "p = 0")])
def test_what_has_no_line_is_refused(projections: int, p: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sliced_wasserstein(torch.ones(3, 2), torch.ones(3, 2), projections=projections, p=p)


def test_sets_of_other_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="one dimension"):
        sliced_wasserstein(torch.ones(3, 2), torch.ones(3, 1))
