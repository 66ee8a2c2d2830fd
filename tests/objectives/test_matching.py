"""McGan: projections, frames, primal against dual. Each defect of the untested code (M1 ... C8) would be caught."""

import math

import pytest
import torch
from scipy.optimize import minimize
from toys import Counted, data

from gansmith.duel.slopes import slope, track
from gansmith.objectives import CovarianceMatching, MeanCovarianceMatching, MeanMatching
from gansmith.objectives.balls import conjugate, maximizer, project
from gansmith.objectives.eigen import signs_of_largest
from gansmith.objectives.frames import Exponential, retract
from gansmith.regularizers import R1, GradientPenalty
from gansmith.testing.differences import assert_gradient, points, smooth

BALLS = [1, 2, math.inf]
X, Y = points(7, 4, seed=1) + 0.5, 2 * points(5, 4, seed=2)  # unequal batches are legal (M2)


def features(x):
    return x


def moment(x, centered=False):
    x = x - x.mean(0) if centered else x
    return x.T @ x / len(x)


@pytest.mark.parametrize("p", BALLS)
@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_projections_are_the_nearest_points_of_the_ball(p, scale):
    """M7, M8, M9: against a quadratic program, at points inside and outside, with negative entries; at zero, too."""
    start = scale * points(6, 1, seed=3)[:, 0]
    found = project(start, p)
    assert float(torch.linalg.vector_norm(found, p)) <= 1 + 1e-12
    norm = {1: lambda v: abs(v).sum(), 2: lambda v: (v * v).sum() ** 0.5, math.inf: lambda v: abs(v).max()}[p]
    # the ball as l1 of a split into positive and negative parts is smooth for the solver; the others are as they are
    if p == 1:
        split = minimize(
            lambda w: ((w[:6] - w[6:] - start.numpy()) ** 2).sum() / 2,
            x0=[0.0] * 12,
            bounds=[(0, None)] * 12,
            constraints={"type": "ineq", "fun": lambda w: 1 - w.sum()},
            options={"ftol": 1e-15, "maxiter": 1000},
        ).x
        wanted = torch.tensor(split[:6] - split[6:])
    else:
        limits = {"bounds": [(-1, 1)] * 6} if p == math.inf else {}
        inside = {"type": "ineq", "fun": lambda v: 1 - (v * v).sum()} if p == 2 else ()
        wanted = torch.tensor(
            minimize(
                lambda v: ((v - start.numpy()) ** 2).sum() / 2,
                x0=[0.0] * 6,
                constraints=inside,
                options={"ftol": 1e-15, "maxiter": 1000},
                **limits,
            ).x
        )
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(project(found, p), found, rtol=0, atol=1e-15)
    assert norm(found.numpy()) <= 1 + 1e-12
    assert project(torch.zeros(3), p).eq(0).all()


def test_the_published_projections_would_be_seen():
    """M7 leaves (0.9, 0.9) as it is; M8 normalizes what is inside; M9 divides by the signed maximum."""
    inside = torch.tensor([0.3, -0.4])
    assert torch.equal(project(inside, 2), inside) and not torch.allclose(inside / inside.norm(), inside)
    corner = torch.tensor([0.9, 0.9])
    torch.testing.assert_close(project(corner, 1), torch.tensor([0.5, 0.5]))
    below = torch.tensor([-2.0, -0.5])
    assert torch.equal(project(below, math.inf), torch.tensor([-1.0, -0.5])) and (below / below.max()).min() > 0


@pytest.mark.parametrize("p", BALLS)
def test_the_dual_is_the_conjugate_norm_of_the_difference_of_means(p):
    """M1 (means over samples, not features), M2 (unequal batches), M3, M4 (a scalar), M5 (p = 1), M12 (one p)."""
    gap = X.mean(0) - Y.mean(0)
    wanted = {1: gap.abs().max(), 2: gap.norm(), math.inf: gap.abs().sum()}[p]
    objective = MeanMatching(p, dual=True)
    value = objective.generator_loss(features, X, Y)
    assert value.shape == ()
    torch.testing.assert_close(value, wanted)
    torch.testing.assert_close(objective.critic_loss(features, X, Y), -wanted)  # M14: a sign for each player
    torch.testing.assert_close(maximizer(gap, p) @ gap, wanted)
    assert float(torch.linalg.vector_norm(maximizer(gap, p), p)) == pytest.approx(1)


