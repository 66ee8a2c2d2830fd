"""What goes badly together is said once; what goes well together is not."""

import warnings

import pytest
import torch
from runs import OF_IMAGES
from torch import nn
from torch.nn.utils import parametrizations
from toys import GAMES, WHOLE_BATCH, Counted, D, Mapped, Z, adams, data, make, mlp

from gansmith import recipes
from gansmith.data import load
from gansmith.dynamics import Alternating, Pull
from gansmith.dynamics.conflicts import conflicts, conflicts_with_data
from gansmith.games import GAN, OGAN
from gansmith.games.latents import Normal
from gansmith.networks import DCGANCritic, spectral_norm
from gansmith.objectives import Divergence, Hinge, NonSaturating, Pointwise, Relativistic, Saturating, Wasserstein
from gansmith.regularizers import (
    DRAGAN,
    R1,
    ClipWeights,
    Consistency,
    FeatureMatching,
    GradientPenalty,
    GradientPower,
    Lazy,
    LeCam,
)
from gansmith.runs.lookup import described
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.loop import Training, train

SLOPES = [R1(), GradientPenalty(), GradientPower(), DRAGAN(), Lazy(R1(), 2)]


def said(critic, objective, autocast=None):
    return conflicts(GAN(mlp(Z, D), critic, objective, Normal(Z)).players(), autocast)


def twice():
    layer = parametrizations.spectral_norm(nn.Linear(D, 4))
    return nn.Sequential(parametrizations.spectral_norm(layer), nn.ReLU(), nn.Linear(4, 1), nn.Flatten(0))


def both_forms():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = nn.utils.spectral_norm(nn.Linear(D, 1))
    return nn.Sequential(nn.Sequential(parametrizations.spectral_norm(layer, "weight_orig")), nn.Flatten(0))


@pytest.mark.parametrize("term", SLOPES, ids=lambda t: type(t).__name__)
def test_batch_norm_under_slopes(term):
    name = type(term.term if isinstance(term, Lazy) else term).__name__
    (sentence,) = said(Counted(batch_norm=True), Hinge() + term)
    assert sentence.startswith(f"BatchNorm in a critic under {name}:") and "LayerNorm" in sentence


def test_batch_norm_where_it_does_no_harm():
    assert not said(Counted(batch_norm=True), Hinge() + ClipWeights() + LeCam() + Consistency())
    assert not said(Counted(batch_norm=True).eval(), Hinge() + R1())  # by fixed statistics: sample by sample
    for harmless in (nn.LayerNorm, nn.InstanceNorm1d):
        assert not said(nn.Sequential(Counted(), harmless(4)), Hinge() + R1())
    game = GAN(mlp(Z, D, batch_norm=True), Counted(spectral=True), Hinge() + R1(), Normal(Z))
    assert not conflicts(game.players())


def test_batch_norm_beside_spectral_norm():
    (sentence,) = said(Counted(batch_norm=True, spectral=True), Hinge())
    assert sentence.startswith("BatchNorm in a critic with spectral normalization:")
    assert len(said(Counted(batch_norm=True, spectral=True), Hinge() + R1())) == 2


def test_half_precision_under_slopes():
    for critic, autocast in ((Counted(), torch.float16), (Counted().half(), None)):
        (sentence,) = said(critic, Wasserstein() + GradientPenalty(), autocast)
        assert sentence.startswith("float16 under GradientPenalty:") and "bfloat16" in sentence
        assert not said(critic, Hinge(), autocast)
    assert not said(Counted(), Wasserstein() + GradientPenalty(), torch.bfloat16)
    assert not said(Counted().bfloat16(), Wasserstein() + GradientPenalty())


class Tutorial(nn.Module):
    """As many tutorials write a critic."""

    def __init__(self, *last):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(D, 8), nn.Sigmoid(), nn.Linear(8, 1), *last)

    def forward(self, x):
        return self.main(x).squeeze(1)


def test_a_sigmoid_before_logits():
    for last in ((nn.Sigmoid(),), (nn.Sigmoid(), nn.Flatten()), (nn.Hardsigmoid(),)):
        for objective in (NonSaturating(), Saturating(), Divergence(), Relativistic(), Relativistic(average=True)):
            for whole in (objective, objective + R1()):
                (sentence,) = said(Tutorial(*last), whole)
                assert sentence.startswith(f"a sigmoid is the last layer of a critic under {type(objective).__name__}:")
                assert "of its own" not in sentence and "the whole real line" in sentence
        assert not said(Tutorial(*last), Hinge()) and not said(Tutorial(*last), Wasserstein() + R1())
    assert not said(Tutorial(), NonSaturating())  # its sigmoid is inside
    head = nn.Sequential(nn.Linear(Z, 1), nn.Sigmoid())
    game = OGAN(mlp(Z, D), Counted(outputs=Z), NonSaturating(), Normal(Z), head=head)
    assert len(conflicts(game.players())) == 1
    game = OGAN(mlp(Z, D), nn.Sequential(Counted(outputs=Z), nn.Sigmoid()), NonSaturating(), Normal(Z))
    assert not conflicts(game.players())  # the head comes after it


