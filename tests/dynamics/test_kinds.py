"""What holds for every dynamics: the laws, exact resume, one step of every game, micro-batches, precision."""

import io

import pytest
import torch
from kinds import KINDS, PLAIN, dynamics, optimizer
from torch import nn
from toys import GAMES, WHOLE_BATCH, Anchored, Counted, D, EverySecond, Z, adams, data, make, mlp, sgds, tensors

from gansmith.data import load
from gansmith.dynamics import Decay, Pull, RungeKutta
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import Hinge, NonSaturating
from gansmith.regularizers import R1, GradientPenalty
from gansmith.testing import check_dynamics
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.loop import Training


def field(players, weight=0.0, regularize=0.0):
    """Everybody's gradient, with what consensus and ODE-GAN add to it, by autograd itself."""
    own = {name: player.parameters() for name, player in players.items()}
    everyone = [p for parameters in own.values() for p in parameters]
    found = {
        name: torch.autograd.grad(player.loss(data(0)), own[name], create_graph=True)
        for name, player in players.items()
    }
    half = sum(g.square().sum() for gradients in found.values() for g in gradients) / 2
    steep = torch.autograd.grad(half, everyone, retain_graph=True, materialize_grads=True)
    of_generator = sum(g.square().sum() for g in found["generator"])
    on_critic = torch.autograd.grad(of_generator, own["critic"], retain_graph=True, materialize_grads=True)
    wanted = {name: [g.detach() for g in gradients] for name, gradients in found.items()}
    steep = iter(steep)
    for name, gradients in wanted.items():
        wanted[name] = [g + weight * next(steep) for g in gradients]
    wanted["critic"] = [g + regularize * r for g, r in zip(wanted["critic"], on_critic, strict=True)]
    return wanted


FOLLOWS = {"consensus": lambda players: field(players, 0.1), "ODE-GAN": lambda players: field(players, 0.0, 0.07)}


@pytest.mark.parametrize("kind", KINDS)
def test_dynamics_keep_the_laws(kind):
    check_dynamics(KINDS[kind], optimizer=optimizer(kind), follows=FOLLOWS.get(kind))


@pytest.mark.parametrize("kind", FOLLOWS)
def test_the_field_that_is_followed_is_not_the_gradient_alone(kind):
    with pytest.raises(AssertionError, match="small step"):
        check_dynamics(KINDS[kind], optimizer=optimizer(kind))


class Everything(nn.Module):
    """A critic with spectral norm and dropout."""

    def __init__(self):
        super().__init__()
        self.net, self.drop = Counted(spectral=True), nn.Dropout(0.2)

    def forward(self, x):
        return self.net(self.drop(x))


def build(kind):
    torch.manual_seed(1)
    objective = Hinge() + Anchored() + EverySecond(R1()) + GradientPenalty()
    game = GAN(mlp(Z, D, batch_norm=True), Everything(), objective, Normal(Z)).double()
    return game, dynamics(kind, game, schedule=Decay(10))


def go(game, moving, steps):
    for _ in range(steps):
        moving.step(game.players(), data, (7,))
    return tensors(game)


