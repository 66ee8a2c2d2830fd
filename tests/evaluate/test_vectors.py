"""Features come as tensors or as arrays of numpy, and give the same numbers."""

import numpy as np
import pytest
import torch

from gansmith.evaluate import (
    Moments,
    duplicates,
    energy_distance,
    frechet_distance,
    kernel_distance,
    manifold,
    mean_distance,
    memorization,
    nearest,
    sliced_wasserstein,
    vendi_score,
)

PAIRED = [frechet_distance, kernel_distance, manifold, energy_distance, sliced_wasserstein, duplicates, nearest]


def pair(kind):
    rng = np.random.default_rng(7)
    return rng.normal(size=(120, 6)).astype(kind), (rng.normal(size=(120, 6)) + 1).astype(kind)


def numbers(found):
    values = vars(found).values() if hasattr(found, "__dict__") else found if isinstance(found, tuple) else [found]
    return [torch.as_tensor(value, dtype=torch.float64) for value in values if not isinstance(value, tuple)]


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("function", PAIRED)
def test_arrays_give_the_numbers_of_tensors(function, kind):
    a, b = pair(kind)
    found, expected = function(a, b), function(torch.from_numpy(a), torch.from_numpy(b))
    for one, other in zip(numbers(found), numbers(expected), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("function", [mean_distance, vendi_score])
def test_of_one_array(function):
    a, _ = pair(np.float32)
    assert function(a) == function(torch.from_numpy(a))


def test_of_three_arrays_and_of_moments():
    a, b = pair(np.float64)
    tensors = torch.from_numpy(a), torch.from_numpy(b)
    assert memorization(a, b, a + 2) == memorization(tensors[0], tensors[1], tensors[0] + 2)
    assert frechet_distance(Moments.of(a), b) == frechet_distance(Moments.of(tensors[0]), tensors[1])
    added, expected = Moments.of(a).add(b), Moments.of(tensors[0]).add(tensors[1])
    assert frechet_distance(added, b) == frechet_distance(expected, tensors[1])


@pytest.mark.parametrize("x", [[["a", "b"]], "words", None, [[1.0], [2.0, 3.0]]])
def test_what_are_no_numbers_is_refused(x):
    with pytest.raises(ValueError, match=r"needs real features as a tensor or an array of numbers"):
        frechet_distance(x, x)
