"""Draws of categories: by row, keyed, with the right frequencies."""

import pytest
import torch

from gansmith import chance
from gansmith.chance import Part, keyed


def test_parts_are_rows_of_the_whole():
    weights = torch.rand(8, 5)
    with keyed(Part((3, 1), 0, 8, 8)):
        whole = chance.categorical("item", weights, times=3)
    for offset, size in ((0, 3), (3, 5)):
        with keyed(Part((3, 1), offset, size, 8)):
            part = chance.categorical("item", weights[offset : offset + size], times=3)
        assert torch.equal(part, whole[offset : offset + size])


def test_the_frequencies_are_the_weights():
    weights = torch.tensor([[1.0, 0.0, 2.0, 5.0], [0.0, 3.0, 0.0, 1.0]])
    n = 40_000
    with keyed(Part((0,))):
        draws = chance.categorical("item", weights, times=n)
    for row, p in zip(draws, weights / weights.sum(1, keepdim=True), strict=True):
        share = torch.bincount(row, minlength=4) / n
        assert ((share - p).abs() <= 4.5 * (p * (1 - p) / n).sqrt()).all()
        assert (share[p == 0] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_category_without_weight_is_never_drawn(dtype):
    weights = torch.tensor([[0.0, 1e-3, 0.0, 1e-3, 0.0]], dtype=dtype).expand(2000, 5)
    assert set(chance.categorical("item", weights, times=5).flatten().tolist()) == {1, 3}


@pytest.mark.parametrize(
    "weights", [torch.zeros(2, 3), torch.tensor([[1.0, -1.0, 3.0]]), torch.tensor([[1.0, torch.nan]]), torch.ones(3)]
)
def test_what_are_no_weights_is_refused(weights):
    with pytest.raises(ValueError, match=r"needs weights"):
        chance.categorical("item", weights)


def test_names_and_keys_tell_draws_apart():
    weights = torch.ones(64, 9)
    draws = []
    for key in ((0, 0), (0, 1)):
        with keyed(Part(key)):
            draws += [chance.categorical(name, weights).flatten() for name in ("a", "b", "a")]
    assert torch.equal(draws[0], draws[2]) and not torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[3])
