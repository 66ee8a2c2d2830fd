"""Odd input: what would broadcast, overflow, cancel or fail deep inside is refused, or right."""

import copy
import pickle

import pytest
import torch
from torch import nn
from toys import Counted, D, Z, data, mlp

from gansmith.duel.scores import features, score
from gansmith.duel.slopes import slope
from gansmith.dynamics import Alternating, Consensus, Diverged
from gansmith.dynamics.conflicts import conflicts
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import (
    CovarianceMatching,
    Divergence,
    Hinge,
    KernelDiscrepancy,
    LeastSquares,
    MeanCovarianceMatching,
    MeanMatching,
    NonSaturating,
    PairwiseQuadratic,
    Patchwise,
    Pointwise,
    Quadratic,
    Relativistic,
    Saturating,
    Several,
    SlopeQuadratic,
)
from gansmith.objectives.balls import project
from gansmith.objectives.eigen import signs_of_largest
from gansmith.objectives.frames import Retracted
from gansmith.objectives.kernels import RBF, RationalQuadratic, squared_distances
from gansmith.objectives.quadratic import root_mean_square
from gansmith.regularizers import R1, Bottleneck, GradientPenalty
from gansmith.testing.differences import points, smooth

X, Y = points(6, 3) + 0.5, points(6, 3, seed=1)


def first(s):
    return s[:, 0]


def identity(s):
    return s


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Quadratic(distance=lambda a, b: (a - b).abs().mean(1, keepdim=True)).critic_loss(first, X, Y),
            "keep no",
        ),
        (lambda: SlopeQuadratic().critic_loss(first, X, Y[:, :1]), "of one shape"),
        (
            lambda: PairwiseQuadratic(distance=lambda a, b: (a - b).mean()).critic_loss(lambda p: first(p[0]), X, Y),
            "keep no",
        ),
        (lambda: GradientPenalty()(first, X, Y[:, :1]), "of one shape"),
        (lambda: GradientPenalty()(lambda s: first(s[0]), (X,), (Y, Y)), "of one shape"),
        (lambda: Quadratic(0), "weight above 0"),
        (lambda: PairwiseQuadratic(-1), "weight above 0"),
        (lambda: SlopeQuadratic(float("nan")), "weight above 0"),
        (lambda: Quadratic().critic_loss(lambda s: s.float().sum(1), X.long(), Y.long()), "samples of floats"),
        (lambda: KernelDiscrepancy(bounds=(4.0, 0.25)), "low <= high"),
        (lambda: RBF(()), "a tuple of one or more numbers above 0"),
        (lambda: RBF(1.0), "a tuple of one or more numbers above 0"),
        (lambda: RationalQuadratic((0.0,)), "a tuple of one or more numbers above 0"),
        (lambda: MeanMatching(2, -1), "at least one feature"),
        (lambda: Divergence("KL"), "Conjugate pair"),
        (lambda: Patchwise(Hinge), "such as Patchwise"),
        (lambda: Patchwise(R1()), "such as Patchwise"),
        (lambda: Several(Hinge), "such as Several"),
        (lambda: Relativistic(of=Hinge), r"such as of=Hinge\(\)"),
        (lambda: KernelDiscrepancy("rbf"), r"such as RBF\(\)"),
        (lambda: KernelDiscrepancy(RBF), r"such as RBF\(\)"),
        (lambda: Pointwise(None, torch.neg, torch.neg), "cannot be called"),
        (lambda: score(first, [X, Y]), "a tensor .* or a tuple of such, but got list"),
        (lambda: score(first, None), "but got NoneType"),
        (lambda: score(first, ()), "but got tuple"),
        (lambda: features(identity, torch.tensor(1.0)), "a tensor without a batch"),
        (lambda: score(Counted(), torch.zeros(4, D, dtype=torch.uint8)), r"samples of torch.uint8: scale pictures"),
        (lambda: slope(MeanMatching(2, 3).double().witness(lambda s: s.detach(), X, Y), X), "detached"),
        (lambda: MeanMatching(2, 3).to("meta").critic_loss(identity, X, Y), "is on meta and they on cpu"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_projection_of_what_is_large():
    """Beside 1e8 a float32 loses 1: the first threshold must not be lost with it."""
    for dtype, large in ((torch.float32, 1e8), (torch.bfloat16, 600.0), (torch.float16, 3000.0)):
        found = project(torch.tensor([large, 0.0, 0.0], dtype=dtype), 1)
        assert found.tolist() == [1.0, 0.0, 0.0]
    mixed = project(torch.tensor([1e8, -1e8, 3.0]), 1)
    torch.testing.assert_close(mixed, torch.tensor([0.5, -0.5, 0.0]))


def test_the_best_function_does_not_read_rounding_noise():
    """Of rank 2, S has four eigenvalues that are noise: their signs would be arbitrary, and their gradients huge."""
    basis = torch.linalg.qr(points(6, 6)).Q
    matrix = 2 * basis[:, :1] @ basis[:, :1].T - basis[:, 1:2] @ basis[:, 1:2].T
    for k in (2, 4, 6):
        torch.testing.assert_close(
            torch.linalg.eigvalsh(signs_of_largest(matrix, k)),
            torch.tensor([-1, 0, 0, 0, 0, 1], dtype=torch.float64),
            rtol=0,
            atol=1e-12,
        )
        moved = matrix.clone().requires_grad_()
        (slope_of,) = torch.autograd.grad((signs_of_largest(moved, k) * points(6, 6, seed=2)).sum(), moved)
        assert slope_of.abs().max() < 10


def test_few_samples_in_another_order_have_the_same_penalty():
    critic, x, y = smooth(3, 16), points(3, 3) + 0.5, points(3, 3, seed=1)
    objective, at = CovarianceMatching(16, dual=True), points(5, 3, seed=2)
    found = [slope(objective.witness(critic, x[order], y), at) for order in ([0, 1, 2], [2, 0, 1])]
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-9)