def test_an_objective_of_ones_own_may_say_that_its_scores_are_logits():
    class Own(Pointwise):
        logits = True

        def __init__(self):
            super().__init__(torch.neg, torch.exp, torch.neg)

    assert len(said(Tutorial(nn.Sigmoid()), Own() + R1())) == 1


@pytest.mark.parametrize("critic", [twice, both_forms])
def test_spectral_norm_twice(critic):
    (sentence,) = said(critic(), Hinge())
    assert sentence.startswith("spectral normalization 2 times on the layer 0.0")
    generator = nn.Sequential(parametrizations.spectral_norm(parametrizations.spectral_norm(nn.Linear(Z, D))))
    assert len(conflicts(GAN(generator, Counted(), Hinge(), Normal(Z)).players())) == 1
    assert not said(spectral_norm(DCGANCritic(8, 1, width=16)), Hinge() + R1())
    recurrent = parametrizations.spectral_norm(nn.GRU(D, 4), "weight_ih_l0")
    assert not said(parametrizations.spectral_norm(recurrent, "weight_hh_l0"), Hinge())  # two tensors, once each


def test_lazy_terms_on_few_samples():
    game = GAN(mlp(Z, D), Counted(), Hinge() + Lazy(R1(), 4), Normal(Z))
    (sentence,) = conflicts_with_data(game, samples=255, batch=64)
    assert sentence.startswith("R1 in every 4th move on 255 training samples:") and "every=3 or less" in sentence
    assert not conflicts_with_data(game, samples=256, batch=64)
    other = GAN(mlp(Z, D), Mapped(), Hinge() + Lazy(FeatureMatching(), 4), Normal(Z))
    assert not conflicts_with_data(other, samples=32, batch=64)  # the generator sees no sample to learn by heart
    always = GAN(mlp(Z, D), Counted(), Hinge() + R1() + Lazy(R1(), 1), Normal(Z))
    assert not conflicts_with_data(always, samples=32, batch=64)


def test_a_dynamics_warns_in_its_first_step_only():
    game = GAN(mlp(Z, D), Counted(batch_norm=True), NonSaturating() + R1(), Normal(Z)).double()
    dynamics = Alternating(adams(game))
    with pytest.warns(UserWarning, match="BatchNorm in a critic under R1") as seen:
        dynamics.step(game.players(), data, (0,))
    dynamics.step(game.players(), data, (0,))
    assert len(seen) == 1


def test_a_dynamics_knows_its_precision():
    game = make("WGAN-GP", torch.float32)
    dynamics = Alternating(adams(game), pull=Pull(autocast=torch.float16))
    with pytest.warns(UserWarning, match="float16 under GradientPenalty"):
        dynamics.step(game.players(), lambda i: data(i, dtype=torch.float32), (0,))


def test_training_warns_of_its_data():
    digits = load("digits")
    size = digits.shape[1] * digits.shape[2]
    critic = nn.Sequential(nn.Flatten(), Counted(size))
    generator = nn.Sequential(mlp(Z, size), nn.Unflatten(1, digits.shape))
    game = GAN(generator, critic, NonSaturating() + Lazy(R1(), 30), Normal(Z))
    training = Training(
        Experiment([Stage(game, Alternating(adams(game)), digits, 2)]), device="cpu", precision="float32"
    )
    with pytest.warns(UserWarning, match="R1 in every 30th move"):
        train(training)


@pytest.mark.parametrize("name", [*GAMES, *WHOLE_BATCH])
def test_silence_on_toys(name):
    assert not conflicts(make(name).players()) and not conflicts_with_data(make(name), 24, 8)


@pytest.mark.parametrize(
    ("name", "source"), [(n, s) for n in described() for s in ("digits", "ring") if s == "digits" or n not in OF_IMAGES]
)
def test_silence_on_recipes(name, source):
    found = load(source)
    for stage in getattr(recipes, name.replace("-", "_"))(found, steps=1).stages:
        assert not conflicts(stage.game.players(), torch.bfloat16)
        assert not conflicts_with_data(stage.game, len(found.train), stage.batch)