def ascended(objective, steps=300, rate=0.5):
    """The primal's value after projected ascent: the step, and then the projection (M10, C3)."""
    objective.double()
    optimizer = torch.optim.SGD(objective.parameters(), rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = objective.critic_loss(features, X, Y)
        loss.backward()
        optimizer.step()
        objective.project_(features)
    return -float(objective.critic_loss(features, X, Y).detach())


@pytest.mark.parametrize("p", BALLS)
def test_the_primal_of_the_mean_reaches_the_dual(p):
    torch.manual_seed(0)
    objective = MeanMatching(p, 4)
    dual = float(MeanMatching(p, dual=True).generator_loss(features, X, Y))
    assert ascended(objective) == pytest.approx(dual, rel=1e-9)
    assert float(torch.linalg.vector_norm(objective.v, p).detach()) <= 1 + 1e-9


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_primal_of_the_covariance_reaches_the_dual(k, centered):
    """C1 (means over samples), C2 (never samples x samples), C6 (the dual), C7 (centered)."""
    torch.manual_seed(1)
    sigma = moment(X, centered) - moment(Y, centered)
    wanted = float(torch.linalg.svdvals(sigma)[:k].sum())
    dual = CovarianceMatching(k, dual=True, centered=centered).generator_loss(features, X, Y)
    assert float(dual) == pytest.approx(wanted, rel=1e-12)
    values = []
    for sign in (1.0, -1.0):  # with k = m small steps never turn a rotation between U and V into a reflection
        objective = CovarianceMatching(k, 4, centered=centered)
        with torch.no_grad():
            objective.u.matrix[:, 0] *= sign
        values.append(ascended(objective, steps=400, rate=0.3))
        for factor in (objective.u(), objective.v()):
            torch.testing.assert_close(factor.T @ factor, torch.eye(k, dtype=torch.float64), rtol=0, atol=1e-10)
    assert max(values) == pytest.approx(wanted, rel=1e-6)


def test_the_exponential_reaches_the_dual_without_projection():
    torch.manual_seed(1)
    objective = CovarianceMatching(2, 4, frame=Exponential).double()
    optimizer = torch.optim.LBFGS(objective.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = objective.critic_loss(features, X, Y)
        loss.backward()
        return loss

    optimizer.step(closure)
    wanted = float(torch.linalg.svdvals(moment(X) - moment(Y))[:2].sum())
    assert -float(closure().detach()) == pytest.approx(wanted, rel=1e-6)


def test_rotations_alone_do_not_reach_a_reflection():
    """det exp(W - W^T) = 1: with k = m, U^T V is a rotation, and an S of negative determinant needs a reflection."""
    torch.manual_seed(0)
    rotation = Exponential(4, 4).double()()
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones((), dtype=torch.float64))
    torch.testing.assert_close(rotation.T @ rotation, torch.eye(4, dtype=torch.float64))


def test_both_is_the_sum_of_both():
    """C8: there is a class for mean and covariance, and its parts are the two."""
    both = MeanCovarianceMatching(1, 2, dual=True).generator_loss(features, X, Y)
    mean = MeanMatching(1, dual=True).generator_loss(features, X, Y)
    covariance = CovarianceMatching(2, dual=True).generator_loss(features, X, Y)
    torch.testing.assert_close(both, mean + covariance)
    torch.manual_seed(0)
    objective = MeanCovarianceMatching(2, 2, 4).double()
    value = objective.joint_loss(features, X, Y)
    u, v, w = objective.covariance.u(), objective.covariance.v(), objective.mean.v
    sigma = moment(X) - moment(Y)
    torch.testing.assert_close(value, w @ (X.mean(0) - Y.mean(0)) + torch.trace(u.T @ sigma @ v))


def test_the_mean_over_samples_and_not_their_sum():
    """C1: twice the samples, the same value; M1 would give another shape, a sum twice the value."""
    for objective in (MeanMatching(2, 4), CovarianceMatching(2, 4)):
        objective.double()
        once = objective.joint_loss(features, X, Y)
        torch.testing.assert_close(objective.joint_loss(features, torch.cat([X, X]), Y), once)


def test_start_of_the_primal():
    """M11: v has both signs and lies in its ball; C3: U and V are orthonormal from the start, and not equal."""
    torch.manual_seed(0)
    for p in BALLS:
        v = MeanMatching(p, 32).v.detach()
        assert v.min() < 0 < v.max() and float(torch.linalg.vector_norm(v, p)) <= 1 + 1e-6
    objective = CovarianceMatching(3, 8)
    for factor in (objective.u(), objective.v()):
        torch.testing.assert_close(factor.T @ factor, torch.eye(3), rtol=0, atol=1e-5)
    assert not torch.allclose(objective.u(), objective.v())


def test_a_move_ends_inside_the_set_and_autograd_sees_what_is_used():
    """M10: projecting before use leaves v outside after the step, and hides the projection from autograd."""
    objective = MeanMatching(2, 4).double()
    before = objective.v.detach().clone()
    loss = objective.critic_loss(features, X, Y)
    assert torch.equal(objective.v, before)  # a loss changes nothing
    loss.backward()
    torch.testing.assert_close(objective.v.grad, Y.mean(0) - X.mean(0))
    torch.optim.SGD(objective.parameters(), 10.0).step()
    assert objective.v.norm() > 1
    objective.project_(features)
    assert objective.v.norm() <= 1 + 1e-12


def test_modes_do_not_matter():
    """M13: the dual does not depend on training or evaluation mode."""
    objective = MeanMatching(2, dual=True)
    torch.testing.assert_close(
        objective.train().generator_loss(features, X, Y), objective.eval().generator_loss(features, X, Y)
    )


def test_the_callers_choice_is_kept():
    """M5, M6: p = 1 is no division by zero, and nothing overrides what the caller says."""
    assert [conjugate(p) for p in (1, 1.0, 2, math.inf)] == [math.inf, math.inf, 2, 1]
    assert (MeanMatching(1, 4).p, MeanMatching(1, 4).q) == (1, math.inf)


def test_retraction_keeps_signs():
    """C4, C5: an orthonormal matrix stays, zero on the diagonal counts as positive, a small step is a small change."""
    frame = torch.linalg.qr(points(5, 3)).Q
    torch.testing.assert_close(retract(frame), frame)
    torch.testing.assert_close(retract(-frame), -frame)
    step = 1e-6 * points(5, 3, seed=2)
    assert float((retract(frame + step) - frame).norm()) < 2e-5
    flat = torch.tensor([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])  # the second column depends on the first
    assert float(retract(flat)[:, 1].norm()) == pytest.approx(1)


def test_shifts_of_the_features():
    """A constant added to all features: nothing for means and centered covariances, something for second moments."""
    shift = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)

    def moved(x):
        return x + shift

    mean, plain, centered = (
        MeanMatching(2, dual=True),
        CovarianceMatching(2, dual=True),
        CovarianceMatching(2, dual=True, centered=True),
    )
    for objective in (mean, centered):
        torch.testing.assert_close(objective.generator_loss(moved, X, Y), objective.generator_loss(features, X, Y))
    assert abs(float(plain.generator_loss(moved, X, Y) - plain.generator_loss(features, X, Y))) > 0.1


