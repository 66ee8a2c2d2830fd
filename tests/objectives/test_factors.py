"""Factors that were once planted wrongly and seen by no test."""

import pytest
import torch

from gansmith import chance
from gansmith.objectives import Fisher, Hinge, KernelDiscrepancy, MeanMatching, Several, balance
from gansmith.objectives.kernels import RBF, DistanceKernel
from gansmith.regularizers import DRAGAN, R1, R2, GradientPenalty, GradientPower


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


@pytest.mark.parametrize("penalty", [R1, R2, GradientPenalty, GradientPower])
@pytest.mark.parametrize("case", ["a last layer of zeros", "black pictures", "equal samples"])
@pytest.mark.parametrize(
    "objective",
    [
        lambda: KernelDiscrepancy(DistanceKernel()),
        lambda: KernelDiscrepancy(RBF()),
        lambda: MeanMatching(2, dual=True),
        Fisher,
    ],
)
def test_gradients_are_finite_where_features_are_zero(objective, case, penalty):
    """A norm at 0, differentiated twice, once made all gradients NaN."""
    torch.manual_seed(0)
    scores = objective is Fisher
    last = torch.nn.Linear(8, 1 if scores else 5, bias=False)
    critic = torch.nn.Sequential(torch.nn.Linear(3, 8, bias=False), torch.nn.Tanh(), last)
    critic.append(torch.nn.Flatten(0) if scores else torch.nn.Identity())
    x, y = torch.randn(6, 3), torch.randn(6, 3)
    if case == "a last layer of zeros":
        torch.nn.init.zeros_(last.weight)
    x = torch.zeros(6, 3) if case == "black pictures" else x
    y = x.clone() if case == "equal samples" else y
    loss = (objective() + penalty()).critic_loss(critic, x, y)
    gradients = torch.autograd.grad(loss, list(critic.parameters()))
    assert loss.isfinite() and all(g.isfinite().all() for g in gradients)


def test_without_gradients_there_is_no_balance():
    layer = torch.nn.Linear(4, 4)
    with torch.no_grad():
        y = layer(torch.randn(8, 4))
        with pytest.raises(ValueError, match=r"they are off here \(torch\.no_grad\): in validation"):
            balance(y.abs().mean(), -y.mean(), layer.weight)
