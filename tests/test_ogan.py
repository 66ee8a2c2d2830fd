"""O-GAN's mathematics, and the defects that turned a public port's pictures gray."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import normalize
from toys import Counted, D, Z, adams, data, make, mlp

from gansmith.chance import Part, keyed
from gansmith.duel.scores import score
from gansmith.duel.slopes import slope, track
from gansmith.dynamics import Alternating, Pull
from gansmith.games import GAN, OGAN
from gansmith.games.heads import Radius, direction, standardize
from gansmith.games.latents import Normal, Uniform
from gansmith.games.ogan import correlation
from gansmith.networks import MLP, DCGANCritic, DCGANGenerator
from gansmith.objectives import NonSaturating, Quadratic, SlopeQuadratic


def codes(n=5, d=7, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_correlation_is_numpys():
    v, w = codes(seed=1), codes(seed=2)
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(v, w, strict=True)]
    torch.testing.assert_close(correlation(v, w), torch.tensor(expected, dtype=torch.float64))


def test_correlation_sees_neither_shift_nor_scale():
    v, w = codes(seed=1), codes(seed=2)
    torch.testing.assert_close(correlation(v, 3 * w + 5), correlation(v, w))
    torch.testing.assert_close(correlation(v, -2 * w + 1), -correlation(v, w))


def test_its_gradient_is_orthogonal_to_those_of_mean_and_deviation():
    """The O of O-GAN; a squared error between codes violates it."""
    v, w = codes(seed=1), codes(seed=2).requires_grad_()
    (g,) = torch.autograd.grad(correlation(v, w).sum(), w)
    zero = torch.zeros(5, dtype=torch.float64)
    torch.testing.assert_close(g.sum(1), zero)
    torch.testing.assert_close((g * (w - w.mean(1, keepdim=True))).sum(1), zero)
    (g,) = torch.autograd.grad((v - w).square().sum(), w)
    assert (g.sum(1).abs() > 0.1).any()


def test_distance_of_standardized_codes():
    v, w = codes(seed=1), codes(seed=2)
    torch.testing.assert_close((standardize(v) - standardize(w)).square().sum(1), 2 * 7 * (1 - correlation(v, w)))


def test_standardized_codes():
    v = standardize(codes())
    torch.testing.assert_close(v.mean(1), torch.zeros(5, dtype=torch.float64))
    torch.testing.assert_close(v.std(1, correction=0), torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(standardize(v), v)
    assert standardize(torch.ones(2, 4)).eq(0).all()  # no deviation: no direction, and no NaN


@pytest.mark.parametrize("wrong", [torch.zeros(3, 2), torch.zeros(3), torch.zeros(3, 4, 1)])
def test_codes_of_other_shapes_are_refused(wrong):
    with pytest.raises(ValueError, match="d >= 3"):
        standardize(wrong)


def test_with_weight_zero_it_is_the_plain_game():
    ogan = OGAN(mlp(Z, D), Counted(outputs=Z), NonSaturating(), Normal(Z), weight=0.0).double()

    class Scores(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = ogan.critic

        def forward(self, x):
            return self.net(x).mean(1)

    gan = GAN(ogan.generator, Scores(), NonSaturating(), Normal(Z)).double()
    for name in ("critic", "generator"):
        a, b = (Pull()(game.players()[name], data(0), (0,))[0] for game in (ogan, gan))
        torch.testing.assert_close([g for g in a if g is not None], [g for g in b if g is not None])


def test_both_players_feel_the_correlation():
    for name in ("critic", "generator"):
        gradients = []
        for weight in (0.0, 0.5):
            torch.manual_seed(3)
            game = OGAN(mlp(Z, D), Counted(outputs=Z), NonSaturating(), Normal(Z), weight=weight).double()
            gradients.append(Pull()(game.players()[name], data(0), (0,))[0])
        assert any(not torch.allclose(a, b) for a, b in zip(*gradients, strict=True) if a is not None)


def test_reconstruction_is_the_generator_of_the_standardized_code():
    game = make("O-GAN NS+R1+R2")
    x = data(0).x
    with torch.no_grad():
        z = standardize(game.encoder(x))
        torch.testing.assert_close(game.reconstruct(x), game.generator(z))
        torch.testing.assert_close(game.reconstruct(x, truncation=0.9), game.generator(0.9 * z))
        torch.testing.assert_close(game.encode(x, 0.9), 0.9 * z)
        middle = game.interpolate(x[:2], x[2:4], 5)
        assert middle.shape == (2, 5, D)
        torch.testing.assert_close(middle[:, 0], game.reconstruct(x[:2]))


def test_other_latents_are_rescaled_or_refused():
    game = OGAN(MLP(8, D), MLP(D, 8), NonSaturating(), Uniform(8))
    assert game.encode(torch.randn(50, D)).std() == pytest.approx(Uniform.std, rel=1e-2)

    class Unknown:
        size = 8

        def __call__(self, n, like=None):
            return torch.rand(n, 8)

    with pytest.raises(ValueError, match="use Normal"):
        OGAN(MLP(8, D), MLP(D, 8), NonSaturating(), Unknown())
    with pytest.raises(ValueError, match="at least 3"):
        OGAN(MLP(2, D), MLP(D, 2), NonSaturating(), Normal(2))


def test_every_weight_of_the_generator_is_registered():
    """Gray pictures, second defect: layers made anew in each forward pass were never trained."""
    generator = DCGANGenerator(16, 16, 1, width=16).eval()
    z = torch.randn(3, 16)
    assert torch.equal(generator(z), generator(z))
    leaves, queue = set(), [generator(z).grad_fn]
    while queue:
        node = queue.pop()
        if hasattr(node, "variable"):
            leaves.add(id(node.variable))
        queue += [n for n, _ in node.next_functions if n is not None]
    assert leaves == {id(p) for p in generator.parameters()}


@pytest.mark.parametrize(
    ("objective", "room"),
    [
        (SlopeQuadratic(0.25), lambda a, b: 4 * (a - b).square().mean(1)),
        (Quadratic(10.0), lambda a, b: 20 * (a - b).abs().mean(1)),
    ],
)
def test_quadratic_losses_are_per_sample(objective, room):
    """Gray pictures, third defect: (n, 1) over (n,) divided each gap by every other pair's distance."""
    x, y = data(1).x, data(2).x
    critic = Counted().double()
    gap = critic(x) - critic(y)
    wanted = [g.square() / room(x[i : i + 1], y[i : i + 1])[0] - g for i, g in enumerate(gap)]
    torch.testing.assert_close(objective.critic_loss(critic, x, y), torch.stack(wanted).mean())
    with pytest.raises(ValueError, match="squeeze"):
        objective.critic_loss(Counted(outputs=1).double(), x, y)