def test_the_dual_of_equal_distributions_is_biased_by_its_noise():
    """E |gap|^2 = (1/n + 1/m) tr Cov for p = 2."""
    torch.manual_seed(0)
    objective, n, m, d = MeanMatching(2, dual=True), 20, 30, 4
    squares = [
        float(objective.generator_loss(features, torch.randn(n, d), torch.randn(m, d)) ** 2) for _ in range(4000)
    ]
    assert sum(squares) / len(squares) == pytest.approx((1 / n + 1 / m) * d, rel=0.05)


@pytest.mark.parametrize("make", [
    lambda: MeanMatching(2, dual=True),
    lambda: MeanMatching(1, dual=True),
    lambda: CovarianceMatching(2, dual=True),
    lambda: MeanCovarianceMatching(2, 2, dual=True),
])  # fmt: skip
@pytest.mark.parametrize("penalty", [R1(1.0), GradientPenalty(1.0)])
def test_a_penalty_on_the_dual_witness(make, penalty):
    """Its value is the slope of the best function, held fixed; its gradient in the weights is that of this value."""
    critic, objective = smooth(3, 5), make()
    x, y = points(9, 3) + 0.5, points(9, 3, seed=1)
    fixed = objective.witness(critic, x, y)
    at = track(x)
    apart = x.clone().requires_grad_()
    scores = fixed(apart)
    (slopes,) = torch.autograd.grad(scores.sum(), apart)
    torch.testing.assert_close(slope(objective.witness(critic, at, track(y)), at), slopes.square().sum(1))

    def value():
        with torch.random.fork_rng():
            torch.manual_seed(3)
            real, fake = track(x), track(y)
            return penalty(critic, real, fake, objective.witness(critic, real, fake))

    wanted = list(critic.parameters())
    found = torch.autograd.grad(value(), wanted, allow_unused=True)
    assert_gradient(value, wanted, found, "the penalty")


