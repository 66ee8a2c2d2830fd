import math

import pytest
import torch
from torch import Tensor

from gansmith.evaluate.coverage import ClassCoverage, class_coverage, expected_divergence


def test_equals_scipys_entropy() -> None:
    from scipy.stats import entropy

    labels = torch.tensor([3] * 5 + [7] * 2 + [9] * 3)
    expected = float(entropy([0.5, 0.2, 0.3], [0.2, 0.5, 0.3]))
    assert class_coverage(labels, {3: 2, 7: 5, 9: 3}) == ClassCoverage(3, 3, pytest.approx(expected), 0.2, ())


def test_real_shares_have_no_divergence() -> None:
    assert class_coverage(torch.tensor([0, 1, 1, 1]), {0: 0.25, 1: 0.75}) == ClassCoverage(2, 2, 0.0, 0.25, ())


def test_a_class_without_a_sample_is_missing() -> None:
    result = class_coverage(torch.tensor([2, 2]), {0: 0.25, 1: 0.25, 2: 0.5})
    assert result == ClassCoverage(1, 3, pytest.approx(math.log(2)), 0.0, (0, 1))


def test_a_class_that_is_not_real_is_infinitely_far_and_covers_nothing() -> None:
    result = class_coverage(torch.tensor([0, 5]), {0: 1.0, 5: 0.0, 6: 1.0})
    assert (result.covered, result.of, result.kl, result.missing) == (1, 2, math.inf, (6,))


def test_real_shares_that_are_counted_too_raise_the_floor() -> None:
    generator = torch.Generator().manual_seed(0)
    n, m, k = 3000, 1000, 10
    shares = torch.arange(8.0, 8.0 + k, dtype=torch.float64)  # unequal classes: the floor is the same
    draws = [torch.multinomial(shares, n + m, replacement=True, generator=generator) for _ in range(2000)]
    values = [class_coverage(x[:n], dict(enumerate(torch.bincount(x[n:], minlength=k).tolist()))).kl for x in draws]
    floor = expected_divergence(k, n, m)
    assert floor == pytest.approx(9 / 2 * (1 / 3000 + 1 / 1000))
    # The mean of 2,000 values has a standard error of 1 %.
    assert sum(values) / 2000 == pytest.approx(floor, rel=0.04)
    assert expected_divergence(k, n) == pytest.approx(9 / 6000)


@pytest.mark.parametrize(("classes", "samples", "real"), [(0, 5, None), (3, 0, None), (3, 5, 0)])
def test_a_floor_of_nothing_is_refused(classes: int, samples: int, real: int | None) -> None:
    with pytest.raises(ValueError, match="a class and a sample of each kind"):
        expected_divergence(classes, samples, real)


def test_a_perfect_generator_has_its_floor() -> None:
    generator = torch.Generator().manual_seed(0)
    n, k = 500, 10
    values = [
        class_coverage(torch.randint(k, (n,), generator=generator), dict.fromkeys(range(k), 0.1)).kl for _ in range(300)
    ]
    assert sum(values) / 300 == pytest.approx((k - 1) / (2 * n), rel=0.15)


@pytest.mark.parametrize(
    ("labels", "shares", "words"),
    [
        (torch.zeros(0), {0: 1.0}, r"one label for each sample, shape \(n,\), but got \(0,\)"),
        (torch.zeros(2, 2), {0: 1.0}, r"but got \(2, 2\)"),
        (torch.zeros(2), {}, "shares of real classes"),
        (torch.zeros(2), {0: -1.0, 1: 3.0}, "shares of real classes"),
        (torch.zeros(2), {0: math.nan}, "shares of real classes"),
    ],
)
def test_what_has_no_classes_is_refused(labels: Tensor, shares: dict[int, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        class_coverage(labels, shares)
