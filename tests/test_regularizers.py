"""Regularizers against values computed by hand, and what each refuses."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import pad
from toys import Coded, Counted, D, Mapped, Z, data, mlp, sgds

from gansmith.chance import Part, keyed
from gansmith.duel.critics import View
from gansmith.duel.scores import score
from gansmith.duel.slopes import track
from gansmith.dynamics import Alternating, scale_rate
from gansmith.games import GAN, OGAN
from gansmith.games.latents import Normal
from gansmith.networks import StochasticCode, spectral_norm
from gansmith.networks.stochastic import sampling
from gansmith.notes import notes
from gansmith.objectives import Hinge, NonSaturating, Relativistic, Wasserstein
from gansmith.regularizers import (
    DRAGAN,
    R1,
    R2,
    Bottleneck,
    ClipWeights,
    Consistency,
    FeatureMatching,
    GradientPenalty,
    GradientPower,
    Lazy,
    LeCam,
    OrthogonalWeights,
)
from gansmith.regularizers.consistency import flip_and_shift
from gansmith.regularizers.points import between, following, mixed, on_both, on_fake, on_real, within


def half(s):
    """|x|^2 / 2: the slope at x is |x|."""
    return s.square().sum(1) / 2


def first(s):
    return s[:, 0]


X, Y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 0.0], [0.0, 3.0]])


@pytest.mark.parametrize("at", [between, within, mixed, on_both, on_real, on_fake])
@pytest.mark.parametrize("power", [1.5, 2.0, 6.0])
def test_a_linear_critic_pays_a_power_of_its_slope(at, power):
    w = torch.tensor([0.6, -0.3, 0.6], dtype=torch.float64, requires_grad=True)  # of length 0.9
    penalty = GradientPower(2.0, power, at)(lambda s: s @ w, data(0).x, data(1).x)
    (gradient,) = torch.autograd.grad(penalty, w)
    torch.testing.assert_close(penalty.item(), 2 * 0.9**power)
    torch.testing.assert_close(gradient, (2 * power * 0.9 ** (power - 2) * w).detach())


def test_powers_are_taken_where_they_say():
    real, fake = (1 + 2**4) / 2, 3.0**4
    for at, expected in ((on_real, real), (on_fake, fake), (on_both, (real + fake) / 2)):
        assert GradientPower(5.0, 4.0, at)(half, X, Y).item() == pytest.approx(5 * expected)
    sum_of_means = 2 / 2 * ((1 + 2**6) / 2 + 3.0**6)  # k/2 times the sum, with k = 2
    assert GradientPower(2.0, 6.0, on_both)(half, X, Y).item() == pytest.approx(sum_of_means)


def test_mixed_places_are_a_mean_over_three_kinds():
    with keyed(Part((3,), 0, 2, 2)):
        one, two, three = (half(s).mul(2).sqrt().pow(3).mean() for s in mixed(X, Y))
        torch.testing.assert_close(GradientPower(1.0, 3.0, mixed)(half, X, Y), (one + two + three) / 3)
    assert len({one.item(), two.item(), three.item()}) == 3


def test_places_within_a_batch_lie_between_neighbors():
    x = torch.arange(6.0).view(6, 1)
    assert following(x).flatten().tolist() == [1, 2, 3, 4, 5, 0]
    with keyed(Part((0,), 0, 6, 6)):
        real, fake = (s.detach() for s in within(x, 10 * x))
    share = (real - x) / (following(x) - x)
    other = (fake - 10 * x) / (10 * (following(x) - x))
    assert share.min() >= 0 and share.max() < 1 and not torch.allclose(share, other)


def test_powers_of_samples_that_are_tuples():
    real = (torch.zeros(4, 2), torch.zeros(4, 2), torch.arange(4))
    fake = (torch.ones(4, 2), torch.ones(4, 2), torch.arange(4))
    for at in (between, within, mixed):
        penalty = GradientPower(1.0, 2.0, at)(lambda s: 3 * s[0][:, 0] + 4 * s[1][:, 1], real, fake)
        assert penalty.item() == pytest.approx(25.0)
    assert following(real)[2] is real[2]


def test_a_flat_critic_pays_nothing_and_its_gradient_is_finite():
    w = torch.zeros(2, requires_grad=True)
    for power in (1.2, 6.0):
        penalty = GradientPower(2.0, power)(lambda s: s @ w, X, Y)
        (gradient,) = torch.autograd.grad(penalty, w)
        assert penalty.item() == pytest.approx(0, abs=1e-6) and gradient.isfinite().all()


def test_a_rise_between_two_points_is_seen_between_them_only():
    x, y = torch.ones(8, 1), torch.zeros(8, 1)

    def steps(s):  # 0 at 0 and 1 at 1, flat at both
        return s[:, 0].square() * (3 - 2 * s[:, 0])

    assert GradientPower(2.0, 6.0, on_both)(steps, x, y).item() == 0
    assert GradientPower(2.0, 6.0, between)(steps, x, y).item() > 0.1


@pytest.mark.parametrize("options", [{"k": 0}, {"k": -1}, {"p": 1}, {"p": 0.5}])
def test_a_power_that_makes_no_divergence_is_refused(options):
    with pytest.raises(ValueError, match="k > 0 and a power p > 1"):
        GradientPower(**options)


def moved(noise, x):
    with keyed(Part((0,), 0, len(x), len(x))):
        return (DRAGAN(noise=noise).points(x, x) - x).detach()


def test_the_papers_noise_is_normal_and_the_codes_is_not():
    x = torch.linspace(-3, 5, 20000, dtype=torch.float64).view(5000, 4)
    x[:, 0] = 0  # one number for all pixels: this column moves as much as the others
    spread = x.std(correction=0)
    paper, authors = moved("paper", x), moved("authors", x)
    torch.testing.assert_close(paper.mean().item(), 0.0, rtol=0, atol=0.02)
    torch.testing.assert_close(paper.std().item(), 0.5, rtol=0.02, atol=0)
    assert authors.min() >= 0 and authors.max() <= 0.5 * spread
    assert authors[:, 0].max() > 0.45 * spread
    torch.testing.assert_close(authors.mean(), 0.125 * spread, rtol=0.02, atol=0)
    # t is one number per sample, u one per pixel: the mean of a product of two uniforms' squares is 1/9
    torch.testing.assert_close(authors.square().mean(), 0.25 * spread**2 / 9, rtol=0.04, atol=0)
    rows = authors.mean(1)  # were t drawn per pixel, the rows' means would vary by 7/144/4 instead of 1/64 + 1/4/36
    torch.testing.assert_close(rows.var(), 0.25 * spread**2 * (1 / 48 + 1 / 144), rtol=0.1, atol=0)


def test_dragan_reads_real_samples_only():
    for noise in ("paper", "authors"):
        with keyed(Part((0,), 0, 2, 2)):
            one, two = (DRAGAN(noise=noise)(half, X, y) for y in (Y, Y * torch.nan))
        torch.testing.assert_close(one, two)
    with pytest.raises(ValueError, match='noise="paper"'):
        DRAGAN(noise="none")


def test_dragan_of_samples_that_are_tuples():
    real = (torch.randn(4, 2), torch.arange(4))
    for noise in ("paper", "authors"):
        assert DRAGAN(1.0, noise=noise)(lambda s: 3 * s[0][:, 0], real, real).item() == pytest.approx(4.0)


def layer(kind, weight, **options):
    made = kind(*options.pop("shape"), bias=False, **options)
    made.weight.data = torch.tensor(weight).view_as(made.weight)
    return made


def test_orthogonal_weights_by_hand():
    wide = layer(nn.Linear, [[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]], shape=(3, 2))  # W W' = [[5, 2], [2, 10]]
    tall = layer(nn.Linear, [[1.0, 0.0], [2.0, 1.0], [0.0, 3.0]], shape=(2, 3))  # the same by columns
    for critic in (wide, tall):
        assert OrthogonalWeights(1.0)(critic, X, Y).item() == 8
        assert OrthogonalWeights(1.0, diagonal=True)(critic, X, Y).item() == 16 + 8 + 81
    assert OrthogonalWeights(0.5)(nn.Sequential(wide, nn.ReLU(), tall), X, Y).item() == 8


def test_orthogonal_weights_of_convolutions_compare_filters():
    ordinary = layer(nn.Conv1d, [1.0, 2.0, 0.0, 1.0], shape=(1, 2, 2))  # filters (1, 2), (0, 1)
    transposed = layer(nn.ConvTranspose1d, [1.0, 2.0, 0.0, 1.0], shape=(1, 2, 2))
    assert transposed.weight.shape == (1, 2, 2)
    for critic in (ordinary, transposed):
        assert OrthogonalWeights(1.0)(critic, X, Y).item() == 8
    several = nn.ConvTranspose2d(4, 2, 3, bias=False)
    nn.init.orthogonal_(several.weight.data.transpose(0, 1).flatten(1))
    w = several.weight.transpose(0, 1).flatten(1)
    expected = (w @ w.T - torch.eye(2)).square().sum()
    torch.testing.assert_close(OrthogonalWeights(1.0, diagonal=True)(several, X, Y), expected)


def test_orthogonal_weights_leave_the_vectors_of_spectral_norm_alone():
    critic = spectral_norm(nn.Sequential(nn.Linear(3, 3)))
    before = {k: v.clone() for k, v in critic.state_dict().items()}
    penalty = OrthogonalWeights(1.0)(critic, X, Y)
    w = critic[0].parametrizations.weight.original
    torch.testing.assert_close(penalty, ((w @ w.T) * (1 - torch.eye(3))).square().sum())
    torch.testing.assert_close(critic.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("kind", [nn.ConvTranspose1d, nn.ConvTranspose2d])
def test_orthogonal_weights_of_groups_are_those_of_the_direct_convolution(kind):
    """A transposed convolution of stride 1 is a convolution with its filters turned over."""
    torch.manual_seed(0)
    places = kind(4, 6, 3).weight.ndim - 2
    direct = nn.Conv1d if places == 1 else nn.Conv2d
    transposed = kind(4, 6, 3, groups=2, bias=False).double()
    equal = direct(4, 6, 3, padding=2, groups=2, bias=False).double()
    grouped = transposed.weight.detach().unflatten(0, (2, 2)).transpose(1, 2).flatten(0, 1)
    equal.weight.data = grouped.flip(list(range(2, 2 + places)))
    x = torch.randn(3, 4, *[5] * places, dtype=torch.float64)
    torch.testing.assert_close(transposed(x), equal(x))
    for diagonal in (False, True):
        term = OrthogonalWeights(1.0, diagonal)
        torch.testing.assert_close(term(transposed, x, x), term(equal, x, x))


def test_orthogonal_weights_see_what_a_layer_uses():
    plain = layer(nn.Linear, [[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]], shape=(3, 2))
    assert OrthogonalWeights(1.0)(scale_rate(plain, 4.0), X, Y).item() == 8
    assert OrthogonalWeights(1.0)(spectral_norm(plain), X, Y).item() == 8  # of the scaled weight, before normalization


def test_orthogonal_weights_need_weights():
    with pytest.raises(ValueError, match="View"):
        OrthogonalWeights()(half, X, Y)
    with pytest.raises(ValueError, match="has none"):
        OrthogonalWeights()(nn.Flatten(0), X, Y)


@pytest.mark.parametrize("factor", [4.0, 0.3])
def test_clipped_weights_are_those_that_a_layer_uses(factor):
    torch.manual_seed(0)
    plain, scaled = nn.Linear(3, 50), nn.Linear(3, 50)
    scaled.load_state_dict(plain.state_dict())
    scale_rate(scaled, factor)
    for critic in (plain, scaled):
        ClipWeights(0.2).project_(nn.Sequential(critic))
    torch.testing.assert_close([scaled.weight, scaled.bias], [plain.weight, plain.bias])
    once = {k: v.clone() for k, v in scaled.state_dict().items()}
    ClipWeights(0.2).project_(scaled)
    torch.testing.assert_close(scaled.state_dict(), once, rtol=0, atol=0)


def test_clipped_weights_under_other_parametrizations():
    torch.manual_seed(0)
    norm = nn.utils.parametrizations.weight_norm(nn.Linear(3, 50))
    expected = norm.weight.detach().clamp(-0.2, 0.2)
    ClipWeights(0.2).project_(norm)
    torch.testing.assert_close(norm.weight.detach(), expected)
    lengths = norm.parametrizations.weight.original0.clone()
    ClipWeights(5.0).project_(norm)  # inside: left as it is
    torch.testing.assert_close(norm.parametrizations.weight.original0, lengths, rtol=0, atol=0)

    spectral = spectral_norm(scale_rate(nn.Linear(3, 50), 4.0))
    before = {k: v.clone() for k, v in spectral.named_buffers()}
    chain = spectral.parametrizations.weight
    expected = (4 * chain.original.detach()).clamp(-0.2, 0.2)
    assert (expected.abs() == 0.2).any()
    ClipWeights(0.2).project_(spectral)
    torch.testing.assert_close(4 * chain.original.detach(), expected)  # what is normalized is what is clamped
    torch.testing.assert_close(dict(spectral.named_buffers()), before, rtol=0, atol=0)


def test_clipping_leaves_frozen_weights_alone():
    critic = scale_rate(nn.Linear(3, 50), 4.0)
    critic.parametrizations.weight.original.requires_grad_(False)
    before = critic.weight.clone()
    ClipWeights(0.01).project_(critic)
    torch.testing.assert_close(critic.weight, before, rtol=0, atol=0)
    assert critic.bias.abs().max() <= 0.01 * (1 + 1e-6)


def test_clipping_refuses_what_has_no_inverse():
    class Halved(nn.Module):
        def forward(self, w):
            return w / 2

    critic = nn.Linear(3, 50)
    nn.utils.parametrize.register_parametrization(critic, "weight", Halved())
    with pytest.raises(ValueError, match=r"right_inverse.*Halved has none"):
        ClipWeights(0.01).project_(critic)


NAN = float("nan")


@pytest.mark.parametrize(
    "kind", [R1, R2, GradientPenalty, DRAGAN, LeCam, FeatureMatching, OrthogonalWeights], ids=lambda k: k.__name__
)
def test_a_weight_is_not_negative(kind):
    for weight in (-1.0, NAN, float("inf")):
        with pytest.raises(ValueError, match=f"needs a finite weight >= 0, but got {weight}"):
            kind(weight)
    assert kind(0.0).weight == 0  # a term that is off


@pytest.mark.parametrize("limit", [0.0, -0.01, NAN])
def test_a_limit_is_positive(limit):
    with pytest.raises(ValueError, match=f"needs a limit above 0, but got {limit}"):
        ClipWeights(limit)


@pytest.mark.parametrize("kind", [lambda f: GradientPower(at=f), lambda f: Consistency(transform=f)])
def test_what_is_no_function_is_refused(kind):
    with pytest.raises(ValueError, match=r"needs a function .*, but got 'between'"):
        kind("between")


def test_a_codes_rate_is_its_divergence_from_a_normal():
    code, x = StochasticCode(3), torch.randn(5, 6, dtype=torch.float64)
    with sampling("here") as rates:
        code(x)
    mean, log_variance = code.distribution(x)
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()),
        torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean)),
    )
    torch.testing.assert_close(rates, [exact.sum(1)])


def test_a_code_is_its_mean_outside_and_a_sample_inside():
    code = StochasticCode(1)
    x = torch.tensor([[2.0, 1.0]]).repeat(20000, 1)
    assert code(x).eq(2).all()
    with keyed(Part((0,), 0, len(x), len(x))), sampling("here"):
        drawn = code(x)
    log_variance = 8 * torch.tanh(torch.tensor(1 / 8))
    torch.testing.assert_close(drawn.mean(), torch.tensor(2.0), rtol=0, atol=0.05)
    torch.testing.assert_close(drawn.var(), log_variance.exp(), rtol=0.05, atol=0)
    assert code(x).eq(2).all()


def test_a_code_is_bounded_and_its_shape_is_checked():
    with sampling("here") as rates:
        codes = StochasticCode(1)(torch.tensor([[0.0, 1e6], [0.0, -1e6]], requires_grad=True))
    assert codes.isfinite().all() and rates[0].isfinite().all()
    with pytest.raises(ValueError, match=r"shape \(n, 8\), but got \(2, 6\)"):
        StochasticCode(4)(torch.zeros(2, 6))


@pytest.mark.parametrize("size", [0, -2, 1.5])
def test_a_code_has_a_whole_number_of_entries(size):
    with pytest.raises(ValueError, match=f"size of at least 1, a whole number, but got {size}"):
        StochasticCode(size)


def test_codes_are_sampled_in_half_precision_too():
    with sampling("here") as rates:
        assert StochasticCode(1)(torch.ones(4, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert rates[0].dtype == torch.float32


def sampled(key=(0,), start=0, n=8):
    """Scores of equal real and fake samples, and interpolates' too, as a bottleneck's loss sees them."""
    torch.manual_seed(0)
    critic, x, seen = Coded().double(), data(0).x[start : start + n], []

    class Seeing(Hinge):
        def critic_loss(self, critic, real, fake):
            seen.extend(score(critic, s).detach() for s in (real, fake))
            return super().critic_loss(critic, real, fake)

    with keyed(Part(key, start, n, 8)):
        (Seeing() + Bottleneck()).critic_loss(critic, x, x.clone())
    return seen


def test_passes_and_layers_have_draws_of_their_own():
    real, fake = sampled()
    assert not torch.isclose(real, fake).any()
    torch.testing.assert_close(sampled(), [real, fake], rtol=0, atol=0)
    assert not torch.isclose(sampled((1,))[0], real).any()
    torch.testing.assert_close(sampled(start=4, n=4)[0], real[4:])
    layers, x = nn.ModuleList([StochasticCode(2), StochasticCode(2)]), torch.zeros(3, 4)
    with keyed(Part((0,), 0, 3, 3)), sampling("one"):
        one, two = (code(x) for code in layers)
    assert not torch.isclose(one, two).any()


def test_a_bottleneck_adds_to_the_critics_loss_only():
    torch.manual_seed(0)
    critic, term, x, y = Coded().double(), Bottleneck(limit=0.5), data(0).x, data(1).x
    objective = (NonSaturating() + term).double()
    plain = NonSaturating().generator_loss(critic, x, y)
    torch.testing.assert_close(objective.generator_loss(critic, x, y), plain, rtol=0, atol=0)
    losses = []
    for beta in (0.0, 2.0):
        term.multiplier.fill_(beta)
        with keyed(Part((0,), 0, 8, 8)), notes() as seen:
            losses.append(objective.critic_loss(critic, x, y))
    torch.testing.assert_close(losses[1] - losses[0], 2 * (seen["Bottleneck.rate"] - 0.5))
    with notes() as seen:
        objective.generator_loss(critic, x, y)
    assert not seen


def test_the_multiplier_climbs_while_the_rate_is_above_the_limit():
    """By the rate that the move saw, from the multiplier before it; never below zero."""
    term = Bottleneck(limit=0.2, rate=0.5)
    expected = 0.0
    for rate in (0.1, 0.6, 1.0, 0.0, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3):
        term.advance_({"rate": torch.tensor(rate), "multiplier": term.multiplier})
        expected = max(0.0, expected + 0.5 * (rate - 0.2))
        assert term.multiplier.item() == pytest.approx(expected, abs=1e-7)
    assert expected > 0 and not any(p.requires_grad for p in term.parameters())


def test_rates_are_a_mean_over_real_and_fake_samples_together():
    term = Bottleneck(limit=0.0)
    term.multiplier.fill_(1.0)
    rates = {2: torch.tensor([1.0, 2.0]), 3: torch.tensor([4.0, 5.0, 6.0])}
    assert term(lambda s: (s.sum(1), rates[len(s)]), torch.zeros(2, 1), torch.zeros(3, 1)).item() == pytest.approx(3.6)


def test_a_limit_out_of_reach_leaves_the_multiplier_at_zero():
    game = GAN(mlp(Z, D), Coded(), NonSaturating() + Bottleneck(limit=1e6, rate=1.0), Normal(Z)).double()
    dynamics = Alternating(sgds(game))
    for _ in range(3):
        dynamics.step(game.players(), data, (0,))
    assert game.objective.terms[0].multiplier.item() == 0


def test_a_bottleneck_sees_through_views_and_functions():
    torch.manual_seed(0)
    critic, x, y = Coded(), torch.randn(4, D), torch.randn(4, D)
    labels = torch.ones(4, 1)
    for seen in (View(critic, lambda s: critic(s * labels)), lambda s: critic(1 * s)):
        assert (Hinge() + Bottleneck()).critic_loss(seen, x, y).isfinite()
    objective = Hinge() + ClipWeights(0.1) + Bottleneck() + OrthogonalWeights()
    objective.critic_loss(View(critic, critic), x, y)
    with pytest.raises(ValueError, match="View"):
        objective.critic_loss(lambda s: critic(1 * s), x, y)


def test_a_bottleneck_needs_a_code():
    with pytest.raises(ValueError, match="no StochasticCode layer"):
        (Hinge() + Bottleneck()).critic_loss(Counted(), torch.zeros(4, D), torch.zeros(4, D))
    encoder = nn.Sequential(mlp(D, 2 * Z), StochasticCode(Z))
    with pytest.raises(ValueError, match="ran no StochasticCode layer"):  # the game took the code before
        OGAN(mlp(Z, D), encoder, Hinge() + Bottleneck(), Normal(Z)).double().critic_loss(data(0))
    with pytest.raises(ValueError, match="add the term to an objective"):
        Bottleneck()(Coded(), torch.zeros(4, D), torch.zeros(4, D))
    for options in ({"limit": -1}, {"rate": 0}):
        with pytest.raises(ValueError, match="limit >= 0 and a rate > 0"):
            Bottleneck(**options)


def test_a_bottleneck_reads_scores_of_a_critic_that_returns_maps():
    class Both(Coded):
        def forward(self, x):
            return super().forward(x), [x]

    objective = Hinge() + Bottleneck() + FeatureMatching(1.0)
    x, y = torch.zeros(4, D), torch.ones(4, D)
    critic = Both()
    assert objective.critic_loss(critic, x, y).isfinite()
    bare = Hinge().generator_loss(critic, x, y)
    torch.testing.assert_close(objective.generator_loss(critic, x, y), bare + 1)


def test_consistency_by_hand():
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])
    term = Consistency(10.0, 7.0, lambda s: 2 * s)  # scores double: differences 1, 2 and 3
    assert term(first, x, y).item() == pytest.approx(10 * (1 + 4) / 2 + 7 * 9)
    assert Consistency(10.0, 0.0, lambda s: 2 * s)(first, x, y).item() == pytest.approx(25)
    assert Consistency(0.0, 7.0, lambda s: 2 * s)(first, x, y).item() == pytest.approx(63)
    assert Consistency(transform=lambda s: s)(half, X, Y).item() == 0
    with pytest.raises(ValueError, match="one of them above 0"):
        Consistency(0.0, 0.0)


def test_consistency_moves_both_scores_and_no_sample():
    w = torch.tensor([2.0], requires_grad=True)
    x = track(torch.ones(4, 1))
    penalty = Consistency(1.0, 0.0, lambda s: s + 3)(lambda s: s @ w, x, x)  # (3w)^2
    in_w, in_x = torch.autograd.grad(penalty, [w, x], allow_unused=True)
    assert in_w.item() == pytest.approx(36)  # 2 * 3w * 3: of the difference, in both places
    torch.testing.assert_close(in_x, torch.full((4, 1), -6.0))  # 2 (D(x) - D(Tx)) w / 4: T(x) is a constant


def test_consistency_needs_as_many_samples_as_before():
    with pytest.raises(ValueError, match="2 samples it made 1"):
        Consistency(transform=lambda s: s[:1])(first, X, Y)


def test_pictures_are_flipped_and_shifted_with_reflected_borders():
    x = torch.arange(400 * 2 * 16 * 8.0).view(400, 2, 16, 8).remainder(997)
    with keyed(Part((0,), 0, 400, 400)):
        changed = flip_and_shift(x)
    # 16 rows move by up to 2, 8 columns by up to 1
    seen = set()
    for before, after in zip(x, changed, strict=True):
        padded = pad(before[None], (1, 1, 2, 2), mode="reflect")[0]
        crops = {
            (up, left, flipped): (c.flip(2) if flipped else c)
            for up, left, flipped in itertools.product(range(5), range(3), (False, True))
            for c in (padded[:, up : up + 16, left : left + 8],)
        }
        (how,) = [k for k, c in crops.items() if torch.equal(c, after)]
        seen.add(how)
    assert len(seen) == 30  # every shift, flipped and not: each with probability 1/30
    rows = [flip_and_shift(x[:0])]
    with keyed(Part((0,), 200, 200, 400)):
        rows.append(flip_and_shift(x[200:]))
    torch.testing.assert_close(rows[1], changed[200:])


def test_real_and_fake_pictures_are_changed_by_draws_of_their_own():
    seen = []
    x = torch.rand(64, 1, 8, 8)

    def watched(s):
        seen.append(flip_and_shift(s))
        return seen[-1]

    with keyed(Part((0,), 0, 64, 64)):
        Consistency(transform=watched)(lambda s: s.sum((1, 2, 3)), x, x.clone())
    assert not torch.equal(*seen)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match=r"\(n, c, h, w\) to flip and shift, but got \(2, 2\)"):
        Consistency()(half, X, Y)
    with pytest.raises(ValueError, match="but got tuple"):
        flip_and_shift((X, Y))


def test_lecam_by_hand():
    x, y = torch.tensor([[2.0], [-3.0]]), torch.tensor([[1.0], [-2.0]])
    for one_sided, expected in ((True, (9 + 0) / 2 + (0 + 4) / 2), (False, (9 + 4) / 2 + (1 + 4) / 2)):
        term = LeCam(0.5, one_sided=one_sided)
        assert term(first, x, y).item() == 0  # there is no anchor yet
        term.advance_({"real": torch.tensor(0.0), "fake": torch.tensor(-1.0)})
        assert term(first, x, y).item() == pytest.approx(0.5 * expected)


def test_anchors_are_averages_without_a_bias_to_their_start():
    term, values, weights = LeCam(1.0, decay=0.9), [3.0, -1.0, 2.0], [0.81 * 0.1, 0.9 * 0.1, 0.1]
    for v in values:
        term.advance_({"real": torch.tensor(v), "fake": torch.tensor(10 * v)})
    anchor = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    high, low = torch.tensor([[10 * anchor + 1.0]]), torch.tensor([[anchor - 2.0]])
    assert term(first, high, low).item() == pytest.approx(1 + 4, rel=1e-5)
    assert not any(b.requires_grad for b in term.buffers())
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        LeCam(decay=1.0)


def test_anchors_move_by_the_critics_moves_only():
    torch.manual_seed(0)
    game = GAN(mlp(Z, D), Counted(), Wasserstein() + LeCam(), Normal(Z)).double()
    term, dynamics = game.objective.terms[0], Alternating(sgds(game), critic=2)
    for _ in range(3):
        said = dynamics.step(game.players(), data, (0,))
    torch.testing.assert_close(term.mass, torch.tensor(1 - 0.99**6, dtype=torch.float64))
    assert "critic/LeCam.real" in said and "generator/LeCam.real" not in said


def test_feature_matching_by_hand():
    x, y = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 4.0], [1.0, 0.0]])

    def critic(s):
        return s.sum(1), [s, 3 * s[:, :1]]

    pairs = FeatureMatching(2.0)(critic, x, y)  # (1 + 2 + 1 + 0) / 4 + 3 (1 + 1) / 2
    assert pairs.item() == pytest.approx(2 * (1 + 3))
    means = FeatureMatching(2.0, of_means=True)(critic, x, y)  # |(0, -1)| + |0|
    assert means.item() == pytest.approx(2 * 1, rel=1e-5)
    one = FeatureMatching(1.0, of_means=True)(critic, x, y[:1])  # |(0.5, -3)| + 1.5
    assert one.item() == pytest.approx((0.25 + 9) ** 0.5 + 1.5)


@pytest.mark.parametrize("of_means", [False, True])
def test_real_maps_are_constants_and_equal_means_have_a_finite_gradient(of_means):
    critic, x, y = Mapped(), track(torch.randn(4, D)), track(torch.randn(4, D))
    loss = FeatureMatching(of_means=of_means)(critic, x, y)
    in_x, in_y = torch.autograd.grad(loss, [x, y], allow_unused=True)
    assert in_x is None and in_y.any()
    (same,) = torch.autograd.grad(FeatureMatching(of_means=of_means)(critic, y.detach(), y), y)
    assert same.isfinite().all()


def test_feature_matching_joins_the_generators_loss_and_needs_maps():
    critic, x, y = Mapped(), torch.randn(4, D), torch.randn(4, D)
    objective = Relativistic() + FeatureMatching()
    torch.testing.assert_close(objective.critic_loss(critic, x, y), Relativistic().critic_loss(critic, x, y))
    critic.calls = 0
    both = Relativistic().generator_loss(critic, x, y) + FeatureMatching()(critic, x, y)
    assert critic.calls == 4
    torch.testing.assert_close(objective.generator_loss(critic, x, y), both)
    assert critic.calls == 6  # the real pass is a constant for both
    for wrong in (Counted(), lambda s: (s.sum(1), s), lambda s: (s.sum(1), [])):
        with pytest.raises(ValueError, match=r"\(scores, \[map, ...\]\)"):
            FeatureMatching()(wrong, x, y)
    for other in (lambda s: (s.sum(1), [s] * len(s)), lambda s: (s.sum(1), [s[:, :1] if len(s) == 3 else s])):
        with pytest.raises(ValueError, match=r"same shapes .* returned \[\(3,\).* and \[\(.*depend on a sample's size"):
            FeatureMatching(of_means=True)(other, x, y[:3])
    with pytest.raises(ValueError, match="4 real and 3 fake"):
        FeatureMatching()(critic, x, y[:3])
    FeatureMatching(of_means=True)(critic, x, y[:3])
    for of_means in (False, True):
        with pytest.raises(ValueError, match="empty batch"):
            FeatureMatching(of_means=of_means)(critic, x[:0], y[:0])


def test_a_lazy_term_is_taken_in_every_kth_move_k_times_as_strong():
    critic, x, y = Counted().double(), data(0).x, data(1).x
    term, values = Lazy(R1(2.0), 3), []
    for _ in range(7):
        with notes() as seen:
            value = term(critic, x, y)
        values.append(0.0 if value is None else value.item())
        term.advance_(seen)
    once = R1(2.0)(critic, x, y).item()
    torch.testing.assert_close(values, [3 * once, 0.0, 0.0, 3 * once, 0.0, 0.0, 3 * once])


def test_a_lazy_term_counts_its_players_moves():
    torch.manual_seed(0)
    game = GAN(mlp(Z, D), Mapped(), Hinge() + Lazy(R1(), 4) + Lazy(FeatureMatching(), 2), Normal(Z)).double()
    dynamics, taken = Alternating(sgds(game), critic=3), []
    for _ in range(4):
        taken.append(sorted(k for k in dynamics.step(game.players(), data, (0,)) if k.endswith(("#1", "#2"))))
    critics, generators = game.objective.terms
    assert (critics.count, generators.count) == (12, 4)
    # of the critic's moves 0 to 11, three a round, numbers 0, 4 and 8 take the penalty
    both = ["critic/Lazy#1", "generator/Lazy#2"]
    assert taken == [both, both[:1], both, []]


def test_a_lazy_history_moves_when_its_term_is_taken():
    term = Lazy(LeCam(1.0, decay=0.5), 2)
    for v in (1.0, 100.0, 3.0, 100.0):
        term.advance_({"due": torch.tensor(1.0), "real": torch.tensor(v), "fake": torch.tensor(v)})
    torch.testing.assert_close(term.term.real / term.term.mass, torch.tensor((0.25 * 1 + 0.5 * 3) / 0.75))


def test_a_lazy_term_is_as_its_term():
    assert Lazy(R1(), 2).slopes and Lazy(Lazy(GradientPenalty(), 2), 2).slopes and not Lazy(LeCam(), 2).slopes
    assert Lazy(FeatureMatching(of_means=True), 2).side == "generator"
    assert not Lazy(FeatureMatching(of_means=True), 2).additive and Lazy(R1(), 2).additive
    critic = nn.Linear(3, 1)
    Lazy(ClipWeights(0.01), 5).project_(critic)
    assert critic.weight.abs().max() <= 0.01
    both = R1()
    both.side = "both"
    for wrong, every, message in ((both, 2, "one side"), (R1(), 0, "every >= 1"), (R1(), 1.5, "whole number.*1.5")):
        with pytest.raises(ValueError, match=message):
            Lazy(wrong, every)
