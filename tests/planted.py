"""Errors planted in the library, and the claims that must turn red under each of them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import softplus

from gansmith import chance
from gansmith.duel.scores import score
from gansmith.dynamics import Alternating, Pull, Simultaneous
from gansmith.games import ogan
from gansmith.objectives import Pointwise, Quadratic, Relativistic, SlopeQuadratic, pointwise, quadratic
from gansmith.regularizers import R1, R2, ClipWeights, GradientPenalty, gradient_penalty, zero_centered


@dataclass(frozen=True)
class Planted:
    """An error in words, what makes it, and how the statements begin that must turn red."""

    error: str
    plant: Callable
    red: tuple[str, ...]


PLANTED: list[Planted] = []


def planted(error, *red):
    """Adds the decorated function, which plants an error through pytest's monkeypatch."""

    def add(plant):
        PLANTED.append(Planted(error, plant, red))
        return plant

    return add


# objectives


@planted(
    "the real scores' softplus is too steep",
    "non-saturating:",
    "Dirac GAN, non-saturating",
    "one loss",
    "two lines t apart, non-saturating",
    "O-GAN: each player's loss",
)
def _(patch):
    patch.setattr(pointwise, "_miss", lambda t: softplus(-2 * t))


@planted(
    "a low score means real",
    "non-saturating: the best critic",
    "two lines t apart, non-saturating: L_D",
)
def _(patch):
    patch.setattr(pointwise, "_miss", softplus)


@planted(
    "fake samples count twice in a pointwise critic's loss",
    "Dirac GAN, saturating",
    "Dirac GAN, hinge",
    "Dirac GAN, Wasserstein",
    "pure rotation",
    "hinge with weight decay",
    "hinge: the best critic",
    "hinge: f'",
    "Wasserstein: of a hundred",
    "saturating: f'",
    "Wasserstein: f'",
)
def _(patch):
    patch.setattr(
        Pointwise,
        "critic_loss",
        lambda self, critic, real, fake: self.f(score(critic, real)).mean() + 2 * self.g(score(critic, fake)).mean(),
    )


@planted(
    "a pointwise generator's loss has the wrong sign",
    "hinge: the generator's gradient",
    "two lines t apart, saturating",
    "two lines t apart, hinge",
    "two lines t apart, Wasserstein",
    "Dirac GAN, saturating",
    "Dirac GAN, Wasserstein: the field",
    "non-saturating: f'",
    "saturating:",
    "hinge: f'",
    "Wasserstein: f'",
)
def _(patch):
    patch.setattr(Pointwise, "generator_loss", lambda self, critic, real, fake: -self.h(score(critic, fake)).mean())


@planted(
    "a pointwise critic's loss is doubled",
    "non-saturating: the best critic",
    "hinge: the best critic",
    "Wasserstein",
    "clipped weights: the gap",
    "Wasserstein: of a hundred",
)
def _(patch):
    right = Pointwise.critic_loss
    patch.setattr(Pointwise, "critic_loss", lambda *duel: 2 * right(*duel))


@planted(
    "the hinge's margin for real samples is 2",
    "hinge: the best critic",
    "hinge with weight decay",
)
def _(patch):
    patch.setattr(pointwise, "_below", lambda t: torch.relu(2 - t))


@planted(
    "real scores are shrunk in a relativistic loss",
    "Dirac GAN, relativistic",
    "two lines t apart, relativistic",
    "relativistic pairs",
    "relativistic average: L_D =",
    "relativistic average: the best critic",
)
def _(patch):
    right = Relativistic._prefer
    patch.setattr(Relativistic, "_prefer", lambda self, high, low: right(self, 0.9 * high, low))


@planted(
    "the two halves of the relativistic average are not halved",
    "relativistic average: L_D =",
    "relativistic average: the best critic",
)
def _(patch):
    right = Relativistic._prefer
    patch.setattr(Relativistic, "_prefer", lambda *scores: 2 * right(*scores))


@planted(
    "the mean of the fake scores is detached in a relativistic average",
    "relativistic average: L_D =",
    "relativistic average: the best critic",
)
def _(patch):
    def prefer(self, high, low):
        return (softplus(low.mean() - high).mean() + softplus(low - high.mean().detach()).mean()) / 2

    patch.setattr(Relativistic, "_prefer", prefer)


@planted(
    "GAN-QP's room has no factor 2",
    "GAN-QP: the best critic",
    "GAN-QP, two points",
    "two lines t apart, GAN-QP:",
    "Dirac GAN, GAN-QP: the field",
)
def _(patch):
    right = Quadratic.room
    patch.setattr(Quadratic, "room", lambda *pair: right(*pair) / 2)


@planted(
    "GAN-QP's room is ten times as large, and does not depend on the weight",
    "GAN-QP: the best critic",
)
def _(patch):
    patch.setattr(Quadratic, "room", lambda self, real, fake: 60 * self.distance(real, fake))


@planted(
    "GAN-QP's gap shrinks the fake scores",
    "Dirac GAN, GAN-QP",
    "slope QP, two points",
)
def _(patch):
    def critic_loss(self, critic, real, fake):
        gap = score(critic, real) - 0.9 * score(critic, fake)
        return (gap.square() / (self.room(real, fake) + self.eps) - gap).mean()

    patch.setattr(Quadratic, "critic_loss", critic_loss)


@planted(
    "GAN-QP's critic only wants real scores high",
    "GAN-QP: the best critic",
)
def _(patch):
    def critic_loss(self, critic, real, fake):
        gap = score(critic, real) - score(critic, fake)
        return (gap.square() / (self.room(real, fake) + self.eps) - score(critic, real)).mean()

    patch.setattr(Quadratic, "critic_loss", critic_loss)


