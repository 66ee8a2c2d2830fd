"""What an objective sees: one pass per sample, slopes, and the seam where shapes are checked."""

import pytest
import torch
from torch import nn
from toys import WHOLE_BATCH, Counted, D, Z, data, make, mlp

from gansmith.chance import Part, keyed
from gansmith.duel.critics import Once, View, module_of
from gansmith.duel.scores import features, score, still
from gansmith.duel.slopes import interpolate, slope, track
from gansmith.dynamics import Pull
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.notes import notes, scope
from gansmith.objectives import Hinge, NonSaturating, Quadratic, Relativistic, SlopeQuadratic, Wasserstein
from gansmith.objectives.quadratic import root_mean_square
from gansmith.regularizers import R1, R2, ClipWeights, GradientPenalty

PASSES = {  # (critic's loss, generator's loss)
    "O-GAN NS+R1+R2": (2, 1),
    "O-GAN linear Rp+GP": (3, 2),
    "GAN NS+R1+R2": (2, 1),
    "R3GAN": (2, 2),
    "WGAN-GP": (3, 1),
    "WGAN-clip": (2, 1),
    "GAN-QP": (2, 2),
    "RaGAN+GP": (3, 2),
    "mean gap+GP": (3, 2),
    "mean gap+R1": (2, 2),
    "anchored": (2, 1),
    "LSGAN": (2, 1),
    "pairwise QP": (2, 2),
    "McGan mean": (2, 1),
    "McGan both": (3, 1),
    "McGan covariance dual": (3, 2),
    "Fisher": (2, 1),
    "MMD+GP": (3, 2),
    "WGAN-div": (3, 1),
    "WGAN-div on both": (2, 1),
    "WGAN-div mixed": (5, 1),
    "DRAGAN": (3, 1),
    "orthogonal": (2, 1),
    "VDB": (2, 1),
    "VDB+GP": (3, 1),
    "bCR": (4, 1),
    "CR": (3, 1),
    "LeCam": (2, 1),
    "feature matching": (2, 2),
    "Rp+feature matching": (2, 2),
    "lazy": (2, 1),
    "mean gap+LeCam": (2, 2),
    "feature means": (2, 2),
}


@pytest.mark.parametrize("name", PASSES)
def test_one_pass_per_sample(name):
    seen = []
    for player in ("critic", "generator"):
        game = make(name)
        Pull()(game.players()[player], data(0), (0,))
        seen.append(game.critic.calls)
    assert tuple(seen) == PASSES[name]


def test_one_pass_fewer_would_be_seen():
    class Forgetful(GAN):
        def critic_loss(self, batch):
            with still():
                _, real, fake = self.duel(batch)
            # tracked too late: the penalty tracks again, and its sample is another
            return self.objective.objective.critic_loss(self.critic, real, fake) + R1()(self.critic, real, fake)

    game = Forgetful(mlp(Z, D), Counted(), NonSaturating() + R1(), Normal(Z)).double()
    Pull()(game.players()["critic"], data(0), (0,))
    assert game.critic.calls == 3


def test_once_hands_constants_to_calls_without_gradients_only():
    net = Counted()
    once, x = Once(net), torch.zeros(2, D)
    with torch.no_grad():
        first = once(x)
        assert once(x) is first and net.calls == 1
    assert not first.requires_grad and once(x).requires_grad and net.calls == 2
    once(x)
    with torch.no_grad():
        once(x)
    assert net.calls == 2


def test_real_scores_are_constants_once_in_a_generators_loss():
    class Twice(Relativistic):
        def generator_loss(self, critic, real, fake):
            return super().generator_loss(critic, real, fake) + super().generator_loss(critic, real, fake)

    term = R2()
    term.side = "both"
    critic = Counted().double()
    (Twice() + term).generator_loss(critic, data(0).x, data(1).x)
    assert critic.calls == 2


def test_once_keeps_its_samples_alive():
    """A freed tensor's id may be taken by the next one: its output must not be."""
    once = Once(lambda x: x.sum(1))
    seen = {once(torch.full((1, 1), float(i)).requires_grad_()).item() for i in range(50)}
    assert len(seen) == 50


def test_double_backward_reaches_the_critic():
    critic = Counted().double()
    x = track(data(0).x)
    penalty = slope(critic, x).mean()
    gradients = torch.autograd.grad(penalty, list(critic.parameters()), allow_unused=True)
    assert all(g is not None and g.any() for g in gradients[:-1])
    assert gradients[-1] is None  # the last bias adds a constant