def test_a_penalty_that_differentiates_the_maximizer_would_be_seen():
    critic, objective, x = smooth(3, 5), MeanMatching(2, dual=True), (points(9, 3) + 0.5).requires_grad_()
    witness = objective.witness(critic, x, points(9, 3, seed=1))
    (mixed,) = torch.autograd.grad(witness(x).sum(), x)
    assert not torch.allclose(mixed.square().sum(1), slope(witness, x))


def test_fewer_samples_than_features():
    """S has many eigenvalues 0: values, gradients and those of a penalty stay finite."""
    critic = smooth(3, 16)
    x, y = points(3, 3) + 0.5, points(3, 3, seed=1)
    for objective in (CovarianceMatching(4, dual=True), CovarianceMatching(16, dual=True)):
        total = (objective + GradientPenalty(1.0)).critic_loss(critic, x, y)
        gradients = torch.autograd.grad(total, list(critic.parameters()), allow_unused=True)
        assert total.isfinite() and all(g is None or g.isfinite().all() for g in gradients)


def test_the_derivative_of_the_maximizer():
    """Against finite differences, where eigenvalues are apart."""
    free = points(5, 5).requires_grad_()
    along = points(5, 5, seed=4)

    def product():
        return (signs_of_largest(free + free.T, 3) * along).sum()

    (found,) = torch.autograd.grad(product(), free)
    assert_gradient(product, [free], [found], "signs_of_largest")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MeanMatching(3, 4), "p = 1, 2 or math.inf, but got p=3"),
        (lambda: MeanMatching("inf", 4), "p = 1, 2 or math.inf"),
        (lambda: MeanMatching(2), "dual=True"),
        (lambda: CovarianceMatching(2), "dual=True"),
        (lambda: CovarianceMatching(5, 4), "k=5 and 4 features"),
        (lambda: CovarianceMatching(0, 4), "k=0"),
        (lambda: CovarianceMatching(5, dual=True).critic_loss(features, X, Y), "k=5 and 4 features"),
        (lambda: CovarianceMatching(2, 3).double().critic_loss(features, X, Y), "needs 3 features .* but got 4"),
        (lambda: MeanMatching(2, 3).double().critic_loss(features, X, Y), "needs 3 features .* but got 4"),
        (lambda: MeanMatching(2, dual=True).critic_loss(lambda x: x[:, 0], X, Y), r"shape \(7, m\)"),
        (lambda: MeanMatching(2, dual=True).critic_loss(features, X[:0], Y), "empty batch"),
        (
            lambda: (CovarianceMatching(2, dual=True, centered=True) + R1()).critic_loss(features, X, Y),
            "centered=False",
        ),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bfloat16_features_are_matched_in_full():
    critic = Counted(outputs=8).float()
    x, y = data(0, dtype=torch.float32).x, data(1, dtype=torch.float32).x
    with torch.autocast("cpu", torch.bfloat16):
        loss = CovarianceMatching(2, dual=True).critic_loss(critic, x, y)
        phi, psi = critic(x).float(), critic(y).float()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(-loss, torch.linalg.svdvals(moment(phi) - moment(psi))[:2].sum())
