"""Every public objective, regularizer and game against every law; and each law seen red under a planted error."""

import pytest
import torch
from every_objective import EVERY, EXCEPTIONS, OF_FEATURES, OF_LISTS, OF_PAIRS, M
from torch import nn
from torch.nn.functional import softplus
from toys import GAMES, WHOLE_BATCH, Coded, Counted, D, Listed, Mapped, Pairs, Z, data, make, mlp, nudge

from gansmith.batch import Batch
from gansmith.duel.scores import score
from gansmith.duel.slopes import track
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import (
    Fisher,
    Hinge,
    NonSaturating,
    Objective,
    Pointwise,
)
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
    Regularizer,
)
from gansmith.regularizers.points import mixed, on_both, on_fake, on_real, within
from gansmith.testing import check_game, check_objective, check_regularizer
from gansmith.testing.differences import smooth
from gansmith.testing.objectives import LAWS, duel_of

REGULARIZERS = {
    "GradientPenalty": GradientPenalty,
    "one-sided": lambda: GradientPenalty(target=0.1, one_sided=True),
    "R1": R1,
    "R2": R2,
    "ClipWeights": lambda: ClipWeights(0.1),
    "GradientPower": GradientPower,
    "GradientPower, p < 2": lambda: GradientPower(3.0, 1.5),
    **{f"GradientPower {at.__name__}": lambda at=at: GradientPower(1.0, 3.0, at) for at in (within, mixed)},
    **{f"GradientPower {at.__name__}": lambda at=at: GradientPower(1.0, 3.0, at) for at in (on_both, on_real, on_fake)},
    "DRAGAN": DRAGAN,
    "DRAGAN authors": lambda: DRAGAN(noise="authors"),
    "OrthogonalWeights": OrthogonalWeights,
    "OrthogonalWeights, diagonal": lambda: OrthogonalWeights(1.0, diagonal=True),
    "Consistency": lambda: Consistency(transform=nudge),
    "Consistency, real only": lambda: Consistency(fake_weight=0, transform=nudge),
    "LeCam": LeCam,
    "LeCam, two-sided": lambda: LeCam(one_sided=False),
    "Lazy": lambda: Lazy(GradientPenalty(), 3),
    "Lazy history": lambda: Lazy(LeCam(), 2),
    "Lazy constraint": lambda: Lazy(ClipWeights(0.1), 2),
}
WITH_CRITICS = {
    "Bottleneck": (lambda: Bottleneck(0.1, rate=0.5), Coded),
    "Bottleneck, lazy": (lambda: Lazy(Bottleneck(0.1, rate=0.5), 2), Coded),
    "FeatureMatching": (FeatureMatching, Mapped),
    "FeatureMatching of means": (lambda: FeatureMatching(of_means=True), Mapped),
    "FeatureMatching, lazy": (lambda: Lazy(FeatureMatching(), 2), Mapped),
}


def laid_out(name):
    """An objective by its name, and a critic of what it reads."""
    torch.manual_seed(0)
    critic = None
    if name in OF_FEATURES:
        critic = smooth(3, M)
    elif name in OF_LISTS:
        critic = Listed(smooth(3, M))
    elif name in OF_PAIRS:
        critic = Pairs(smooth(6, None))
    return EVERY[name](), critic


@pytest.mark.parametrize("name", EVERY)
def test_objective_keeps_the_laws(name):
    check_objective(*laid_out(name), except_for=EXCEPTIONS.get(name, ()))


@pytest.mark.parametrize(("name", "law"), [(name, law) for name, laws in EXCEPTIONS.items() for law in laws])
def test_an_exception_is_one(name, law):
    with pytest.raises(AssertionError):
        LAWS[law](duel_of(*laid_out(name)))


@pytest.mark.parametrize("name", REGULARIZERS)
def test_regularizer_keeps_the_laws(name):
    check_regularizer(REGULARIZERS[name]())


@pytest.mark.parametrize("name", WITH_CRITICS)
def test_regularizer_with_its_own_kind_of_critic_keeps_the_laws(name):
    torch.manual_seed(3)
    term, critic = WITH_CRITICS[name]
    check_regularizer(term(), critic().double())


def test_consistency_of_pictures_keeps_the_laws():
    check_regularizer(Consistency(), nn.Sequential(nn.Flatten(), smooth(128, None)), (2, 8, 8))