def test_two_points_under_the_quadratic_potentials():
    """The best gap and value between two points, in closed form."""
    x, y = torch.zeros(1, 4, dtype=torch.float64), torch.full((1, 4), 3.0, dtype=torch.float64)
    for objective, gap, value in ((Quadratic(10.0), 30.0, -15.0), (SlopeQuadratic(0.25), 18.0, -9.0)):

        def critic(s, gap=gap):
            return -gap * s[:, 0] / 3

        torch.testing.assert_close(float(objective.critic_loss(critic, x, y)), value)
        for other in (0.9 * gap, 1.1 * gap):
            assert objective.critic_loss(lambda s, g=other: -g * s[:, 0] / 3, x, y) > value


def test_networks_fit_each_other():
    for size in (8, 16, 32, 64, 128, 256):
        generator = DCGANGenerator(16, size, 3, width=16)
        pictures = generator(torch.randn(2, 16))
        assert pictures.shape == (2, 3, size, size) and pictures.abs().max() <= 1
        critic = DCGANCritic(size, 3, width=16)
        assert score(critic, pictures).shape == (2,)
        assert not any(isinstance(m, nn.BatchNorm2d) for m in critic.modules())
        assert slope(critic, track(pictures.detach())).shape == (2,)
    for size in (28, 4, 512, 0):
        with pytest.raises(ValueError, match="a power of two from 8 to 256"):
            DCGANGenerator(16, size, 1)


def test_normalization_is_passed_in():
    critic = DCGANCritic(32, 1, width=16, normalize=lambda c: nn.GroupNorm(4, c))
    assert sum(isinstance(m, nn.GroupNorm) for m in critic.modules()) == 3
    plain = DCGANGenerator(16, 32, 1, width=16, normalize=None)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in plain.modules())
    assert plain.start.bias is not None
    assert MLP(2, 3, normalize=nn.LayerNorm)(torch.zeros(2, 2)).shape == (2, 3)


