"""The checks of one's own classes say in words what is wrong, also where it is not a number that is wrong."""

import pytest
import torch
from test_laws import REGULARIZERS
from torch.nn.functional import softplus
from toys import D, Z, data, make, mlp

from gansmith.batch import Batch
from gansmith.duel.scores import score
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Hinge, NonSaturating, Objective
from gansmith.regularizers import R1, Regularizer
from gansmith.testing import check_game, check_objective, check_regularizer


class Float(NonSaturating):
    def critic_loss(self, critic, real, fake):
        return super().critic_loss(critic, real, fake).item()


class Nothing(NonSaturating):
    def generator_loss(self, critic, real, fake):
        super().generator_loss(critic, real, fake)


class Cut(NonSaturating):
    def generator_loss(self, critic, real, fake):
        return super().generator_loss(critic, real, fake.detach()).detach()


class CutForCritic(NonSaturating):
    def critic_loss(self, critic, real, fake):
        return super().critic_loss(critic, real, fake).detach()


class CutJoint(NonSaturating):
    def joint_loss(self, critic, real, fake):
        return super().joint_loss(critic, real, fake).detach()


class NoFake(NonSaturating):
    """Reads the real samples only."""

    def critic_loss(self, critic, real, fake):
        return softplus(-score(critic, real)).mean()


class Half(Objective):
    def critic_loss(self, critic, real, fake):
        return softplus(-score(critic, real)).mean() + softplus(score(critic, fake)).mean()


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (Float, "critic_loss: a loss is a scalar tensor, but got float"),
        (Nothing, "generator_loss: a loss is a scalar tensor, but got NoneType"),
        (Cut, "generator_loss: no gradient"),
        (CutForCritic, "critic_loss: no gradient"),
        (CutJoint, "joint_loss: its gradient in fake"),
        (NoFake, "lowering fake scores"),
        (Half, "generator_loss: not defined"),
    ],
)
def test_a_wrong_objective_is_told_its_law(wrong, law):
    with pytest.raises(AssertionError, match=law):
        check_objective(wrong())


class OneEach(R1):
    def forward(self, critic, real, fake, witness=None):
        return score(critic, real).square()


class FloatTerm(R1):
    def forward(self, critic, real, fake, witness=None):
        return super().forward(critic, real, fake).item()


class NoReturn(R1):
    def forward(self, critic, real, fake, witness=None):
        super().forward(critic, real, fake)


class NoWitness(R1):
    def forward(self, critic, real, fake):
        return super().forward(critic, real, fake)


class WitnessNeeded(R1):
    def forward(self, critic, real, fake, witness):
        return super().forward(critic, real, fake)


class Aside(R1):
    side = "discriminator"


class OneEachOfGenerator(OneEach):
    side = "generator"

    def forward(self, critic, real, fake, witness=None):
        return score(critic, fake).square()


class Constant(R1):
    def forward(self, critic, real, fake, witness=None):
        return super().forward(critic, real, fake).detach()


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (OneEach, "finite scalar"),
        (OneEachOfGenerator, "finite scalar"),
        (FloatTerm, "returned float"),
        (NoReturn, "a return missing"),
        (NoWitness, r"forward\(critic, real, fake, witness=None\)"),
        (WitnessNeeded, r"forward\(critic, real, fake, witness=None\)"),
        (Aside, "critic, generator or both, but it is 'discriminator'"),
        (Constant, "graph cut"),
    ],
)
def test_a_wrong_regularizer_is_told_its_law(wrong, law):
    with pytest.raises(AssertionError, match=law):
        check_regularizer(wrong())


def test_a_term_that_does_nothing_at_all_is_seen():
    with pytest.raises(AssertionError, match="a return missing"):
        check_regularizer(Regularizer())


def test_what_is_no_instance_is_refused():
    with pytest.raises(ValueError, match=r"an Objective, but got the class Hinge: .* Hinge\(\)"):
        check_objective(Hinge)
    with pytest.raises(ValueError, match="an Objective, but got R1"):
        check_objective(R1())
    with pytest.raises(ValueError, match=r"a Regularizer, but got the class R1: .* R1\(\)"):
        check_regularizer(R1)
    with pytest.raises(ValueError, match="a Game, but got the class GAN"):
        check_game(GAN, data(0))


def bare(x):
    return x.sum(1)


def test_a_critic_without_weights_is_refused():
    with pytest.raises(ValueError, match=r"a torch.nn.Module as critic, but got function"):
        check_objective(Hinge(), bare)
    with pytest.raises(ValueError, match=r"a torch.nn.Module as critic, but got function"):
        check_regularizer(R1(), bare)


@pytest.mark.parametrize("n", [1, 3])
def test_a_game_is_checked_on_four_samples_at_least(n):
    batch = data(0)
    with pytest.raises(ValueError, match=f"at least four samples, but got {n}"):
        check_game(make("GAN hinge"), Batch(batch.x[:n], None, batch.index[:n]))


@pytest.mark.parametrize("loss", [0.0, None])
def test_a_game_whose_loss_is_no_tensor_is_told(loss):
    class Wrong(GAN):
        def generator_loss(self, batch):
            return loss

    game = Wrong(mlp(Z, D), torch.nn.Sequential(mlp(D, 1), torch.nn.Flatten(0)), Hinge(), Normal(Z)).double()
    with pytest.raises(ValueError, match=f"scalar tensor.*{type(loss).__name__}"):
        check_game(game, data(0))


def test_a_constraint_alone_is_no_missing_return():
    check_regularizer(REGULARIZERS["ClipWeights"]())
    check_regularizer(REGULARIZERS["Lazy constraint"]())
