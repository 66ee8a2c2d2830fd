"""A resume gives the same bits whatever a game, an optimizer or the start of a stage does with its state."""

import pytest
import torch
from torch import nn

from gansmith.data import load
from gansmith.dynamics import Alternating
from gansmith.games import GAN, Normal
from gansmith.networks import MLP
from gansmith.objectives import Hinge, NonSaturating
from gansmith.regularizers import LeCam
from gansmith.training import checkpoint
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.hooks import Checkpoint
from gansmith.training.loop import Hook, Training, train


@pytest.fixture(scope="module")
def few():
    return load("ring", limit=60)


class Sums(torch.optim.Optimizer):
    """Adagrad with sums in float64, whole-number counts and a mask."""

    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 1e-2})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["sum"] = torch.full(p.shape, 1 / 3, dtype=torch.float64)
                    state["moved"] = {"mask": [torch.zeros(p.shape, dtype=torch.bool)]}
                state["sum"] += p.grad.double() ** 2
                state["moved"]["mask"][0] |= p.grad != 0
                p.sub_((group["lr"] * p.grad / state["sum"].sqrt()).to(p.dtype))


class Second(nn.Module):
    """Torch's own pattern for a form that has changed: weights of the first form are ten times smaller."""

    _version = 2

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def _load_from_state_dict(self, state, prefix, metadata, *arguments):
        if (metadata.get("version") or 1) < 2:
            state[prefix + "weight"] = state[prefix + "weight"] * 10
        super()._load_from_state_dict(state, prefix, metadata, *arguments)

    def forward(self, x):
        return x * self.weight


def game(objective=None):
    generator = nn.Sequential(MLP(2, 8, 8), nn.BatchNorm1d(8), nn.Linear(8, 2), Second())
    return GAN(generator, MLP(2, None, 8), objective or Hinge(), Normal(2))


def dynamics(of, optimizer=lambda p: torch.optim.Adam(p, 1e-2)):
    return Alternating({name: optimizer(list(player.parameters())) for name, player in of.players().items()})


def plainly(data):
    one = game()
    return [Stage(one, dynamics(one), data, 5, 8)]


def sums(data):
    one = game()
    return [Stage(one, dynamics(one, Sums), data, 5, 8)]


def same_dynamics(data):
    """The last stage goes on with the optimizers of the first."""
    one, two = game(), game(NonSaturating() + LeCam())
    moves = dynamics(one)
    return [Stage(one, moves, data, 2, 8), Stage(two, dynamics(two), data, 2, 4), Stage(one, moves, data, 2, 8)]


def filled_before(data):
    """The start of the second stage fills the game of the third."""
    one, two, three = game(), game(NonSaturating() + LeCam()), game()
    last = Stage(three, dynamics(three), data, 1, 8)
    fill = lambda: three.load_state_dict(one.state_dict())  # noqa: E731
    return [Stage(one, dynamics(one), data, 2, 8), Stage(two, dynamics(two), data, 2, 4, start=fill), last]


def frozen(data):
    """The start of the second stage freezes layers."""
    one = game()
    adams = {"critic": torch.optim.Adam(one.critic.parameters(), 1e-2)}
    moves = Alternating(adams | {"generator": torch.optim.Adam(one.generator.parameters(), 1e-2)})

    def freeze():
        one.generator[0].requires_grad_(False)

    return [Stage(one, moves, data, 2, 8), Stage(one, moves, data, 2, 8, start=freeze), Stage(one, moves, data, 2, 8)]


class Stop(Hook):
    def __init__(self, at):
        self.at = at

    def start(self, training):
        self.step(training)

    def step(self, training):
        training.interrupted |= (training.number, training.step) == self.at


def begin(make, data):
    torch.manual_seed(3)
    return Training(Experiment(make(data)), device="cpu")


def bits(training):
    return checkpoint.digest(
        {"average": training.average.state_dict(), "game": training.game.state_dict()}
        | training.stage.dynamics.state_dict()
    )


@pytest.mark.parametrize("make", [plainly, sums, same_dynamics, filled_before, frozen])
def test_stopped_at_every_step_and_resumed(make, few, tmp_path):
    expected = train(begin(make, few))
    for number, stage in enumerate(expected.experiment.stages):
        for step in range(stage.steps + 1):
            path = tmp_path / f"{number}-{step}.pt"
            train(begin(make, few), [Stop((number, step)), Checkpoint(path, 1e9)])
            again = begin(make, few)
            again.load_state_dict(checkpoint.load(path))
            assert (again.number, again.step) == (number, step)
            assert bits(train(again)) == bits(expected), f"stopped at step {step} of stage {number}"


class Forgetful(GAN):
    def get_extra_state(self):
        return {"seen": 1}


def with_a_key_more(module, state, prefix, metadata):
    state[prefix + "more"] = torch.ones(1)


@pytest.mark.parametrize("kind", ["no set_extra_state", "a key more"])
def test_a_game_that_does_not_take_its_own_state_is_refused_before_the_first_step(kind, few, tmp_path):
    one = game()
    if kind == "no set_extra_state":
        one = Forgetful(one.generator, one.critic, one.objective, one.latent)
    else:
        one.generator.register_state_dict_post_hook(with_a_key_more)
    training = Training(Experiment([Stage(one, dynamics(one), few, 2, 8)]), device="cpu")
    with pytest.raises(ValueError, match="needs a game that takes its own state again, but"):
        train(training, [Checkpoint(tmp_path / "checkpoint.pt")])
    assert training.step == 0 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [torch.ones(1).expand(4), torch.empty(2, device="meta")])
def test_a_buffer_without_numbers_of_its_own_is_refused(value, few):
    one = game()
    one.critic.register_buffer("seen", value)
    with pytest.raises(ValueError, match=r"needs tensors with a number for each place, but critic\.seen has fewer"):
        Training(Experiment([Stage(one, dynamics(one), few, 2, 8)]), device="cpu")


def test_one_memory_under_two_types_is_saved(tmp_path):
    x = torch.arange(6.0)
    checkpoint.save(tmp_path / "c.pt", {"a": x, "b": x.view(torch.int32)})
    found = checkpoint.load(tmp_path / "c.pt")
    assert torch.equal(found["a"], x) and torch.equal(found["b"], x.view(torch.int32))