@pytest.mark.parametrize("name", [*GAMES, *WHOLE_BATCH])
def test_game_keeps_the_laws(name):
    check_game(make(name), data(0))


class Detached(NonSaturating):
    def generator_loss(self, critic, real, fake):
        return super().generator_loss(critic, real, fake) + score(critic, fake).detach().square().mean()


class LowIsReal(Pointwise):
    def __init__(self):
        super().__init__(softplus, lambda t: softplus(-t), softplus)


class OtherJoint(NonSaturating):
    def joint_loss(self, critic, real, fake):
        return super().joint_loss(critic, real, fake) * 2


class RealUp(Hinge):
    def __init__(self):
        super().__init__()
        self.k = torch.neg


class Summed(NonSaturating):
    def critic_loss(self, critic, real, fake):
        return super().critic_loss(critic, real, fake) * len(real)


class Unchecked(Objective):
    def critic_loss(self, critic, real, fake):
        return softplus(-critic(real)).mean() + softplus(critic(fake)).mean()

    def generator_loss(self, critic, real, fake):
        return softplus(-critic(fake)).mean()


class ByPlace(NonSaturating):
    def critic_loss(self, critic, real, fake):
        place = torch.arange(len(real), dtype=real.dtype)
        return softplus(-score(critic, real)).mean() + (place * softplus(score(critic, fake))).mean()


class PerSample(NonSaturating):
    def critic_loss(self, critic, real, fake):
        return softplus(-score(critic, real))


class Twice(NonSaturating):
    def critic_loss(self, critic, real, fake):
        return super().critic_loss(critic, real, fake) + 1e-3 * score(critic, real).square().mean()


class Unregistered(NonSaturating):
    def __init__(self):
        super().__init__()
        self.scales = [torch.ones((), dtype=torch.float64, requires_grad=True)]

    def critic_loss(self, critic, real, fake):
        return super().critic_loss(critic, real, fake) * self.scales[0]


class Shrinks(Fisher):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def critic_loss(self, critic, real, fake):
        return super().critic_loss(critic, real, fake) * self.scale

    @torch.no_grad()
    def project_(self, module):
        self.scale.mul_(0.5)


class Roots(NonSaturating):
    """Differentiable once: the second derivative is cut off."""

    def critic_loss(self, critic, real, fake):
        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x.square()

            @staticmethod
            def backward(ctx, g):
                return 2 * ctx.saved_tensors[0].detach() * g

        return super().critic_loss(critic, real, fake) + Square.apply(score(critic, real + 0.0)).mean()


class Unbiased(NonSaturating):
    additive = False

    def critic_loss(self, critic, real, fake):
        return super().critic_loss(critic, real, fake) * len(real) / (len(real) - 1)


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (Detached, "finite differences"),
        (LowIsReal, "high score = real"),
        (OtherJoint, "joint_loss"),
        (RealUp, "lowering real scores"),
        (Summed, "mean of its halves"),
        (Unchecked, "not refused"),
        (ByPlace, "order of pairs"),
        (PerSample, "scalar"),
        (Twice, "sees a sample 2 times"),
        (Unregistered, "no parameter of critic or objective"),
        (Shrinks, "idempotent"),
        (Roots, "differentiated twice"),
        (Unbiased, "every sample is there twice"),
    ],
)
def test_a_wrong_objective_is_seen(wrong, law):
    with pytest.raises(AssertionError, match=law):
        check_objective(wrong())


class CutGraph(Regularizer):
    def forward(self, critic, real, fake, witness=None):
        (slope,) = torch.autograd.grad(score(critic, real).sum(), real)
        return slope.square().sum(1).mean() + 0 * score(critic, fake).mean()


class NormOverBatch(Regularizer):
    def forward(self, critic, real, fake, witness=None):
        (slope,) = torch.autograd.grad(score(critic, real).sum(), real, create_graph=True)
        return (slope.norm() - 1).square()


class InPlace(R1):
    def forward(self, critic, real, fake, witness=None):
        real.data.mul_(2)
        return super().forward(critic, real, fake)


class Shrinking(ClipWeights):
    @torch.no_grad()
    def project_(self, module):
        for p in module.parameters():
            p.mul_(0.5)


class Undeclared(R1):
    slopes = False


