"""The Frechet distance without the part that is due to n."""

import pytest
import torch
from torch import Tensor

from gansmith.evaluate import Statistics, extrapolated_frechet_distance, frechet_distance


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_value_is_the_intercept_of_a_line_through_the_means_of_parts() -> None:
    import numpy as np

    x, y = normal(90, 5, 1), normal(61, 5, 2) + 1
    result = extrapolated_frechet_distance(x, y, seed=3)
    generator = torch.Generator().manual_seed(3)
    x, y = (z[torch.randperm(len(z), generator=generator)] for z in (x, y))
    points = []
    for p in (1, 2, 3):
        parts = zip(x.tensor_split(p), y.tensor_split(p), strict=True)
        points.append(sum(frechet_distance(*pair) for pair in parts) / p)
    assert result.points == pytest.approx(points, rel=1e-12)
    assert result.value == pytest.approx(float(np.polyfit([1, 2, 3], points, 1)[1]), rel=1e-9)


def test_most_of_the_bias_is_gone() -> None:
    draws = torch.randn(30, 2, 160, 16, generator=torch.Generator().manual_seed(11), dtype=torch.float64)
    truth = 16 * (0.04 + 0.04)
    plain = sum(frechet_distance(x, y * 1.2 + 0.2) for x, y in draws) / 30
    corrected = sum(extrapolated_frechet_distance(x, y * 1.2 + 0.2).value for x, y in draws) / 30
    assert plain - truth > 0.8
    assert abs(corrected - truth) < 4 * 0.3 / 30**0.5  # one value has a standard deviation of 0.3


def test_beside_statistics_only_the_samples_are_divided() -> None:
    exact = Statistics(torch.zeros(8), torch.eye(8))
    values = [extrapolated_frechet_distance(exact, normal(200, 8, s)) for s in range(20)]
    assert sum(each.points[0] for each in values) / 20 > 0.1
    assert abs(sum(each.value for each in values) / 20) < 0.02


def test_is_the_same_each_time_and_another_by_the_seed() -> None:
    x, y = normal(50, 3, 1), normal(40, 3, 2)
    assert extrapolated_frechet_distance(x, y) == extrapolated_frechet_distance(x, y)
    assert extrapolated_frechet_distance(x, y) != extrapolated_frechet_distance(x, y, seed=1)


def test_too_few_vectors_lie_on_no_line() -> None:
    with pytest.raises(ValueError, match="needs 20 vectors for 5 features, but got 30 and 19"):
        extrapolated_frechet_distance(normal(30, 5, 1), normal(19, 5, 2))