def test_codes_are_directions():
    """With many coordinates a standardized code is as long as a standard normal latent."""
    z = torch.randn(1000, 64)
    assert normalize(z).mul(8).sub(standardize(z)).norm(dim=1).mean() < 1.5


@pytest.mark.parametrize("side", ["critic", "generator"])
def test_the_loss_is_the_objectives_less_the_correlation(side):
    game = make("O-GAN NS+R1+R2")
    _, said = Pull()(game.players()[side], data(0), (0,))
    with keyed(Part((0,), 0, 8, 8)):
        z = game.latent(8, data(0).x)
    real, fake = track(data(0).x), track(game.generator(z).detach())
    bare = getattr(game.objective, f"{side}_loss")(lambda x: game.encoder(x).mean(1), real, fake)
    rho = [np.corrcoef(a, b)[0, 1] for a, b in zip(z.numpy(), game.encoder(fake).detach().numpy(), strict=True)]
    torch.testing.assert_close(said["loss"], (bare - 0.5 * np.mean(rho)).detach())


def test_the_correlation_rises():
    torch.manual_seed(0)
    game = OGAN(mlp(Z, D), Counted(outputs=Z), NonSaturating(), Normal(Z)).double()
    dynamics = Alternating(adams(game, 3e-3))
    rho = [float(dynamics.step(game.players(), data, (0,))["critic/correlation"]) for _ in range(100)]
    assert np.mean(rho[-10:]) > np.mean(rho[:10]) + 0.3


def test_mixed_codes_are_standardized_before_they_are_decoded():
    game = make("O-GAN NS+R1+R2")
    a, b = data(0).x[:2], data(0).x[2:4]
    middle = standardize((game.encode(a) + game.encode(b)) / 2)
    torch.testing.assert_close(game.interpolate(a, b, 3)[:, 1], game.decode(middle))


def test_an_encoder_of_another_size_is_refused():
    game = OGAN(mlp(Z, D), Counted(outputs=Z + 1), NonSaturating(), Normal(Z)).double()
    with pytest.raises(ValueError, match="as many outputs as the latent"):
        game.critic_loss(data(0))


@pytest.mark.parametrize("log", [False, True])
def test_the_polar_head_scores_by_length_and_leaves_the_direction(log):
    head, code = Radius(log), codes()
    lengths = code.norm(dim=1)
    torch.testing.assert_close(head(code), lengths.log() if log else lengths)
    torch.testing.assert_close(head(3 * code), head(code) + math.log(3) if log else 3 * head(code))
    game = OGAN(mlp(Z, D), Counted(outputs=Z), NonSaturating(), Normal(Z), head=head).double()
    v, w = codes(d=Z, seed=1), codes(d=Z, seed=2)
    cosine = nn.functional.cosine_similarity(v, w)
    torch.testing.assert_close(game.agreement(v, w), cosine)
    torch.testing.assert_close(game.agreement(v, 5 * w), cosine)  # blind to scale, and not to a shift
    assert not torch.allclose(game.agreement(v, w + 1), cosine)
    torch.testing.assert_close(game.free(v).norm(dim=1), torch.full((5,), Z**0.5, dtype=torch.float64))
    torch.testing.assert_close(game.encode(data(0).x), game.free(game.critic(data(0).x).detach()))


def test_the_gradient_of_the_cosine_leaves_the_length():
    v, w = codes(d=Z, seed=1), codes(d=Z, seed=2).requires_grad_()
    game = OGAN(mlp(Z, D), Counted(outputs=Z), NonSaturating(), Normal(Z), head=Radius()).double()
    (g,) = torch.autograd.grad(game.agreement(v, w).sum(), w)
    torch.testing.assert_close((g * w).sum(1), torch.zeros(5, dtype=torch.float64))


def test_a_code_of_length_zero_is_finite():
    code = torch.zeros(2, 4, requires_grad=True)
    for head in (Radius(), Radius(log=True)):
        (g,) = torch.autograd.grad(head(code).sum(), code)
        assert head(code).isfinite().all() and g.isfinite().all()
    assert direction(code).eq(0).all()
