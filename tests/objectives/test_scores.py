"""Objectives of scores: values computed by hand, what each is by definition, and what it refuses."""

import math

import pytest
import torch
from toys import Counted, Pairs, data

from gansmith.duel.scores import score
from gansmith.dynamics import Alternating
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.networks import MLP
from gansmith.notes import notes
from gansmith.objectives import (
    Divergence,
    Fisher,
    Hinge,
    LeastSquares,
    NonSaturating,
    PairwiseQuadratic,
    Pointwise,
    Quadratic,
    Relativistic,
    Saturating,
)
from gansmith.objectives.divergence import (
    JENSEN_SHANNON,
    KL,
    NEYMAN,
    PEARSON,
    REVERSE_KL,
    SQUARED_HELLINGER,
    TOTAL_VARIATION,
    Conjugate,
)
from gansmith.regularizers import R1, ClipWeights, GradientPenalty
from gansmith.testing.differences import points, smooth

X, Y = torch.tensor([[2.0], [0.0]]), torch.tensor([[1.0], [-1.0]])


def first(s):
    return s[:, 0]


def soft(t):
    return math.log1p(math.exp(t))


def test_saturating_values():
    o = Saturating()
    assert float(o.critic_loss(first, X, Y)) == pytest.approx((soft(-2) + soft(0) + soft(1) + soft(-1)) / 2)
    assert float(o.generator_loss(first, X, Y)) == pytest.approx(-(soft(1) + soft(-1)) / 2)
    assert float(o.joint_loss(first, X, Y)) == pytest.approx(-float(o.critic_loss(first, X, Y)))  # zero-sum
    y = torch.tensor([[-20.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(o.generator_loss(first, X, y), y)
    assert abs(float(slope)) < 1e-8  # where the critic is sure, the generator learns nothing


def test_least_squares_values():
    """With the 1/2, the sum of both terms."""
    o = LeastSquares(-1, 1, 0)
    assert float(o.critic_loss(first, X, Y)) == pytest.approx((1 + 1 + 4 + 0) / 4)
    assert float(o.generator_loss(first, X, Y)) == pytest.approx((1 + 1) / 4)
    assert float(LeastSquares().joint_loss(first, X, Y)) == pytest.approx((0 + 4) / 4 + (4 + 0) / 4)
    with pytest.raises(ValueError, match="above a, because a high score means real"):
        LeastSquares(1, 0, 0)


F = {  # each f and its derivative, from the definition of the divergence
    "KL": (KL, lambda u: u * u.log(), lambda u: 1 + u.log()),
    "reverse KL": (REVERSE_KL, lambda u: -u.log(), lambda u: -1 / u),
    "JS": (JENSEN_SHANNON, lambda u: u * u.log() - (u + 1) * ((u + 1) / 2).log(), lambda u: (2 * u / (1 + u)).log()),
    "Pearson": (PEARSON, lambda u: (u - 1) ** 2, lambda u: 2 * (u - 1)),
    "Neyman": (NEYMAN, lambda u: (1 - u) ** 2 / u, lambda u: 1 - 1 / u**2),
    "Hellinger": (SQUARED_HELLINGER, lambda u: (u.sqrt() - 1) ** 2, lambda u: 1 - u.rsqrt()),
}


@pytest.mark.parametrize("name", F)
def test_pairs_are_conjugate(name):
    """f*(f'(u)) = u f'(u) - f(u) (Fenchel and Young), the activation reaches f', increases, and composes."""
    pair, f, slope = F[name]
    u = torch.linspace(0.2, 4, 30, dtype=torch.float64)
    t = slope(u)
    torch.testing.assert_close(pair.conjugate(t), u * t - f(u))
    v = torch.linspace(-4, 4, 30, dtype=torch.float64)
    activated = pair.activation(v)
    assert (activated.diff() > 0).all()
    torch.testing.assert_close(pair.of_fake(v), pair.conjugate(activated))


@pytest.mark.parametrize("name", F)
def test_conjugates_are_suprema_over_ratios(name):
    """Of u >= 0 alone, so that they never fall, however sure the critic is: a high score means real."""
    pair, f, _ = F[name]
    t = pair.activation(torch.linspace(-3, 2, 11, dtype=torch.float64))
    u = torch.logspace(-9, 3, 200_001, dtype=torch.float64)
    wanted = torch.stack([(u * a - f(u)).max() for a in t])
    torch.testing.assert_close(pair.conjugate(t), wanted, rtol=1e-4, atol=1e-4)
    assert (pair.of_fake(torch.linspace(-20, 20, 99, dtype=torch.float64)).diff() >= 0).all()


def test_the_pair_of_total_variation():
    """f*(t) = t on [-1/2, 1/2], which the activation does not leave."""
    v = torch.linspace(-30, 30, 9, dtype=torch.float64)
    assert TOTAL_VARIATION.activation(v).abs().max() <= 0.5
    assert torch.equal(TOTAL_VARIATION.of_fake(v), TOTAL_VARIATION.activation(v))


def test_composed_forms_stay_finite():
    """Called one after the other, activation and conjugate of Jensen-Shannon are infinite from a score of 17 on."""
    far = torch.tensor([40.0])
    assert JENSEN_SHANNON.conjugate(JENSEN_SHANNON.activation(far)).isinf()
    torch.testing.assert_close(JENSEN_SHANNON.of_fake(far), far - math.log(2))


def test_divergence_and_its_trick():
    plain, trick = Divergence(KL), Divergence(KL, trick=True)
    torch.testing.assert_close(plain.critic_loss(first, X, Y), trick.critic_loss(first, X, Y))
    assert float(plain.critic_loss(first, X, Y)) == pytest.approx(-1 + (1 + math.exp(-2)) / 2)
    assert float(plain.generator_loss(first, X, Y)) == pytest.approx(-(1 + math.exp(-2)) / 2)
    assert float(trick.generator_loss(first, X, Y)) == pytest.approx(0)
    own = Divergence(Conjugate(lambda v: v, lambda t: (t - 1).exp()))
    torch.testing.assert_close(own.critic_loss(first, X, Y), Divergence(KL).critic_loss(first, X, Y))


def test_jensen_shannon_is_the_original_gan_shifted():
    """f*(g(v)) = softplus(v) - log 2 and g(v) = log 2 - softplus(-v): the loss of the original GAN less 2 log 2."""
    wanted = NonSaturating().critic_loss(first, X, Y) - 2 * math.log(2)
    torch.testing.assert_close(Divergence().critic_loss(first, X, Y), wanted)
    torch.testing.assert_close(
        Divergence().generator_loss(first, X, Y), Saturating().generator_loss(first, X, Y) + math.log(2)
    )


def test_relativistic_average_of_others():
    """RaLSGAN: 1/2 [E (a - 1)^2 + E (b + 1)^2] with a = D(x) - mean D(y), b = D(y) - mean D(x)."""
    square = Pointwise(lambda t: (t - 1) ** 2, lambda t: (t + 1) ** 2, lambda t: t)
    a, b = torch.tensor([2.0, 0.0]) - 0.0, torch.tensor([1.0, -1.0]) - 1.0
    torch.testing.assert_close(
        Relativistic(True, square).critic_loss(first, X, Y), (((a - 1) ** 2).mean() + ((b + 1) ** 2).mean()) / 2
    )
    torch.testing.assert_close(
        Relativistic(True, square).generator_loss(first, X, Y), (((a + 1) ** 2).mean() + ((b - 1) ** 2).mean()) / 2
    )
    hinge = Relativistic(True, Hinge())
    torch.testing.assert_close(hinge.critic_loss(first, X, Y), ((1 - a).relu().mean() + (1 + b).relu().mean()) / 2)
    paired = Relativistic(False, Hinge())
    torch.testing.assert_close(paired.critic_loss(first, X, Y), (1 - (X - Y)[:, 0]).relu().mean())


def test_the_average_form_keeps_both_of_the_generators_gradients():
    """A generator that only sees its own term, or a detached mean of its scores, is a bug seen in public code."""
    y = Y.clone().requires_grad_()
    (found,) = torch.autograd.grad(Relativistic(True).generator_loss(first, X, y), y)
    own = Y.clone().requires_grad_()
    half = torch.nn.functional.softplus(-(own[:, 0] - X.mean())).mean() / 2
    (alone,) = torch.autograd.grad(half, own)
    assert not torch.allclose(found, alone)


def test_pairwise_values_and_its_special_case():
    critic = Pairs(smooth(6, None))
    x, y = points(8, 3) + 0.5, points(8, 3, seed=1)
    gap = critic((x, y)) - critic((y, x))
    room = 2 * 3.0 * (x - y).abs().mean(1)
    o = PairwiseQuadratic(3.0)
    torch.testing.assert_close(o.critic_loss(critic, x, y), (gap**2 / room - gap).mean())
    torch.testing.assert_close(o.generator_loss(critic, x, y), gap.mean())
    net = smooth(3, None)
    unary = PairwiseQuadratic(3.0).critic_loss(lambda pair: net(pair[0]), x, y)
    torch.testing.assert_close(unary, Quadratic(3.0).critic_loss(net, x, y))


def test_pairwise_takes_no_slope():
    critic, x, y = Pairs(smooth(6, None)), points(8, 3), points(8, 3, seed=1)
    with pytest.raises(ValueError, match="has one of pairs"):
        (PairwiseQuadratic() + R1()).critic_loss(critic, x, y)
    (PairwiseQuadratic() + ClipWeights()).critic_loss(critic, x, y)  # weights may be held


def test_fisher_values_and_multiplier():
    """Lambda falls by rho (1 - Omega), with the value from before the move; the generator's moves leave it alone."""
    o = Fisher(0.5)
    omega = (4 + 0) / 4 + (1 + 1) / 4
    with notes() as seen:
        loss = o.critic_loss(first, X, Y)
    assert float(loss) == pytest.approx(-(1 + 0 * (1 - omega) - 0.25 * (1 - omega) ** 2))
    o.advance_(seen)
    assert float(o.multiplier) == pytest.approx(-0.5 * (1 - omega))
    with notes() as seen:
        loss = o.critic_loss(first, X, Y)
        assert float(loss) == pytest.approx(-(1 + float(o.multiplier) * (1 - omega) - 0.25 * (1 - omega) ** 2))
        before = float(o.multiplier)
    with notes() as of_generator:
        o.generator_loss(first, X, Y)
    o.advance_(of_generator)
    assert float(o.multiplier) == before and "multiplier" in o.state_dict()
    with pytest.raises(ValueError, match="rho above 0"):
        Fisher(0.0)


def test_fishers_multiplier_moves_in_a_game():
    torch.manual_seed(0)
    game = GAN(MLP(4, 3), MLP(3, None), Fisher(0.1), Normal(4)).double()
    optimizers = {n: torch.optim.SGD(p.parameters(), 0.01) for n, p in game.players().items()}
    Alternating(optimizers, critic=3).step(game.players(), data, (0,))
    assert float(game.objective.multiplier) != 0
    assert all(p is not game.objective.multiplier for p in game.players()["critic"].parameters())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PairwiseQuadratic().critic_loss(lambda p: p[0][:, 0], X, Y[:1]), "2 real and 1 fake"),
        (lambda: Quadratic().generator_loss(first, X, Y[:1]), "2 real and 1 fake"),
        (lambda: Relativistic(of=Hinge()).critic_loss(first, X, Y[:1]), "2 real and 1 fake"),
        (lambda: GradientPenalty()(first, X, Y[:1]), "2 real and 1 fake"),
        (
            lambda: Fisher().critic_loss(lambda s: s.repeat(1, 3), X, Y),
            r"shape \(2,\), but the critic returned \(2, 3\)",
        ),
        (lambda: LeastSquares().critic_loss(first, X[:0], Y), "empty batch"),
        (lambda: LeastSquares().generator_loss(first, X, Y[:0]), "empty batch"),
        (lambda: ClipWeights().project_(first), r"View\(network, call\)"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("other", [torch.float64, torch.bfloat16])
def test_mixed_precisions_are_refused(other):
    critic = Counted().float()
    with pytest.raises(ValueError, match=r"critic's weights are torch.float32 .* the samples .*\.to\("):
        NonSaturating().critic_loss(critic, data(0).x.to(other), data(1).x.to(other))


def test_mixed_devices_are_refused():
    critic, x = Counted(), torch.zeros(4, 3, device="meta")
    with pytest.raises(ValueError, match=r"critic's weights are .* on cpu.* samples .* on meta.*\.to\("):
        score(critic, x)


def test_a_mistake_inside_the_critic_keeps_its_own_words():
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        score(Counted(), torch.zeros(4, 7))


def test_autocast_may_mix_precisions():
    with torch.autocast("cpu", torch.bfloat16):
        assert (
            NonSaturating().critic_loss(Counted().float(), *(data(i, dtype=torch.float32).x for i in (0, 1))).isfinite()
        )
