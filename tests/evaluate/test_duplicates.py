import json
import math

import pytest
import torch
from torch import Tensor

from gansmith.evaluate.duplicates import duplicates


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_exact_and_near_ones_by_hand() -> None:
    x = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 0.0], [3.0, 0.5], [9.0, 9.0], [0.0, 0.0]])
    assert duplicates(x).share == duplicates(x).exact == 0.5
    result = duplicates(x, threshold=0.5)
    assert (result.share, result.exact, result.floor) == (5 / 6, 0.5, None)
    assert result.pairs[-1] == (1, 3)
    assert all(set(pair) < {0, 2, 5} for pair in result.pairs[:-1])


def test_real_samples_say_what_is_near() -> None:
    real, x = normal(500, 8, 1), normal(500, 8, 2)
    result = duplicates(x, real)
    own = (torch.cdist(real.double(), real.double()) + torch.eye(500) * 99).amin(1)
    assert result.threshold == pytest.approx(float(own.sort().values[4]), rel=1e-6)
    assert result.floor == pytest.approx(0.01, abs=0.003)
    assert result.exact == 0
    x = torch.cat([x[:250], x[:250] + 1e-3])
    assert duplicates(x, real).share == 1.0


def test_samples_of_the_same_distribution_have_the_share_of_real_ones() -> None:
    results = [duplicates(normal(400, 5, 2 * s), normal(400, 5, 2 * s + 1), quantile=0.1) for s in range(20)]
    # Doubles come in pairs: the variance of a share is up to twice a binomial one, on both sides.
    error = math.sqrt(4 * 0.1 * 0.9 / 400 / 20)
    assert abs(sum(one.share - (one.floor or 0) for one in results) / 20) < 4 * error


def test_sets_of_unequal_size_are_compared_at_the_smaller_one() -> None:
    real, x = normal(900, 3, 1), normal(300, 3, 2)
    assert duplicates(x, real) == duplicates(x, real[:300])
    assert duplicates(real, x) == duplicates(real[:300], x)


def test_real_copies_do_not_hide_those_of_a_generator() -> None:
    real = normal(200, 4, 1)
    real[:20] = real[20:40]
    result = duplicates(normal(10, 4, 2).repeat(20, 1), real)
    assert (result.threshold, result.floor, result.share) == (0.0, 0.2, 1.0)


def test_goes_to_json_and_shows_few() -> None:
    result = duplicates(torch.ones(50, 2)).as_dict()
    assert json.loads(json.dumps(result)) == result
    assert 1 <= len(result["pairs"]) <= 8


@pytest.mark.parametrize(
    ("x", "real", "options", "words"),
    [
        (torch.ones(1, 2), None, {}, "at least 2 samples, but got 1"),
        (torch.ones(3, 2), torch.ones(3, 3), {}, "one dimension"),
        (torch.ones(3, 2), None, {"threshold": -1.0}, "threshold of 0 or more"),
        (torch.ones(3, 2), None, {"threshold": math.nan}, "threshold of 0 or more"),
        (torch.ones(3, 2), None, {"quantile": 1.5}, "quantile from 0 to 1"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    x: Tensor, real: Tensor | None, options: dict[str, float], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        duplicates(x, real, **options)


def test_the_threshold_is_the_distance_within_which_one_in_a_hundred_has_another():
    """Of 200 real samples, two at 1 % lie as near as the second smallest distance; the third does not count."""
    gaps = torch.full((200,), 100.0)
    gaps[[0, 2, 4, 6]] = torch.tensor([1.0, 2.0, 3.0, 4.0])  # sample 2k+1 lies so far from sample 2k
    real = torch.cat([torch.zeros(1), gaps.cumsum(0)[:-1]])[:, None]
    found = duplicates(real + 0.5, real)
    assert found.threshold == 1.0  # both samples of the nearest pair: int(0.01 * 200) = 2 of them
    assert found.floor == 0.01
    wider = duplicates(real + 0.5, real, quantile=0.02)
    assert wider.threshold == 2.0 and wider.floor == 0.02