def test_slope_runs_over_all_of_a_sample():
    x, w = torch.zeros(2, 3, 4, 4), torch.randn(3, 4, 4)
    assert slope(lambda s: (s * w).sum((1, 2, 3)), x).allclose(w.square().sum().expand(2))
    pair = (torch.zeros(2, 3), torch.zeros(2, 2))
    assert slope(lambda s: 3 * s[0][:, 0] + 4 * s[1][:, 1], pair).allclose(torch.full((2,), 25.0))


def test_slope_at_a_monitor_keeps_no_graph():
    critic = Counted()
    with torch.no_grad():
        assert not slope(critic, torch.zeros(2, D)).requires_grad


def test_slope_of_integers_is_refused():
    with pytest.raises(ValueError, match="continuous"):
        slope(lambda s: s.float().sum(1), torch.zeros(2, 3, dtype=torch.long))


@pytest.mark.parametrize("average", [False, True])
def test_column_scores_are_refused(average):
    critic = nn.Linear(D, 1)
    for loss in (Relativistic(average).critic_loss, NonSaturating().generator_loss):
        with pytest.raises(ValueError, match=r"shape \(8,\), but the critic returned \(8, 1\): add .squeeze\(1\)"):
            loss(critic, torch.zeros(8, D), torch.zeros(8, D))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda x: x.mean(), "not their mean"),
        (lambda x: x, "features"),
        (lambda x: [x.sum(1), x], r"scores, or \(scores, extra\), but got list"),
        (lambda x: (x, x), "features"),
        (lambda x: (x.sum(1, keepdim=True), x), "squeeze"),
        (lambda x: ([x.sum(1)], x), "but got list"),
        (lambda x: (), "but got tuple"),
        (lambda x: x[:, None, None], "all but the batch"),
    ],
)
def test_other_shapes_are_refused(output, message):
    with pytest.raises(ValueError, match=message):
        score(output, torch.zeros(4, 2))


def test_a_score_may_bring_something_along():
    x = torch.tensor([[3.0, 4.0]])
    assert score(lambda s: (s.sum(1), "extra"), x).tolist() == [7.0]
    assert slope(lambda s: (s @ x[0], s), torch.zeros(2, 2)).tolist() == [25.0, 25.0]
    assert features(lambda s: (s, "extra"), x).tolist() == [[3.0, 4.0]]
    with pytest.raises(ValueError, match=r"features, or .features, extra., but got list"):
        features(lambda s: [s, s], x)


class Doubled(R1):
    """Shows every score twice as high, in the critic's loss only."""

    def view(self, critic, side):
        return View(module_of(critic), lambda x: 2 * critic(x)) if side == "critic" else critic


def test_a_term_decides_how_the_critic_is_seen():
    critic, x, y = Counted().double(), data(1).x, data(2).x
    seen = View(critic, lambda s: 2 * critic(s))
    expected = Wasserstein().critic_loss(seen, x, y) + R1()(seen, x, y) + R2()(seen, x, y)
    for objective in (Wasserstein() + Doubled() + R2(), Wasserstein() + R2() + Doubled()):
        critic.calls = 0
        torch.testing.assert_close(objective.critic_loss(critic, x, y), expected)
        assert critic.calls == 2
        torch.testing.assert_close(objective.generator_loss(critic, x, y), Wasserstein().generator_loss(critic, x, y))


def test_terms_say_whether_they_take_slopes_and_objectives_whether_scores_are_logits():
    assert all(kind.slopes for kind in (R1, R2, GradientPenalty)) and not ClipWeights.slopes
    assert (NonSaturating() + R1()).logits and Relativistic(average=True).logits
    assert not (Hinge() + R1()).logits and not Wasserstein.logits


def test_empty_batches_and_wrong_features_are_refused():
    with pytest.raises(ValueError, match="empty batch"):
        score(lambda x: x.sum(1), torch.zeros(0, 2))
    with pytest.raises(ValueError, match=r"\(4, m\)"):
        features(lambda x: x.sum(1), torch.zeros(4, 2))


def test_unequal_pairs_are_refused_where_pairs_are_needed():
    critic, x, y = (lambda s: s.sum(1)), torch.zeros(4, 2), torch.zeros(3, 2)
    for loss in (Relativistic().critic_loss, Relativistic().generator_loss):
        with pytest.raises(ValueError, match="4 real and 3 fake"):
            loss(critic, x, y)
    with pytest.raises(ValueError, match="4 real and 3 fake"):
        interpolate(x, y)
    Relativistic(average=True).critic_loss(critic, x, y)
    NonSaturating().critic_loss(critic, x, y)


def test_half_precision_scores_are_summed_in_full():
    assert score(lambda x: x.sum(1).bfloat16(), torch.ones(2, 3)).dtype == torch.float32