def test_equal_eigenvalues_under_consensus():
    """Dead features are eigenvalues 0, several of them: the dual can be differentiated twice all the same."""
    critic = nn.Sequential(Counted(outputs=3), nn.ConstantPad1d((0, 3), 0.0))
    game = GAN(mlp(Z, D), critic, CovarianceMatching(2, dual=True), Normal(Z)).double()
    before = {name: p.clone() for name, p in game.named_parameters()}
    optimizers = {n: torch.optim.SGD(p.parameters(), 1e-3) for n, p in game.players().items()}
    Consensus(optimizers, 0.1).step(game.players(), data, (0,))
    assert all(p.isfinite().all() and not torch.equal(p, before[name]) for name, p in game.named_parameters())


def test_a_second_derivative_that_is_not_there_is_refused():
    game = GAN(mlp(Z, D), Counted(outputs=4), CovarianceMatching(2, dual=True) + R1(), Normal(Z)).double()
    optimizers = {n: torch.optim.SGD(p.parameters(), 1e-3) for n, p in game.players().items()}
    with pytest.raises(ValueError, match="second derivative of a covariance dual's best function"):
        Consensus(optimizers, 0.1).step(game.players(), data, (0,))


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Counted(outputs=4)

    def forward(self, x):
        return self.net(x) * torch.inf


@pytest.mark.parametrize(
    "objective", [CovarianceMatching(2, dual=True), MeanCovarianceMatching(2, 2, dual=True) + R1()]
)
def test_features_that_are_not_finite_diverge_and_do_not_crash(objective):
    game = GAN(mlp(Z, D), Broken(), objective, Normal(Z)).double()
    optimizers = {n: torch.optim.SGD(p.parameters(), 1e-3) for n, p in game.players().items()}
    with pytest.raises(Diverged):
        Alternating(optimizers).step(game.players(), data, (0,))


def test_equal_half_precision_pairs_are_finite():
    x = torch.ones(4, D, dtype=torch.float16)
    for objective in (Quadratic(), SlopeQuadratic(), Quadratic(distance=root_mean_square)):
        assert objective.critic_loss(lambda s: s.float().sum(1), x, x.clone()).isfinite()


def test_a_primal_in_half_precision_and_features_in_double():
    objective = MeanCovarianceMatching(2, 2, 3).bfloat16()
    loss = objective.critic_loss(lambda s: s.bfloat16(), X.bfloat16(), Y.bfloat16())
    loss.backward()
    assert loss.dtype == torch.float32 and objective.mean.v.grad.dtype == torch.bfloat16
    objective.project_(identity)
    assert MeanMatching(2, 3).critic_loss(identity, X, Y).dtype == torch.float64
    frame = Retracted(5, 2).bfloat16()
    frame.project_()
    assert frame.matrix.dtype == torch.bfloat16


def test_clusters_far_apart_keep_their_distances():
    x = torch.cat([points(8, 4), points(8, 4, seed=1) + 1e4]).float()
    torch.testing.assert_close(
        squared_distances(x, x), torch.cdist(x.double(), x.double()).square().float(), rtol=1e-3, atol=1e-3
    )


def test_many_features_go_by_products():
    x, y = torch.randn(300, 64), torch.randn(300, 64)
    near = squared_distances(x, y)
    torch.testing.assert_close(near, torch.cdist(x, y).square(), rtol=1e-4, atol=1e-3)


def test_who_takes_logits_says_so():
    taking = (NonSaturating(), Saturating(), Divergence(), Relativistic(), NonSaturating() + R1())
    assert all(o.logits for o in taking)
    assert not any(o.logits for o in (Hinge(), LeastSquares(), Relativistic(of=Hinge())))
    critic = nn.Sequential(nn.Linear(D, 1), nn.Sigmoid(), nn.Flatten(0))
    assert all(conflicts(GAN(mlp(Z, D), critic, o, Normal(Z)).players()) for o in taking)


def test_a_bottleneck_beside_an_objective_of_features():
    from toys import Coded

    class CodedFeatures(Coded):
        def forward(self, x):
            return super().forward(x)[:, None].expand(-1, 3)

    x, y = data(0, dtype=torch.float32).x, data(1, dtype=torch.float32).x
    assert (MeanMatching(2, dual=True) + Bottleneck()).critic_loss(CodedFeatures(), x, y).isfinite()


@pytest.mark.parametrize("objective", [LeastSquares(), Hinge(), NonSaturating() + R1(), MeanMatching(2, 3)])
def test_copies(objective):
    for again in (copy.deepcopy(objective), pickle.loads(pickle.dumps(objective))):
        critic = identity if isinstance(objective, MeanMatching) else first
        torch.testing.assert_close(
            again.double().generator_loss(critic, X, Y), copy.deepcopy(objective).double().generator_loss(critic, X, Y)
        )


def test_features_on_the_meta_device():
    x = torch.zeros(4, 3, device="meta")
    assert CovarianceMatching(2, 3).to("meta").critic_loss(identity, x, x).device.type == "meta"