class Restless(Regularizer):
    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, critic, real, fake, witness=None):
        self.count += 1
        return self.count * score(critic, real).square().mean()


class OwnDraws(Regularizer):
    def forward(self, critic, real, fake, witness=None):
        return score(critic, real + torch.randn_like(real)).square().mean()


class HalfDetached(R1):
    def forward(self, critic, real, fake, witness=None):
        value = super().forward(critic, real, fake)
        return value * value.detach()


class NormOverChannels(R1):
    def forward(self, critic, real, fake, witness=None):
        (slope,) = torch.autograd.grad(score(critic, real).sum(), real, create_graph=True)
        return (slope.norm(dim=1) - 1).square().mean()


class Forgetting(Lazy):
    """Its count is not saved."""

    def __init__(self):
        super().__init__(R1(), 2)

    def get_extra_state(self):
        return {"count": 0}


class CutMaps(FeatureMatching):
    def forward(self, critic, real, fake, witness=None):
        return super().forward(critic, real, fake.detach())


class HalfCutMaps(FeatureMatching):
    def forward(self, critic, real, fake, witness=None):
        return super().forward(critic, real, fake) * (1 + fake.detach().square().sum())


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (NormOverChannels, "vector of its pixels"),
        (Forgetting, "not in the state"),
        (CutGraph, "graph cut"),
        (NormOverBatch, "micro-batches"),
        (InPlace, "samples were changed"),
        (Shrinking, "idempotent"),
        (HalfDetached, "finite differences"),
        (Undeclared, "set slopes = True"),
        (Restless, "another value each time"),
        (OwnDraws, "draw rows by gansmith.chance"),
    ],
)
def test_a_wrong_regularizer_is_seen(wrong, law):
    with pytest.raises(AssertionError, match=law):
        check_regularizer(wrong())


@pytest.mark.parametrize(("wrong", "law"), [(CutMaps, "reaches the fake samples"), (HalfCutMaps, "finite differences")])
def test_a_wrong_term_of_the_generators_loss_is_seen(wrong, law):
    torch.manual_seed(3)
    with pytest.raises(AssertionError, match=law):
        check_regularizer(wrong(), Mapped().double())


class Shared(GAN):
    def players(self):
        players = super().players()
        players["generator"].modules.append(self.critic)
        return players


class Leaky(GAN):
    def critic_loss(self, batch):
        self.critic.net[0].weight.data.add_(1e-3)
        return super().critic_loss(batch)


class Idle(GAN):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.critic.extra = nn.Parameter(torch.ones(()))


class GlobalNoise(GAN):
    def fake(self, z, batch):
        return super().fake(z + torch.rand(z.shape, generator=self.generator_of_its_own).to(z), batch)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.generator_of_its_own = torch.Generator()

    def __deepcopy__(self, memo):
        return self


class WrongGradient(GAN):
    def generator_loss(self, batch):
        loss = super().generator_loss(batch)
        return loss + loss.detach().square()


class Whole(GAN):
    """Says that it is additive, and is not."""

    def critic_loss(self, batch):
        return super().critic_loss(batch).exp()


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (Shared, "share a parameter"),
        (Leaky, "changed a parameter"),
        (Idle, "no gradient in its move"),
        (GlobalNoise, "other bits"),
        (WrongGradient, "finite differences"),
        (Whole, "micro-batches differ"),
    ],
)
def test_a_wrong_game_is_seen(wrong, law):
    torch.manual_seed(0)
    game = wrong(mlp(Z, D), Counted(), NonSaturating(), Normal(Z)).double()
    with pytest.raises(AssertionError, match=law):
        check_game(game, data(0))


def test_a_game_that_forgets_still_would_train_its_generator_in_the_critics_move():
    """The gradient goes to the player's own parameters only, even where a game's loss has a path to others."""

    class NotStill(GAN):
        def critic_loss(self, batch):
            return self.objective.critic_loss(*self.duel(batch))

    torch.manual_seed(0)
    game = NotStill(mlp(Z, D), Counted(), NonSaturating() + R2(), Normal(Z)).double()
    check_game(game, data(0))
    assert all(p.grad is None for p in game.parameters())


def test_track_takes_no_gradient_away():
    x = track(torch.ones(3))
    assert track(x) is x and x.is_leaf
    assert Batch(x, None, torch.arange(3))[1:].x.shape == (2,)