@planted(
    "GAN-QP's generator minimizes the quadratic term, too",
    "GAN-QP: the best critic",
    "GAN-QP, two points",
    "slope QP, two points",
    "two lines t apart, GAN-QP:",
    "O-GAN with the slope QP",
)
def _(patch):
    def generator_loss(self, critic, real, fake):
        gap = score(critic, real) - score(critic, fake)
        return (gap - gap.square() / (self.room(real, fake) + self.eps)).mean()

    patch.setattr(Quadratic, "generator_loss", generator_loss)


@planted(
    "the slope QP's room is GAN-QP's",
    "slope QP, two points",
    "two lines t apart, slope QP",
    "Dirac GAN, slope QP",
    "O-GAN with the slope QP",
)
def _(patch):
    patch.setattr(SlopeQuadratic, "room", Quadratic.room)


@planted(
    "distances are sums over pixels",
    "distances",
    "GAN-QP, two points",
    "two lines t apart, GAN-QP:",
)
def _(patch):
    patch.setattr(quadratic, "_mean", lambda of, x, y: of(x - y).flatten(1).sum(1))


# regularizers


@planted(
    "a gradient penalty takes the squared slope for the slope",
    "linear critic: GradientPenalty",
    "at D = |x|^2/2: GradientPenalty",
    "at D = |x|^2/2, x = 0",
    "two lines t apart, Wasserstein + GradientPenalty",
    "Dirac GAN, Wasserstein + GradientPenalty",
)
def _(patch):
    right = gradient_penalty.slope
    patch.setattr(gradient_penalty, "slope", lambda *at: right(*at).square())


@planted(
    "a gradient penalty's graph is cut",
    "linear critic: GradientPenalty is 10",
    "two lines t apart, Wasserstein + GradientPenalty",
    "Dirac GAN, Wasserstein + GradientPenalty",
)
def _(patch):
    right = gradient_penalty.slope
    patch.setattr(gradient_penalty, "slope", lambda *at: right(*at).detach().requires_grad_())


@planted(
    "a one-sided penalty has two sides",
    "linear critic: GradientPenalty(one_sided=True)",
)
def _(patch):
    patch.setattr(gradient_penalty, "relu", torch.abs)


@planted(
    "the target of a gradient penalty is 1, whatever was asked for",
    "linear critic: GradientPenalty(target=c)",
)
def _(patch):
    right = GradientPenalty.__init__

    def init(self, weight=10.0, target=1.0, one_sided=False):
        right(self, weight, 1.0, one_sided)

    patch.setattr(GradientPenalty, "__init__", init)


@planted(
    "segments go on beyond the fake sample",
    "at D = |x|^2/2, x = 0",
    "GradientPenalty's points",
)
def _(patch):
    right = chance.uniform
    patch.setattr(chance, "uniform", lambda *name, **like: 2 * right(*name, **like))


@planted(
    "R1 and R2 have no factor 1/2",
    "linear critic: R",
    "at D = |x|^2/2: R",
    "Dirac GAN, non-saturating + R",
    "Dirac GAN, Wasserstein + R1",
    "Dirac GAN, relativistic pairs + R1",
)
def _(patch):
    right = zero_centered.slope
    patch.setattr(zero_centered, "slope", lambda *at: 2 * right(*at))


@planted(
    "R1 is taken on fake samples and R2 on real ones",
    "at D = |x|^2/2: R",
)
def _(patch):
    r1, r2 = R1.forward, R2.forward
    patch.setattr(R1, "forward", r2)
    patch.setattr(R2, "forward", r1)


@planted(
    "weights are not clipped",
    "clipped weights: no parameter",
)
def _(patch):
    patch.setattr(ClipWeights, "project_", lambda self, module: None)


# dynamics and games


@planted(
    "simultaneous players alternate",
    "pure rotation, simultaneous",
    "one loss",
)
def _(patch):
    def one_after_the_other(self, *arguments):
        self.moves = {}
        return Alternating._round(self, *arguments)

    patch.setattr(Simultaneous, "_round", one_after_the_other)


@planted(
    "alternating players move at once",
    "pure rotation, alternating",
)
def _(patch):
    patch.setattr(Alternating, "_round", Simultaneous._round)


@planted(
    "gradients have the wrong sign",
    "gradient descent",
    "x = c phi",
    "one loss",
    "O-GAN with the slope QP",
)
def _(patch):
    right = Pull.__call__

    def flipped(self, *arguments):
        gradients, said = right(self, *arguments)
        return [None if g is None else -g for g in gradients], said

    patch.setattr(Pull, "__call__", flipped)


@planted(
    "codes are divided by the deviation of a sample, n - 1",
    "correlation: numpy's",
    "correlation: |N(z) - N(w)|^2",
    "standardize",
)
def _(patch):
    patch.setattr(ogan, "standardize", lambda v: (v - v.mean(1, keepdim=True)) / v.std(1, keepdim=True))


@planted(
    "codes are not centered",
    "correlation",
    "standardize",
)
def _(patch):
    patch.setattr(ogan, "standardize", lambda v: v / v.square().mean(1, keepdim=True).sqrt())


@planted(
    "O-GAN's correlation has the wrong sign",
    "correlation: numpy's",
    "correlation: rho(a z + b, w)",
    "O-GAN: each player's loss",
    "O-GAN with the slope QP",
    "O-GAN with a linear head",
)
def _(patch):
    patch.setattr(ogan, "correlation", lambda v, w: -(ogan.standardize(v) * ogan.standardize(w)).mean(1))
