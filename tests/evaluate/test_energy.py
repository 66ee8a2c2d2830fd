import math

import pytest
import torch
from torch import Tensor

from gansmith.evaluate import energy, energy_distance


def by_loops(x: Tensor, y: Tensor) -> float:
    def mean(a: Tensor, b: Tensor, same: bool) -> float:
        values = [
            math.dist(u, v) for i, u in enumerate(a.tolist()) for j, v in enumerate(b.tolist()) if not (same and i == j)
        ]
        return sum(values) / len(values)

    return 2 * mean(x, y, False) - mean(x, x, True) - mean(y, y, True)


@pytest.mark.parametrize("d", [1, 3, 40])
@pytest.mark.parametrize("block", [2**22, 7])
def test_equals_loops_over_all_pairs(d: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "BLOCK", block)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(13, d, generator=generator, dtype=torch.float64) + 1000
    y = torch.randn(9, d, generator=generator, dtype=torch.float64) * 2 + 1001
    assert energy_distance(x, y) == pytest.approx(by_loops(x, y), rel=1e-7)


def test_is_the_square_of_scipys_up_to_pairing_with_oneself() -> None:
    from scipy.stats import energy_distance as root

    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, 1, generator=generator), torch.randn(50, 1, generator=generator) + 0.5
    within = [float(torch.cdist(a, a).sum()) / (len(a) ** 2 * (len(a) - 1)) for a in (x, y)]
    value = energy_distance(x, y) + sum(within)
    assert value == pytest.approx(root(x[:, 0].numpy(), y[:, 0].numpy()) ** 2, rel=1e-5)


def test_is_about_zero_and_of_both_signs_for_equal_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    values = [energy_distance(*torch.randn(2, 40, 2, generator=generator, dtype=torch.float64)) for _ in range(200)]
    error = torch.tensor(values).std() / 200**0.5
    assert min(values) < 0 < max(values)
    assert abs(sum(values) / 200) < 4 * float(error)


def test_a_collapsed_generator() -> None:
    x = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    assert energy_distance(x, torch.tensor([[1.0, 0.0]]).expand(5, 2)) == pytest.approx(2 - 2)
    assert energy_distance(x, torch.tensor([[3.0, 0.0]]).expand(5, 2)) == pytest.approx(4 - 2)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (torch.ones(1, 2), torch.ones(3, 2), "at least 2 vectors, but got 1"),
        (torch.ones(3, 2), torch.ones(3, 1), "one dimension"),
        (torch.ones(3, 2), torch.full((3, 2), torch.inf), "finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(x: Tensor, y: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        energy_distance(x, y)
