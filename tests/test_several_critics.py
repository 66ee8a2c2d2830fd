"""A generator against several critics: sums of losses, each objective with its own notes, weights and constraints."""

import pytest
import torch
from torch import nn
from trainings import resumed

from gansmith import chance
from gansmith.batch import Batch
from gansmith.chance import Part, keyed
from gansmith.data import load
from gansmith.dynamics import Pull
from gansmith.dynamics.conflicts import conflicts
from gansmith.evaluate.features import Features
from gansmith.examinations import measure
from gansmith.games import GAN, Beside, Normal, SeveralCritics
from gansmith.networks import FeatureCritic
from gansmith.networks.feature_critic import SHA256, WEIGHTS, Trunk
from gansmith.notes import notes
from gansmith.objectives import Fisher, Hinge, NonSaturating, Relativistic, Wasserstein
from gansmith.recipes import photos
from gansmith.regularizers import R1, ClipWeights
from gansmith.shipped import shipped
from gansmith.testing import check_game
from gansmith.training import Training

KEY = (3, 1)


def critic(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))


def generator():
    torch.manual_seed(9)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def batch(n=8):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(0)), None, torch.arange(n))


def build(*beside, objective=None, augment=None):
    return SeveralCritics(generator(), critic(1), objective or NonSaturating(), Normal(4), augment, beside=beside)


@pytest.mark.parametrize("loss", ["critic_loss", "generator_loss"])
def test_the_losses_add_up_by_their_weights(loss):
    game = build(Beside(critic(2), Hinge(), 0.5), Beside(critic(3), Wasserstein(), 2.0))
    alone = [
        GAN(generator(), critic(i + 1), o, Normal(4)) for i, o in enumerate([NonSaturating(), Hinge(), Wasserstein()])
    ]
    with keyed(Part(KEY)), notes() as said:
        found = getattr(game, loss)(batch())
    each = []
    for one in alone:
        with keyed(Part(KEY)):
            each.append(getattr(one, loss)(batch()))
    torch.testing.assert_close(found, each[0] + 0.5 * each[1] + 2 * each[2])
    torch.testing.assert_close([said["beside.0.loss"], said["beside.1.loss"]], [each[1].detach(), each[2].detach()])


def test_the_samples_are_generated_once_and_changed_once():
    made = []

    class Counted(nn.Module):
        def forward(self, z):
            made.append(len(z))
            return z[:, :2]

    seen = []

    def mark(x):
        x = x + chance.normal("mark", len(x), 2)
        seen.append(x)
        return x

    def watched(net):
        return nn.Sequential(net)

    game = build(Beside(watched(critic(2)), Hinge()), augment=mark)
    game.generator = Counted()
    with keyed(Part(KEY)):
        game.critic_loss(batch())
    assert made == [8] and len(seen) == 2


def test_the_laws_of_games():
    check_game(
        build(Beside(critic(2), Hinge() + R1(0.3), 0.5), objective=Relativistic() + R1(0.1)), batch(), smooth=False
    )
    check_game(build(Beside(critic(2), NonSaturating(), 0.5), objective=Relativistic()), batch())


def test_each_objective_follows_its_own_notes():
    """A Fisher critic beside another: its multiplier moves as in a game of its own, with the weight of the whole."""
    game, alone = build(Beside(critic(2), Fisher(0.1))), GAN(generator(), critic(2), Fisher(0.1), Normal(4))
    for one in (game, alone):
        player = one.players()["critic"]
        _, said = Pull()(player, batch(), KEY)
        player.advance_(said)
    assert alone.objective.multiplier != 0
    torch.testing.assert_close(game.beside[0].objective.multiplier, alone.objective.multiplier)
    assert not game.players()["critic"].additive and build(Beside(critic(2), Hinge())).players()["critic"].additive


def test_a_constraint_is_on_its_own_critic():
    game = build(Beside(critic(2), Wasserstein() + ClipWeights(0.01)))
    before = [p.clone() for p in game.critic.parameters()]
    game.players()["critic"].project_()
    assert all(torch.equal(p, old) for p, old in zip(game.critic.parameters(), before, strict=True))
    assert max(float(p.detach().abs().max()) for p in game.beside[0].critic.parameters()) <= 0.01


def test_without_a_second_critic_it_is_refused():
    with pytest.raises(ValueError, match="needs critics beside the first one, but got none"):
        build()
    with pytest.raises(ValueError, match="needs a finite weight >= 0, but got -1"):
        Beside(critic(2), Hinge(), -1)


# the critic of features


def by_hand(x):
    """The maps by the file itself."""
    w = shipped(WEIGHTS, SHA256)
    maps = []
    for i, stride in enumerate((1, 2, 1, 1, 2, 1, 1), 1):
        x = torch.conv2d(x, w[f"conv{i}.weight"], w[f"conv{i}.bias"], stride, 1).clamp(min=0)
        if i in (4, 7):
            name = {4: "fine", 7: "coarse"}[i]
            mean, deviation = (w[f"{name}.{of}"].view(-1, 1, 1) for of in ("mean", "deviation"))
            maps.append((x - mean) / deviation)
    return maps


