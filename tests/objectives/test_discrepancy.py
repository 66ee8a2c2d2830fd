"""MMD: kernels against their formulas, estimates against slow sums, the witness against the moving of a sample."""

import math

import pytest
import torch

from gansmith.duel.slopes import slope, track
from gansmith.objectives import KernelDiscrepancy
from gansmith.objectives.kernels import RBF, DistanceKernel, RationalQuadratic, squared_distances
from gansmith.regularizers import R1, GradientPenalty
from gansmith.testing.differences import assert_gradient, points, smooth

X, Y = points(6, 3, seed=1) + 0.5, 2 * points(4, 3, seed=2)
KERNELS = {
    "RBF": (RBF((1.0, 3.0)), lambda a, b: sum(math.exp(-((a - b) ** 2).sum() / (2 * s * s)) for s in (1.0, 3.0))),
    "RQ": (
        RationalQuadratic((0.5, 2.0), dot=0.3),
        lambda a, b: sum((1 + ((a - b) ** 2).sum() / (2 * s)) ** -s for s in (0.5, 2.0)) + 0.3 * (a * b).sum(),
    ),
    "energy": (DistanceKernel(), lambda a, b: a.norm() + b.norm() - (a - b).norm()),
}


def features(x):
    return x


@pytest.mark.parametrize("name", KERNELS)
def test_kernels(name):
    kernel, slow = KERNELS[name]
    wanted = torch.tensor([[float(slow(a, b)) for b in Y] for a in X], dtype=torch.float64)
    torch.testing.assert_close(kernel(X, Y), wanted)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("biased", [False, True])
def test_estimates(name, biased):
    """Pairs of a sample with itself are left out, unless the estimate is the biased one; unequal batches are legal."""
    kernel, slow = KERNELS[name]

    def within(z):
        values = [float(slow(a, b)) for i, a in enumerate(z) for j, b in enumerate(z) if biased or i != j]
        return sum(values) / len(values)

    between = sum(float(slow(a, b)) for a in X for b in Y) / (len(X) * len(Y))
    objective = KernelDiscrepancy(kernel, biased=biased)
    wanted = within(X) + within(Y) - 2 * between
    assert float(objective.generator_loss(features, X, Y)) == pytest.approx(wanted, rel=1e-6)
    assert float(objective.critic_loss(features, X, Y)) == pytest.approx(-wanted, rel=1e-6)
    repulsive = KernelDiscrepancy(kernel, contraction=-1, biased=biased)
    assert float(repulsive.critic_loss(features, X, Y)) == pytest.approx(within(X) - within(Y), rel=1e-6)
    torch.testing.assert_close(repulsive.generator_loss(features, X, Y), objective.generator_loss(features, X, Y))


def test_bounds_stop_the_critic_where_it_has_done_enough():
    near, far = torch.tensor([[0.0], [0.1]]), torch.tensor([[0.0], [9.0]])
    o = KernelDiscrepancy(RBF((1.0,)), -1, (0.25, 4.0))
    assert float(o.critic_loss(features, far, near)) == pytest.approx(math.exp(-2) - math.exp(-0.125))
    x, y = far.clone().requires_grad_(), near.clone().requires_grad_()
    gradients = torch.autograd.grad(o.critic_loss(features, x, y), [x, y])
    assert all(not g.any() for g in gradients)


def test_a_biased_estimate_is_too_high_where_both_are_equal():
    """By about 2 (k(0) - E k) / n, and the unbiased one is zero on average."""
    generator = torch.Generator().manual_seed(0)
    pairs = [[torch.randn(64, 2, generator=generator) for _ in range(2)] for _ in range(600)]
    unbiased, biased = (
        torch.stack([KernelDiscrepancy(RBF((1.0,)), biased=b).generator_loss(features, x, y) for x, y in pairs])
        for b in (False, True)
    )
    error = float(unbiased.std()) / len(pairs) ** 0.5
    assert abs(float(unbiased.mean())) < 3 * error < 0.003
    lifted = 2 * (1 - 1 / 3) / 64  # E k = sigma^2 / (sigma^2 + 2) in the plane
    assert float((biased - unbiased).mean()) == pytest.approx(lifted, rel=0.02)


def test_the_witness_is_the_direction_in_which_a_sample_lowers_the_discrepancy():
    """Moving one fake sample: the gradient of the biased estimate is -2/m times the witness's slope."""
    y = Y.clone().requires_grad_()
    objective = KernelDiscrepancy(RBF((1.5,)), biased=True)
    (moved,) = torch.autograd.grad(objective.generator_loss(features, X, y), y)
    at = Y.clone().requires_grad_()
    (found,) = torch.autograd.grad(objective.witness(features, X, Y)(at).sum(), at)
    torch.testing.assert_close(moved, -2 / len(Y) * found)


@pytest.mark.parametrize("penalty", [GradientPenalty(1.0), R1(1.0)])
def test_a_penalty_on_the_witness(penalty):
    """The batch's features are no constants in the critic's weights, and are constants in the sample."""
    critic, objective = smooth(3, 5), KernelDiscrepancy()
    x, y = points(6, 3) + 0.5, points(6, 3, seed=1)
    at = track(x)
    apart = x.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(objective.witness(critic, x, y)(apart).sum(), apart)
    torch.testing.assert_close(slope(objective.witness(critic, at, track(y)), at), wanted.square().sum(1))

    def value():
        with torch.random.fork_rng():
            torch.manual_seed(3)
            return penalty(critic, track(x), track(y), objective.witness(critic, x, y))

    weights = list(critic.parameters())
    found = torch.autograd.grad(value(), weights, allow_unused=True)
    assert_gradient(value, weights, found, "the penalty")


def test_equal_samples_have_finite_gradients():
    for kernel in (RBF(), RationalQuadratic(), DistanceKernel()):
        y = X.clone().requires_grad_()
        (found,) = torch.autograd.grad(KernelDiscrepancy(kernel).generator_loss(features, X, y), y)
        assert found.isfinite().all()


def test_distances_far_from_the_origin_keep_their_digits():
    a, b = X.float() + 1000, Y.float() + 1000
    torch.testing.assert_close(squared_distances(a, b), (a[:, None] - b).square().sum(2), rtol=1e-4, atol=1e-4)


def test_one_sample_has_no_pair():
    with pytest.raises(ValueError, match="at least two samples"):
        KernelDiscrepancy().critic_loss(features, X, Y[:1])
