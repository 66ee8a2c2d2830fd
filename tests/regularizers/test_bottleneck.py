"""Codes that are distributions, and the limit of their rate."""

import pytest
import torch
from torch import nn
from toys import Coded, Counted, D, Z, data, mlp, sgds

from gansmith.chance import Part, keyed
from gansmith.duel.critics import View
from gansmith.duel.scores import score
from gansmith.dynamics import Alternating
from gansmith.games import GAN, OGAN
from gansmith.games.latents import Normal
from gansmith.networks import StochasticCode
from gansmith.networks.stochastic import sampling
from gansmith.notes import notes
from gansmith.objectives import Hinge, NonSaturating
from gansmith.regularizers import Bottleneck, ClipWeights, FeatureMatching, OrthogonalWeights


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