def test_interpolation_draws_one_number_per_sample():
    x, y = torch.zeros(16, 3, 4, 4), torch.ones(16, 3, 4, 4)
    with keyed(Part((1,), 0, 16, 16)):
        t = interpolate(x, y).detach()
    assert t.flatten(1).std(1).max() == 0 and t.flatten(1)[:, 0].std() > 0.1


def test_two_terms_of_a_kind_share_no_draw():
    objective = Wasserstein() + GradientPenalty(1.0) + GradientPenalty(1.0)
    critic, x, y = Counted(), torch.randn(8, D), torch.randn(8, D)
    with notes() as seen, keyed(Part((1,), 0, 8, 8)):
        objective.critic_loss(critic, x, y)
    assert list(seen) == ["GradientPenalty#1", "GradientPenalty#2"]
    assert seen["GradientPenalty#1"] != seen["GradientPenalty#2"]


def test_clipping_needs_weights():
    with pytest.raises(ValueError, match="View"):
        ClipWeights().project_(lambda x: x)
    net = nn.Linear(2, 1)
    assert module_of(Once(View(net, net))) is net


def test_a_sum_takes_terms_only():
    with pytest.raises(ValueError, match="one objective"):
        NonSaturating() + NonSaturating()


def test_sums_add_up():
    critic, x, y = Counted().double(), data(1).x, data(2).x
    r1, r2 = R1(3.0), R2(5.0)
    total = (NonSaturating() + r1 + r2).critic_loss(critic, x, y)
    apart = NonSaturating().critic_loss(critic, x, y) + r1(critic, x, y) + r2(critic, x, y)
    torch.testing.assert_close(total, apart)
    assert not x.requires_grad and x.grad is None


def test_hand_computed_values():
    critic, x, y = (lambda s: s[:, 0]), torch.tensor([[2.0], [0.0]]), torch.tensor([[1.0], [-1.0]])
    s = torch.nn.functional.softplus
    torch.testing.assert_close(Relativistic().critic_loss(critic, x, y), s(torch.tensor(-1.0)))
    torch.testing.assert_close(Relativistic().generator_loss(critic, x, y), s(torch.tensor(1.0)))
    average = (s(torch.tensor([-2.0, 0.0])).mean() + s(torch.tensor([0.0, -2.0])).mean()) / 2
    torch.testing.assert_close(Relativistic(average=True).critic_loss(critic, x, y), average)


def test_swapping_real_and_fake_swaps_the_relativistic_losses():
    critic, x, y = Counted().double(), data(1).x, data(2).x
    for average in (False, True):
        loss = Relativistic(average)
        torch.testing.assert_close(loss.critic_loss(critic, x, y), loss.generator_loss(critic, y, x))


def test_notes_have_scopes_and_the_innermost_takes_them():
    objective = NonSaturating() + R1()
    with notes() as outer:
        with notes() as inner, scope("here"):
            objective.critic_loss(Counted(), torch.zeros(4, D), torch.zeros(4, D))
        assert not outer
    assert list(inner) == ["here.R1"]