@pytest.mark.parametrize("kind", KINDS)
def test_resume_is_exact(kind):
    """Adam (where legal), BatchNorm, spectral norm, dropout, terms with buffers and with counts, a schedule."""
    whole = go(*build(kind), 8)
    game, moving = build(kind)
    go(game, moving, 3)
    file = io.BytesIO()
    torch.save({"game": game.state_dict(), "dynamics": moving.state_dict()}, file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    game, moving = build(kind)
    game.load_state_dict(state["game"])
    moving.load_state_dict(state["dynamics"])
    assert all(torch.equal(a, b) for a, b in zip(whole, go(game, moving, 5), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_running_statistics_move_once_a_step(kind):
    """Look-aheads, later stages and second derivatives leave no trace in BatchNorm."""
    game, moving = build(kind)
    go(game, moving, 3)
    # a critic's and a generator's pass a step at the players' true place; alternation makes the same two
    assert int(game.generator[1].num_batches_tracked) == 6


@pytest.mark.parametrize("name", [*GAMES, *WHOLE_BATCH])
@pytest.mark.parametrize("kind", KINDS)
def test_every_game_runs_in_every_dynamics(name, kind):
    game = make(name)
    moving, before = dynamics(kind, game), tensors(game)
    if (kind, name) == ("consensus", "McGan covariance dual"):  # a second derivative that is not there
        with pytest.raises(ValueError, match="second derivative"):
            moving.step(game.players(), data, (0,))
        return
    for _ in range(2):
        said = moving.step(game.players(), data, (0,))
    assert all(bool(v.isfinite()) for v in said.values()) and {"critic/loss", "generator/loss"} <= set(said)
    assert any(not torch.equal(a, b) for a, b in zip(before, tensors(game), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_micro_batches_equal_the_whole_batch(kind):
    ends = []
    for micro in (1, 3):
        game = make("O-GAN NS+R1+R2")
        moving = KINDS[kind](sgds(game, 0.1), pull=Pull(micro=micro))
        ends.append(go(game, moving, 2))
    torch.testing.assert_close(*ends)


@pytest.mark.parametrize("kind", KINDS)
def test_a_zero_transform_freezes_its_player(kind):
    frozen, before = {}, {}
    game = make("GAN NS+R1+R2")
    for name, player in game.players().items():
        before[name] = [p.detach().clone() for p in player.parameters()]
    pull = Pull(transforms={"critic": [lambda gradients: [torch.zeros_like(g) for g in gradients]]})
    moving = KINDS[kind](sgds(game), pull=pull)
    go(game, moving, 2)
    for name, player in game.players().items():
        frozen[name] = [torch.equal(p, was) for p, was in zip(player.parameters(), before[name], strict=True)]
    assert all(frozen["critic"]) and not any(frozen["generator"])


def test_an_unknown_players_transforms_are_refused():
    game = make("GAN hinge")
    with pytest.raises(ValueError, match="got some for critik"):
        go(game, dynamics("simultaneous", game, pull=Pull(transforms={"critik": [abs]})), 1)
    with pytest.raises(ValueError, match="player's name"):
        Pull(transforms={"critic": []})(game.players()["critic"], data(0), (0,))


class Wide(nn.Module):
    """Says that it is convolutional, so that auto would choose bfloat16 where the hardware has it."""

    def __init__(self):
        super().__init__()
        self.net, self.conv = MLP(2, None), nn.Conv2d(16, 16, 1)

    def forward(self, x):
        return self.net(x)


def training(kind, precision):
    game = GAN(MLP(4, 2), Wide(), NonSaturating(), Normal(4))
    moving = KINDS[kind]({n: torch.optim.SGD(p.parameters(), 0.1) for n, p in game.players().items()})
    return Training(Experiment([Stage(game, moving, load("ring"), steps=2)]), device="cpu", precision=precision)


def test_full_precision_is_kept(monkeypatch):
    monkeypatch.setattr("gansmith.training.precision._has_bfloat16", lambda device: True)
    assert training("simultaneous", "auto").autocast == torch.bfloat16
    assert training("RK4", "auto").autocast is None
    assert training("RK4", "float32").autocast is None
    with pytest.raises(ValueError, match="need full precision, but got bfloat16: use auto or float32"):
        training("RK4", "bfloat16")


@pytest.mark.parametrize("kind", PLAIN)
def test_autocast_in_an_integration_is_refused(kind):
    game = make("GAN hinge")
    with pytest.raises(ValueError, match="full precision"):
        KINDS[kind](sgds(game), pull=Pull(autocast=torch.bfloat16))
    moving = KINDS[kind](sgds(game))
    moving.pull = Pull(autocast=torch.bfloat16)
    with pytest.raises(ValueError, match="full precision"):
        go(game, moving, 1)


def test_integration_needs_plain_gradient_descent():
    game = make("GAN hinge")
    for options in ({"momentum": 0.9}, {"weight_decay": 0.1}, {"maximize": True}):
        optimizers = {n: torch.optim.SGD(p.parameters(), 0.1, **options) for n, p in game.players().items()}
        with pytest.raises(ValueError, match=f"plain SGD.*SGD with {next(iter(options))}: use torch.optim.SGD"):
            RungeKutta(optimizers)
    with pytest.raises(ValueError, match=r"plain SGD.*is Adam: use torch.optim.SGD"):
        RungeKutta(adams(game))