def test_the_maps_are_those_of_the_file_and_pictures_are_seen_at_32_pixels():
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    small = (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4
    for mine, other in zip(Trunk()(x), by_hand(small), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)
    for mine, other in zip(Trunk()(small), by_hand(small), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)


def test_gray_pictures_are_seen_as_gray_colors_and_transparent_ones_over_white():
    x = torch.rand(2, 1, 32, 32) * 2 - 1
    torch.testing.assert_close(Trunk()(x)[1], Trunk()(x.repeat(1, 3, 1, 1))[1])
    colors = torch.rand(2, 4, 32, 32) * 2 - 1
    opaque = (colors[:, 3:] + 1) / 2
    white = opaque * colors[:, :3] + 1 - opaque
    torch.testing.assert_close(Trunk()(colors)[1], Trunk()(white)[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("sides", [(8, 8), (16, 24), (32, 32), (64, 96), (256, 256)])
def test_scores_of_pictures_of_every_size(sides):
    fine, coarse = FeatureCritic(8)(torch.zeros(2, 3, *sides))
    assert fine.shape[:2] == coarse.shape[:2] == (2, 1) and min(*fine.shape, *coarse.shape) > 0


def test_the_trunk_never_learns_and_is_in_no_state():
    net = FeatureCritic(8)
    names = [name for name, _ in net.named_parameters()]
    assert names and not any(name.startswith("trunk") for name in [*names, *net.state_dict()])
    x = torch.rand(2, 3, 32, 32, requires_grad=True)
    assert torch.autograd.grad(sum(s.sum() for s in net(x)), x)[0].abs().sum() > 0
    assert not any(map_.requires_grad for map_ in net.trunk(x.detach()))


def test_other_weights_are_refused(monkeypatch, tmp_path):
    other = tmp_path / "trunk.safetensors"
    other.write_bytes(WEIGHTS.read_bytes()[:-1] + b"!")
    monkeypatch.setattr("gansmith.networks.feature_critic.WEIGHTS", other)
    with pytest.raises(ValueError, match="as it was shipped, but its content is another"):
        Trunk()


@pytest.mark.parametrize("features", [0.0, 0.2])
def test_photographs_are_learned_with_it_where_it_is_asked_for(features):
    game = photos(load("digits", channels=3), 2, batch=8, width=4, features=features).stages[0].game
    assert isinstance(game, SeveralCritics) == bool(features)
    assert not features or game.beside[0].weight == features


def test_a_resumed_run_has_the_same_bits():
    def begun():
        torch.manual_seed(2)
        experiment = photos(load("digits", channels=3), 4, batch=8, width=4, critic_width=4, features=0.4)
        return Training(experiment, seed=1, device="cpu")

    resumed(begun)


def test_it_never_judges_whom_it_taught():
    data = load("digits", channels=3)
    game = photos(data, 2, batch=8, width=4, critic_width=4, features=0.4).stages[0].game.eval()
    trunk = Trunk()
    judge = Features("trunk", 96, "the critic's own", lambda x: trunk(x)[1].mean((2, 3)), SHA256[:16])
    with pytest.raises(ValueError, match="needs a judge that the generator was not trained against"):
        measure(game, data, 0, features=judge)
    numbers = measure(game, data, 0)
    assert numbers["taught_by"] == [SHA256] and numbers["features"]["name"] == "objects"
    plain = photos(data, 2, batch=8, width=4, critic_width=4).stages[0].game.eval()
    assert "taught_by" not in measure(plain, data, 0)
    assert measure(plain, data, 0, features=judge)["features"]["name"] == "trunk"


def test_conflicts_are_looked_for_in_each_critic():
    sure = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid(), nn.Flatten(0))
    normalized = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1), nn.Flatten(0))
    for beside in (Beside(sure, NonSaturating()), Beside(normalized, Hinge() + R1())):
        assert len(conflicts(build(beside).players())) == 1
    first = SeveralCritics(generator(), sure, NonSaturating(), Normal(4), beside=[Beside(critic(2), Hinge())])
    assert len(conflicts(first.players())) == 1
    assert not conflicts(build(Beside(critic(2), Hinge())).players())


def test_a_rectangle_is_seen_at_32_pixels_whole():
    x = torch.rand(1, 3, 48, 80, requires_grad=True)
    fine, coarse = Trunk()(x)
    assert fine.shape == (1, 48, 16, 27) and coarse.shape == (1, 96, 8, 14)
    assert bool((torch.autograd.grad(fine.sum() + coarse.sum(), x)[0].abs().sum(1) > 0).all())