def test_a_cast_without_a_graph_is_not_reused():
    """Autocast remembers casts of weights; one made without gradients would cut the graph of the next pass."""
    critic = nn.Sequential(nn.Linear(4, 8), nn.SiLU(), nn.Linear(8, 1), nn.Flatten(0))
    x = torch.randn(4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        with still():
            critic(x)
        loss = critic(x).float().sum()
    gradients = torch.autograd.grad(loss, list(critic.parameters()), allow_unused=True)
    assert all(g is not None for g in gradients)


def test_games_that_are_no_mean_say_so():
    assert all(not make(name).players()["critic"].additive for name in WHOLE_BATCH)


def test_hand_computed_pointwise_values():
    critic, low, high = (lambda s: s[:, 0]), torch.tensor([[-20.0]]), torch.tensor([[3.0]])
    y = low.clone().requires_grad_()
    loss = NonSaturating().generator_loss(critic, low, y)
    torch.testing.assert_close(loss, torch.tensor(20.0))
    (slope_of_loss,) = torch.autograd.grad(loss, y)  # it does not saturate where the critic is sure
    torch.testing.assert_close(slope_of_loss, torch.tensor([[-1.0]]))
    torch.testing.assert_close(Hinge().generator_loss(critic, low, high), torch.tensor(-3.0))
    torch.testing.assert_close(Hinge().critic_loss(critic, high, high), torch.tensor(4.0))
    torch.testing.assert_close(Wasserstein().joint_loss(critic, low, high), torch.tensor(-23.0))


def test_each_penalty_is_taken_where_it_says():
    """D(x) = |x|^2 / 2 has slope |x|: 1 at the real samples, 3 at the fake ones, t between."""
    x, y = torch.tensor([[1.0, 0.0]] * 64), torch.tensor([[0.0, 3.0]] * 64)

    def critic(s):
        return s.square().sum(1) / 2

    torch.testing.assert_close(R1(4.0)(critic, x, y), torch.tensor(2.0))
    torch.testing.assert_close(R2(4.0)(critic, x, y), torch.tensor(18.0))
    with keyed(Part((0,), 0, 64, 64)):
        point = interpolate(x, y)
        penalty = GradientPenalty(10.0)(critic, x, y)
    torch.testing.assert_close(penalty, 10 * (point.norm(dim=1) - 1).square().mean())


def test_interpolates_lie_on_the_segment():
    x, y = torch.zeros(4096, 1), torch.ones(4096, 1)
    t = interpolate(x, y).detach()
    assert 0 <= t.min() < 0.01 and 0.99 < t.max() < 1


def test_interpolation_of_mixed_samples():
    real = (torch.zeros(4, 2), torch.zeros(4, dtype=torch.long))
    fake = (torch.ones(4, 2, dtype=torch.bfloat16), torch.ones(4, dtype=torch.long))
    mixed = interpolate(real, fake)
    assert mixed[0].dtype == torch.float32 and mixed[0].requires_grad and mixed[1].eq(0).all()
    with pytest.raises(ValueError, match="integers"):
        interpolate(real[1], fake[1])


def test_a_view_of_a_parameter_is_tracked_anew():
    """It says requires_grad and has no graph, so that its slope would silently be zero."""
    table = nn.Parameter(torch.randn(8, 2))
    with torch.no_grad():
        fake = table.view(-1, 2)
    assert slope(lambda s: s.square().sum(1) / 2, fake).allclose(table.square().sum(1))
    tracked = track(fake)
    assert tracked is not fake and track(tracked) is tracked


def test_a_score_that_does_not_depend_on_the_sample_has_no_slope():
    with pytest.raises(ValueError, match="detached"):
        slope(lambda s: s.detach().sum(1), torch.zeros(2, 2))


@pytest.mark.parametrize(("side", "losses"), [("critic", "c"), ("generator", "gj"), ("both", "cgj")])
def test_terms_join_the_loss_of_their_side(side, losses):
    critic, x, y = Counted(), torch.randn(8, D), torch.randn(8, D)
    term = R1()
    term.side = side
    objective, seen_in = NonSaturating() + term, ""
    for letter, loss in zip(
        "cgj", (objective.critic_loss, objective.generator_loss, objective.joint_loss), strict=True
    ):
        with notes() as seen:
            loss(critic, x, y)
        seen_in += letter if "R1" in seen else ""
    assert seen_in == losses


def test_a_sum_hands_on_projection_and_history():
    class Counting(NonSaturating):
        calls = ()

        def project_(self, module):
            self.calls += ("project",)

        def advance_(self, notes):
            self.calls += ("advance",)

    objective = Counting()
    total = objective + R1()
    total.project_(Counted())
    total.advance_({})
    assert objective.calls == ("project", "advance")


def test_equal_pairs_are_finite_under_the_quadratic_potential():
    critic, x = Counted(), torch.randn(8, D)
    for objective in (Quadratic(), Quadratic(1.0, root_mean_square), SlopeQuadratic()):
        y = x.clone().requires_grad_()
        loss = objective.critic_loss(critic, x, y)
        gradients = torch.autograd.grad(loss, [y, *critic.parameters()], allow_unused=True)
        assert loss.isfinite() and all(g is None or g.isfinite().all() for g in gradients)


def test_half_precision_slopes_are_summed_in_full():
    assert slope(lambda s: s.sum(1), torch.ones(2, 3, dtype=torch.bfloat16)).dtype == torch.float32


def test_a_flat_critic_has_a_finite_penalty():
    """The root's derivative at slope 0 is infinite."""
    w = torch.zeros(2, requires_grad=True)
    penalty = GradientPenalty()(lambda s: s @ w, torch.zeros(8, 2), torch.ones(8, 2))
    (gradient,) = torch.autograd.grad(penalty, w)
    assert penalty.item() == pytest.approx(10.0, rel=1e-4) and gradient.isfinite().all()


def test_one_term_that_is_no_mean_makes_the_sum_none():
    term = R1()
    term.additive = False
    assert (Hinge() + R2()).additive and not (Hinge() + R2() + term).additive
