import math

import pytest
import torch
from torch import Tensor

from gansmith.evaluate import modes
from gansmith.evaluate.modes import ModeCoverage, mode_coverage

SQUARE = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_points_made_by_hand() -> None:
    points = torch.tensor(
        [
            [0.0, 0.0],
            [0.0, 2.9],  # near
            [0.0, 3.0],  # exactly three deviations: not near
            [10.0, -2.5],
            [5.0, 5.0],
            [10.0, 14.0],
        ]
    )
    coverage = mode_coverage(points, SQUARE, sd=1.0)
    kl = 2 / 3 * math.log(4 * 2 / 3) + 1 / 3 * math.log(4 / 3)
    assert (coverage.captured, coverage.modes, coverage.high_quality) == (2, 4, 0.5)
    assert coverage.reverse_kl == pytest.approx(kl, rel=1e-12)


def test_even_coverage_has_no_divergence() -> None:
    assert mode_coverage(SQUARE, SQUARE, sd=0.1) == ModeCoverage(4, 4, 1.0, 0.0)


def test_one_mode_only() -> None:
    coverage = mode_coverage(SQUARE[:1].expand(5, 2), SQUARE, sd=0.1)
    assert coverage.captured == 1
    assert coverage.reverse_kl == pytest.approx(math.log(4), rel=1e-12)


def test_no_point_near_any_mode() -> None:
    coverage = mode_coverage(torch.full((3, 2), 5.0), SQUARE, sd=1.0)
    assert (coverage.captured, coverage.high_quality) == (0, 0.0)
    assert math.isnan(coverage.reverse_kl)


def test_a_perfect_generator_on_the_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modes, "ROWS", 1000)
    generator = torch.Generator().manual_seed(0)
    angle = torch.arange(8) * math.pi / 4
    ring = torch.stack([angle.cos(), angle.sin()], dim=1)
    mode = torch.randint(8, (40_000,), generator=generator)
    coverage = mode_coverage(ring[mode] + 0.01 * torch.randn(40_000, 2, generator=generator), ring, sd=0.01)
    perfect = 1 - math.exp(-4.5)
    error = (perfect * (1 - perfect) / 40_000) ** 0.5
    assert coverage.captured == 8
    assert abs(coverage.high_quality - perfect) < 4 * error
    assert 0 < coverage.reverse_kl < 4 * 7 / (2 * 40_000)


@pytest.mark.parametrize(
    ("points", "centers", "sd", "words"),
    [
        (torch.ones(3, 3), torch.ones(2, 3), 1.0, "in the plane"),
        (torch.ones(3, 2), torch.ones(2, 3), 1.0, "in the plane"),
        (torch.ones(3, 2), torch.ones(2, 2), 0.0, "above zero, but got 0.0"),
        (torch.full((3, 2), torch.nan), torch.ones(2, 2), 1.0, "finite points"),
        (torch.ones(0, 2), torch.ones(2, 2), 1.0, "at least 1 points"),
    ],
)
def test_what_has_no_coverage_is_refused(points: Tensor, centers: Tensor, sd: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        mode_coverage(points, centers, sd)
