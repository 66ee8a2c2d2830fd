"""Critics of maps, and several critics in one: the losses of VQGAN and HiFi-GAN as formulas, and what is refused."""

import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss, relu

from gansmith.batch import Batch
from gansmith.dynamics import Pull
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import (
    Divergence,
    Fisher,
    Hinge,
    KernelDiscrepancy,
    LeastSquares,
    MeanMatching,
    NonSaturating,
    PairwiseQuadratic,
    Patchwise,
    Quadratic,
    Relativistic,
    Several,
    SlopeQuadratic,
    Wasserstein,
    balance,
)
from gansmith.regularizers import R1, R2, ClipWeights, FeatureMatching, GradientPenalty, LeCam


class Maps(nn.Module):
    """A patch critic of pictures, which counts its passes."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.SiLU(), nn.Conv2d(4, 1, 3))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.net(x)


class Scales(nn.Module):
    """Two patch critics at two resolutions, with their feature maps."""

    def __init__(self, maps=True):
        super().__init__()
        self.nets = nn.ModuleList(
            nn.ModuleList([nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)]) for _ in range(2)
        )
        self.maps, self.calls = maps, 0

    def forward(self, x):
        self.calls += 1
        scores, maps = [], []
        for first, last in self.nets:
            hidden = nn.functional.leaky_relu(first(x), 0.1)
            scores.append(last(hidden))
            maps += [hidden, scores[-1]]
            x = nn.functional.avg_pool2d(x, 2)
        return (scores, maps) if self.maps else scores


def pictures(seed):
    return torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Y = pictures(0), pictures(1) + 0.5


def make(kind, **options):
    torch.manual_seed(0)
    return kind(**options).double()


def test_the_hinge_of_vqgan():
    """Per patch; VQGAN has a factor 1/2 in the critic's loss that Hinge has not."""

    def critic(x):
        return 2 * x  # a map with places on both sides of the margins

    o, real, fake = Patchwise(Hinge()), critic(X).detach(), critic(Y).detach()
    torch.testing.assert_close(o.critic_loss(critic, X, Y), relu(1 - real).mean() + relu(1 + fake).mean())
    torch.testing.assert_close(o.generator_loss(critic, X, Y), -fake.mean())
    averaged = relu(1 - real.mean((1, 2, 3))).mean() + relu(1 + fake.mean((1, 2, 3))).mean()
    assert not torch.allclose(averaged, o.critic_loss(critic, X, Y))  # the map is not averaged first


def test_the_losses_of_hifi_gan():
    """Least squares without the 1/2, sums over critics, twice the maps' distances: all of it twice ours."""
    critic = make(Scales)
    o = Several(Patchwise(LeastSquares())) + FeatureMatching(1.0)
    (real, real_maps), (fake, fake_maps) = critic(X), critic(Y)
    of_critic = sum(((1 - r) ** 2).mean() + (f**2).mean() for r, f in zip(real, fake, strict=True))
    torch.testing.assert_close(2 * o.critic_loss(critic, X, Y), of_critic)
    adversarial = sum(((1 - f) ** 2).mean() for f in fake)
    matching = sum(l1_loss(f, r) for f, r in zip(fake_maps, real_maps, strict=True))
    torch.testing.assert_close(2 * o.generator_loss(critic, X, Y), adversarial + 2 * matching)


def test_the_arguments_of_the_cross_entropy_are_in_order():
    """A copied tokenizer loss has them exchanged: its critic never sees a fake sample."""
    critic, y = make(Maps), Y.clone().requires_grad_()
    (slope,) = torch.autograd.grad(Patchwise(NonSaturating()).critic_loss(critic, X, y), y)
    assert slope.abs().max() > 1e-4
    exchanged = nn.functional.binary_cross_entropy_with_logits(torch.zeros_like(critic(y)), critic(y))
    (none,) = torch.autograd.grad(exchanged, y)
    assert none.abs().max() < 1e-12


@pytest.mark.parametrize("wrap", [Patchwise, lambda o: Several(Patchwise(o))])
@pytest.mark.parametrize("term", [R1, R2, GradientPenalty, LeCam, lambda: ClipWeights(0.1)])
def test_terms_inside_and_outside_are_the_same(wrap, term):
    critic = make(Maps) if wrap is Patchwise else make(Scales)
    values = []
    for o in (wrap(Hinge()) + term(), wrap(Hinge() + term())):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            values.append(o.critic_loss(critic, X, Y))
        assert o.additive and not o.logits
    torch.testing.assert_close(*values)


def test_the_slope_of_a_patch_critic_is_that_of_its_mean():
    critic, x = make(Maps), X.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(critic(x).mean((1, 2, 3)).sum(), x)
    o = Patchwise(Hinge()) + R1(2.0)
    found = o.critic_loss(critic, X, Y) - Patchwise(Hinge()).critic_loss(critic, X, Y)
    torch.testing.assert_close(found, wanted.square().sum((1, 2, 3)).mean())


def test_each_picture_is_seen_once():
    for critic, o in (
        (make(Maps), Patchwise(Relativistic()) + R1()),
        (make(Scales), Several(Patchwise(Hinge())) + R1() + FeatureMatching()),
    ):
        game = GAN(nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, (1, 8, 8))), critic, o, Normal(4)).double()
        for player in game.players().values():
            critic.calls = 0
            gradients, _ = Pull()(player, Batch(X, None, torch.arange(6)), (0, 0))
            assert critic.calls == 2 and all(g is not None and g.isfinite().all() for g in gradients[:-1])


