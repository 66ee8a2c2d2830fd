"""Factors that were once planted wrongly and seen by no test."""

import pytest
import torch

from gansmith import chance
from gansmith.objectives import Hinge, Several
from gansmith.regularizers import DRAGAN, R1


def scales(x):
    return [x.sum(1), 2 * x.sum(1)]


def test_the_witness_of_several_critics_is_the_sum_of_their_scores():
    x = torch.tensor([[1.0, 2.0], [0.5, -1.0]])
    witness = Several(Hinge()).witness(scales, x, x)
    torch.testing.assert_close(witness(x), 3 * x.sum(1))
    with_r1 = Several(Hinge()) + R1(1.0)  # the slope of 3 (a + b) is 3 sqrt 2: half its square is 9
    bare = Several(Hinge()).critic_loss(scales, x, x)
    torch.testing.assert_close(with_r1.critic_loss(scales, x, x) - bare, torch.tensor(9.0))


def test_the_deviation_of_dragan_is_that_of_all_pixels_over_n(monkeypatch):
    """Of two pixels, 0 and 2, the deviation over n is 1; over n - 1 it would be the root of 2."""
    monkeypatch.setattr(chance, "uniform", lambda name, n, *shape, like: torch.ones(n, *shape))
    x = torch.tensor([[0.0, 2.0]])
    moved = DRAGAN(noise="authors", scale=0.5).points(x, x)
    torch.testing.assert_close(moved.detach(), torch.tensor([[0.5, 2.5]]))


@pytest.mark.parametrize("n", [1, 7])
def test_an_r1_is_half_the_mean_square_whatever_the_batch(n):
    x = torch.randn(n, 2)
    (loss,) = [R1(3.0)(lambda s: s @ torch.tensor([3.0, 4.0]), x, x)]
    torch.testing.assert_close(loss.detach(), torch.tensor(37.5))
