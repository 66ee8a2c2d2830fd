"""Errors that survived when a mutation tool changed objectives and regularizers line by line, each now seen."""

import math

import pytest
import torch

from gansmith.objectives import CovarianceMatching, Fisher, KernelDiscrepancy, LeastSquares
from gansmith.objectives.eigen import signs_of_largest
from gansmith.objectives.frames import Exponential
from gansmith.objectives.kernels import RBF
from gansmith.regularizers import ClipWeights
from gansmith.testing.differences import points


def test_clipping_is_a_clamp_on_both_sides():
    """Weights inside stay, biases are clamped too, what is not trained is left alone."""
    critic = torch.nn.Linear(4, 1)
    critic.weight.data = torch.tensor([[-2.0, -0.25, 0.125, 7.0]])
    critic.bias.data = torch.tensor([-3.0])
    ClipWeights(0.5).project_(critic)
    assert critic.weight.tolist() == [[-0.5, -0.25, 0.125, 0.5]] and critic.bias.tolist() == [-0.5]
    critic.weight.requires_grad_(False)
    ClipWeights(0.2).project_(critic)
    assert critic.weight.tolist() == [[-0.5, -0.25, 0.125, 0.5]] and critic.bias.item() == pytest.approx(-0.2)


@pytest.mark.parametrize("c", [-2.0, -1.0, 0.0, 0.5, 1.0])
def test_contraction(c):
    """(1 + c) E k(x, y) - E k(y, y') - c E k(x, x') with k = exp(-|a - b|^2 / 2)."""
    x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [4.0]])

    def k(*squares):
        return sum(math.exp(-s / 2) for s in squares) / len(squares)

    wanted = (1 + c) * k(4.0, 16.0, 1.0, 9.0) - k(4.0) - c * k(1.0)
    found = KernelDiscrepancy(RBF((1.0,)), c).critic_loss(lambda s: s, x, y)
    assert float(found) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("rho", [0.0, -0.5, float("nan")])
def test_fisher_refuses(rho):
    with pytest.raises(ValueError, match="rho above 0"):
        Fisher(rho)


@pytest.mark.parametrize("targets", [(0, 0, 1), (0, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_each_target_is_above_a(targets):
    with pytest.raises(ValueError, match="above a, because a high score means real"):
        LeastSquares(*targets)


def test_a_cut_through_equal_eigenvalues_has_a_finite_derivative():
    """The k-th and the next eigenvalue are equal: h is not continuous there, and the quotient is set to 0."""
    matrix = torch.eye(3, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(signs_of_largest(matrix, 1).sum(), matrix)
    assert found.eq(0).all()


def test_the_exponentials_start_does_not_grow_with_its_rows():
    """Entries of W have the standard deviation 1/sqrt(m), so that W - W' has a norm of about 2 sqrt 2 for any m."""
    torch.manual_seed(0)
    free = Exponential(400, 2).free.detach()
    assert float(free.std()) == pytest.approx(400**-0.5, rel=0.02)
    assert float(torch.linalg.matrix_norm(free - free.T, 2)) == pytest.approx(8**0.5, rel=0.05)


def test_the_best_function_of_a_covariance_has_the_values_of_its_form():
    """sum of sign(s) (u'phi)^2 over the largest |s| of S, by numpy's eigenvalues."""
    x, y = points(20, 4) + 0.5, 2 * points(15, 4, seed=1)
    values, vectors = torch.linalg.eigh(x.T @ x / 20 - y.T @ y / 15)
    top = values.abs().topk(2).indices
    wanted = (values[top].sign() * (x @ vectors[:, top]).square()).sum(1)
    torch.testing.assert_close(CovarianceMatching(2, dual=True).best(x, y)(x), wanted)