def test_scores_of_several_heads():
    def heads(x):
        return [x.flatten(1).sum(1), 2 * x.flatten(1).sum(1)]

    total = Several(Relativistic(average=True)).critic_loss(heads, X, Y)
    parts = [Relativistic(average=True).critic_loss(lambda x, k=k: heads(x)[k], X, Y) for k in (0, 1)]
    torch.testing.assert_close(total, sum(parts))
    assert not Several(Relativistic(average=True)).additive


@pytest.mark.parametrize(
    "make",
    [
        Quadratic,
        SlopeQuadratic,
        PairwiseQuadratic,
        KernelDiscrepancy,
        lambda: MeanMatching(2, 4),
        lambda: Quadratic() + R1(),
    ],
)
def test_objectives_that_need_one_score_per_sample_refuse_maps(make):
    with pytest.raises(ValueError, match="needs one score per sample"):
        Patchwise(make())


@pytest.mark.parametrize("objective", [Wasserstein, Divergence, Fisher, NonSaturating, Hinge])
def test_objectives_of_scores_take_maps(objective):
    critic = make(Maps)
    assert Patchwise(objective()).critic_loss(critic, X, Y).isfinite()
    assert Patchwise(objective()).generator_loss(critic, X, Y).isfinite()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Hinge().critic_loss(make(Maps), X, Y), r"one score per sample.*Patchwise\(objective\)"),
        (lambda: Hinge().critic_loss(lambda s: s.flatten(1), X, Y), r"one score per sample.*Patchwise\(objective\)"),
        (
            lambda: Hinge().critic_loss(make(Scales), X, Y),
            r"one tensor of scores.*but got list: take Several\(objective\)",
        ),
        (lambda: Patchwise(Several(Hinge())), r"but Scales needs one score .*outside: Several\(Patchwise"),
        (lambda: Several(Hinge()).critic_loss(make(Maps), X, Y), "returns a list of scores or maps"),
        (lambda: Several(Hinge()).critic_loss(lambda s: [], X, Y), "returns a list of scores or maps"),
        (lambda: Several(Hinge()).critic_loss(lambda s: [s, "maps"], X, Y), "returns a list of scores or maps"),
        (lambda: Several(Fisher()), "without parameters or buffers"),
        (
            lambda: Several(Patchwise(Hinge())).critic_loss(lambda s: [s] * (2 if s is X else 3), X, Y),
            "as many scales for real as for fake samples, but the critic returned 2 and 3",
        ),
        (lambda: Patchwise(Hinge()).critic_loss(lambda s: s.mean(), X, Y), "not their mean"),
        (lambda: Patchwise(Relativistic()).critic_loss(make(Maps), X, Y[:3]), "6 real and 3 fake"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_balance_is_the_ratio_of_the_pulls():
    w = torch.randn(3, 4, requires_grad=True)
    x = torch.randn(5, 4)
    reconstruction, adversarial = (x @ w.T).square().mean(), (x @ w.T).sum()
    norms = [torch.autograd.grad(loss, w, retain_graph=True)[0].norm() for loss in (reconstruction, adversarial)]
    found = balance(reconstruction, adversarial, w)
    torch.testing.assert_close(found, norms[0] / (norms[1] + 1e-4))
    assert not found.requires_grad
    (pull,) = torch.autograd.grad(found * adversarial, w, retain_graph=True)
    torch.testing.assert_close(pull.norm(), norms[0], rtol=1e-4, atol=0)
    again = balance(reconstruction, 100 * adversarial, w) * 100 * adversarial
    torch.testing.assert_close(torch.autograd.grad(again, w, retain_graph=True)[0], pull, rtol=1e-4, atol=1e-6)
    reconstruction.backward()  # the graphs are still there
    assert w.grad is not None


def test_balance_stops_at_its_limit():
    w = torch.ones(2, requires_grad=True)
    assert float(balance(w.sum(), 0 * w.sum(), w)) == 1e4
    assert float(balance(w.sum(), 0 * w.sum(), w, limit=7.0)) == 7.0


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (lambda w: (w.sum(), torch.ones(()), w), "the adversarial loss does not depend on it"),
        (lambda w: (w.detach().sum(), w.sum(), w), "the reconstruction loss does not depend on it"),
        (lambda w: (w, w.sum(), w), r"the reconstruction loss has shape \(2,\)"),
        (lambda w: (w.sum(), w.sum(), w.detach()), "requires_grad=False"),
        (lambda w: (w.sum(), torch.ones(1, requires_grad=True).sum(), w), "does not depend on it"),
    ],
)
def test_balance_refuses(losses, message):
    with pytest.raises(ValueError, match=message):
        balance(*losses(torch.ones(2, requires_grad=True)))


@pytest.mark.parametrize("wrap", [Patchwise, Several])
def test_a_constraint_of_the_objective_is_handed_on(wrap):
    class Constrained(Hinge):
        projected = 0

        def project_(self, module):
            self.projected += 1

    inner = Constrained()
    (wrap(inner) + R1()).project_(make(Maps))
    assert inner.projected == 1
