import math

import pytest
import torch
from torch import Tensor

from gansmith.evaluate import frechet_distance
from gansmith.evaluate.compare import compare, correct
from gansmith.evaluate.interval import Spread, jackknife
from gansmith.evaluate.manifold import manifold


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distances(real: Tensor, fake: Tensor) -> dict[str, float]:
    return {"frechet": frechet_distance(real, fake), **vars(manifold(real, fake))}


def difference(real: Tensor, fake: Tensor) -> float:
    return float(real.mean() - 2 * fake.mean())


@pytest.mark.parametrize("n", [40, 41])
def test_of_means_it_is_the_textbooks_error(n: int) -> None:
    x, y = normal(n, 1, 1), normal(60, 1, 2)
    expected = float(x.var() / n + 4 * y.var() / 60) ** 0.5
    # Over h halvings its relative error is 1 / (2h)^(1/2).
    assert jackknife(difference, x, y, halvings=2000).error == pytest.approx(expected, rel=4 / 4000**0.5)


def test_each_half_is_taken_once_of_both_sets() -> None:
    inputs: list[tuple[Tensor, Tensor]] = []
    values = [5.0, 1.0, 2.0, 8.0]

    def metric(a: Tensor, b: Tensor) -> float:
        inputs.append((a, b))
        return values[len(inputs) - 1]

    spread = jackknife(metric, torch.arange(25), torch.arange(30), halvings=2)
    for side, n in ((0, 25), (1, 30)):
        for one, other in (inputs[:2], inputs[2:]):
            assert torch.cat([one[side], other[side]]).sort().values.tolist() == list(range(n))
            assert abs(len(one[side]) - len(other[side])) <= 1
    assert not torch.equal(inputs[0][0], inputs[2][0])
    # Half the gaps are 2 and -3.
    assert spread == Spread(pytest.approx((13 / 2) ** 0.5, rel=1e-12), 2)


def test_the_error_is_the_spread_over_draws() -> None:
    n, d, draws, judged = 300, 4, 120, 40
    pairs = [(normal(n, d, 2 * s), normal(n, d, 2 * s + 1) * 0.8 + 0.3) for s in range(draws)]
    results = [distances(*pair) for pair in pairs]
    spreads = [jackknife(distances, *pair) for pair in pairs[:judged]]
    for name in ("frechet", "coverage"):
        truth = float(torch.tensor([one[name] for one in results]).std())
        error = (math.fsum(one[name].error ** 2 for one in spreads) / judged) ** 0.5
        assert error / truth == pytest.approx(1.0, abs=0.25), name
        center = math.fsum(one[name] for one in results) / draws
        intervals = [s[name].interval(f[name]) for s, f in zip(spreads, results, strict=False)]
        assert sum(low <= center <= high for low, high in intervals) >= 0.85 * judged, name


def test_is_the_same_each_time_and_another_by_the_seed() -> None:
    x, y = normal(50, 3, 1), normal(40, 3, 2)
    assert jackknife(frechet_distance, x, y) == jackknife(frechet_distance, x, y)
    assert jackknife(frechet_distance, x, y) != jackknife(frechet_distance, x, y, seed=1)


def test_a_named_number_has_the_error_it_has_alone() -> None:
    x, y = normal(50, 3, 1), normal(40, 3, 2)
    assert jackknife(distances, x, y)["frechet"] == jackknife(frechet_distance, x, y)


def test_students_interval() -> None:
    from scipy.stats import t

    low, high = Spread(0.5, 5).interval(2.0)
    assert (high - low) / 2 == pytest.approx(0.5 * t.ppf(0.975, 2.5))
    assert (high + low) / 2 == pytest.approx(2.0)


def test_what_is_not_finite_has_no_error() -> None:
    assert math.isnan(jackknife(lambda a, b: math.inf, normal(20, 1, 1), normal(20, 1, 2)).error)


@pytest.mark.parametrize(("n", "halvings"), [(3, 10), (40, 0)])
def test_what_cannot_be_halved_is_refused(n: int, halvings: int) -> None:
    with pytest.raises(ValueError, match=f"but got {halvings} halvings of {n} and 40 vectors"):
        jackknife(frechet_distance, torch.ones(n, 2), torch.ones(40, 2), halvings=halvings)


def covered(n: int, d: int, gap: float, draws: int) -> list[list[bool]]:
    """Whether the intervals of the plain and of the corrected Frechet distance hold the true one."""
    generator = torch.Generator().manual_seed(3)
    truth, found = 2 * d * gap**2, []
    for _ in range(draws):
        z = torch.randn(2, n, d, generator=generator, dtype=torch.float64)
        real, fake = z[0], (1 + gap) * z[1] + gap
        spread, value = jackknife(frechet_distance, real, fake, halvings=6), frechet_distance(real, fake)
        corrected = correct(real, fake, spread)["corrected"]
        intervals = (spread.interval(value), corrected["interval"])
        found.append([low <= truth <= high for low, high in intervals])
    return found


def test_the_true_frechet_distance_lies_in_the_corrected_interval_and_not_in_the_plain_one() -> None:
    plain, corrected = (sum(column) for column in zip(*covered(150, 16, 0.2, 50), strict=True))
    # Of 50 with 95 %, fewer than 44 have a chance of 4 %. The plain distance is too large by about four of its errors.
    assert plain < 25 and corrected >= 44


def test_the_interval_of_a_share_is_taken_on_the_arcsine_scale() -> None:
    """Near 1 the error of a share shrinks with its distance from 1: a plain interval is too short there."""
    x, y = normal(120, 4, 1), normal(120, 4, 2) * 0.8 + 0.3

    def arcsine(real: Tensor, fake: Tensor) -> float:
        return math.asin(manifold(real, fake).coverage ** 0.5)

    low, high = jackknife(arcsine, x, y, seed=4).interval(arcsine(x, y))
    expected = [math.sin(low) ** 2, 1.0 if high > math.pi / 2 else math.sin(high) ** 2]
    assert compare(x, y, seed=4)["coverage"]["interval"] == pytest.approx(expected, rel=1e-12)
