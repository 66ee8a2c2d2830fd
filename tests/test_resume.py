"""A resume gives the same bits whatever a game, an optimizer or the start of a stage does with its state."""

import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn
from toys import Second

from gansmith.data import load
from gansmith.dynamics import Alternating, Simultaneous
from gansmith.games import GAN, Normal
from gansmith.networks import MLP
from gansmith.objectives import Hinge, NonSaturating
from gansmith.regularizers import R1, R2, Lazy, LeCam
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


def halved(module, state, prefix, metadata):
    state[prefix + "weight"] = state[prefix + "weight"] / 2


def rounded(module, state, prefix, metadata):
    state[prefix + "weight"] = state[prefix + "weight"].bfloat16()


class Deaf(nn.Linear):
    """A layer that leaves what it is given."""

    def _load_from_state_dict(self, state, prefix, *others):
        pass


@pytest.mark.parametrize("kind", ["halved", "rounded", "deaf"])
def test_a_game_that_takes_other_numbers_than_its_own_is_refused(kind, few, tmp_path):
    one = game()
    one.generator[2] = Deaf(8, 2) if kind == "deaf" else one.generator[2]
    if kind != "deaf":
        one.generator[2].register_state_dict_post_hook(halved if kind == "halved" else rounded)
    training = Training(Experiment([Stage(one, dynamics(one), few, 2, 8)]), device="cpu")
    with pytest.raises(ValueError, match=r"generator\.2\.weight has other numbers then"):
        train(training, [Checkpoint(tmp_path / "checkpoint.pt")])


class Changing(nn.Module):
    """A buffer that a pass changes: its type, its shape, or that it is there."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.register_buffer("seen", None if kind == "made late" else torch.zeros(1))

    def forward(self, x):
        if self.training:
            seen = torch.ones(1) if self.seen is None else self.seen
            self.seen = seen.double() if self.kind == "another type" else seen.sum()
        return x


@pytest.mark.parametrize("kind", ["another type", "another shape", "made late"])
def test_a_buffer_that_a_new_game_would_not_take_is_refused_by_its_name(kind, few, tmp_path):
    one = game()
    one.generator.append(Changing(kind))
    training = Training(Experiment([Stage(one, dynamics(one), few, 2, 8)]), device="cpu")
    with pytest.raises(ValueError, match=r"generator\.4\.seen is .* and was"):
        train(training, [Checkpoint(tmp_path / "checkpoint.pt", 1e-9)])


def other_optimizers(data):
    one = game()
    return [Stage(one, dynamics(one, lambda p: torch.optim.Adamax(p, 1e-2)), data, 5, 8)]


def other_networks(data):
    one = game()
    one = GAN(MLP(2, 2, 8), one.critic, one.objective, one.latent)
    return [Stage(one, dynamics(one), data, 5, 8)]


def other_terms(data):
    one = game(Hinge() + Lazy(R2(), 2))
    return [Stage(one, dynamics(one), data, 5, 8)]


def with_terms(data):
    one = game(Hinge() + Lazy(R1(), 2))
    return [Stage(one, dynamics(one), data, 5, 8)]


def other_moves(data):
    one = game()
    adams = {name: torch.optim.Adam(player.parameters(), 1e-2) for name, player in one.players().items()}
    return [Stage(one, Simultaneous(adams), data, 5, 8)]


WRONG = {
    "other moves": other_moves,
    "another seed": {"seed": 5},
    "another batch": {"batch": [9]},
    "a stage that is none": {"stage": 5},
    "a stage before the first": {"stage": -1},
    "a step that is none": {"step": 2.5},
    "a step before the first": {"step": -3},
    "no optimizers": {"dynamics": {}},
    "no average": {"average": {}},
    "other optimizers": other_optimizers,
    "other networks": other_networks,
}


@pytest.mark.parametrize("case", WRONG)
def test_a_state_that_is_refused_changes_nothing(case, few):
    training, wrong = begin(plainly, few), WRONG[case]
    training.advance()
    before, other = bits(training), begin(plainly if isinstance(wrong, dict) else wrong, few)
    other.advance()
    other.advance()
    state = other.state_dict() | (wrong if isinstance(wrong, dict) else {})
    with pytest.raises(ValueError, match="the checkpoint does not fit this experiment"):
        training.load_state_dict(state)
    assert bits(training) == before and training.step == 1
    train(training)
    assert bits(training) == bits(train(begin(plainly, few)))


def test_a_state_of_other_terms_is_refused_though_neither_has_tensors(few):
    with pytest.raises(ValueError, match=r"objective\.terms\.0\.term was 'R1', and is R2"):
        begin(other_terms, few).load_state_dict(begin(with_terms, few).state_dict())
    begin(with_terms, few).load_state_dict(begin(with_terms, few).state_dict())


OPTIONS = {
    "rate": {"lr": np.float32(0.01)},
    "rate of float64": {"lr": np.float64(1e-3)},
    "rate of one place": {"lr": np.array(0.01)},
    "small number": {"lr": 0.01, "eps": np.float32(1e-8)},
    "decay": {"lr": 0.01, "weight_decay": np.int64(1)},
    "flag": {"lr": 0.01, "amsgrad": np.bool_(True)},
}


@pytest.mark.parametrize("options", OPTIONS)
def test_options_that_are_numbers_of_numpy_are_pythons_from_the_first_step(options, few, tmp_path):
    def stages(data):
        one = game()
        return [Stage(one, dynamics(one, lambda p: torch.optim.Adam(p, **OPTIONS[options])), data, 5, 8)]

    expected = train(begin(stages, few))
    train(begin(stages, few), [Stop((0, 2)), Checkpoint(tmp_path / "c.pt", 1e9)])
    again = begin(stages, few)
    again.load_state_dict(checkpoint.load(tmp_path / "c.pt"))
    assert bits(train(again)) == bits(expected)


def test_an_option_that_is_no_number_is_refused(few):
    training, state = begin(plainly, few), begin(plainly, few).state_dict()
    state["dynamics"]["optimizers"]["critic"][0]["param_groups"][0]["lr"] = float("nan")
    with pytest.raises(ValueError, match=r"param_groups\.0\.lr is not finite"):
        training.load_state_dict(state)


def test_a_schedule_may_freeze_where_a_run_is_resumed(few, tmp_path):
    def freezing(data):
        (stage,) = plainly(data)

        def schedule(step, optimizers):
            if step >= 2:
                stage.game.generator[0].requires_grad_(False)

        stage.dynamics.schedule = schedule
        adams = {"critic": torch.optim.Adam(stage.game.critic.parameters(), 1e-2)}
        adams["generator"] = torch.optim.Adam(stage.game.generator.parameters(), 1e-2)
        stage.dynamics = Alternating(adams, schedule=schedule)
        return [stage]

    expected = train(begin(freezing, few))
    train(begin(freezing, few), [Stop((0, 2)), Checkpoint(tmp_path / "c.pt", 1e9)])
    again = begin(freezing, few)
    again.load_state_dict(checkpoint.load(tmp_path / "c.pt"))
    assert bits(train(again)) == bits(expected)


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


class Centered(nn.Module):
    """Moves a mean that it leaves out of its own state."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(2), persistent=False)

    def forward(self, x):
        if self.training:
            self.mean.lerp_(x.detach().mean(0), 0.5)
        return x - self.mean


def centered(data):
    one = game()
    one.critic = nn.Sequential(Centered(), one.critic)
    return [Stage(one, dynamics(one), data, 5, 8)]


def resting(data):
    """The second stage's generator keeps the statistics of the first."""
    one = game()

    def start():
        one.generator[1].eval()

    return [Stage(one, dynamics(one), data, 3, 8), Stage(one, dynamics(one), data, 5, 8, start)]


@pytest.mark.parametrize(("stages", "at"), [(centered, (0, 3)), (resting, (1, 2))])
def test_what_modules_leave_out_of_their_state_is_in_a_trainings(stages, at, few, tmp_path):
    expected = train(begin(stages, few))
    train(begin(stages, few), [Stop(at), Checkpoint(tmp_path / "c.pt", 1e9)])
    again = begin(stages, few)
    again.load_state_dict(checkpoint.load(tmp_path / "c.pt"))
    assert bits(train(again)) == bits(expected)


class Measures(torch.optim.SGD):
    """An option that is measured in the first step, and first moments of few numbers."""

    def __init__(self, parameters):
        super().__init__(parameters, 1e-2)
        self.param_groups[0]["scale"] = None

    def step(self, closure=None):
        group = self.param_groups[0]
        group["scale"] = group["scale"] or 1 + float(group["params"][0].grad.norm())
        for p in group["params"]:
            moment = self.state[p].setdefault("exp_avg", torch.zeros(1))
            moment.lerp_(p.grad.mean().reshape(1), 0.5)
            p.data.sub_(moment / group["scale"])


def measuring(data):
    one = game()
    return [Stage(one, dynamics(one, Measures), data, 5, 8)]


def test_optimizers_of_ones_own_have_options_and_moments_of_any_kind(few, tmp_path):
    expected = train(begin(measuring, few))
    train(begin(measuring, few), [Stop((0, 2)), Checkpoint(tmp_path / "c.pt", 1e9)])
    again = begin(measuring, few)
    again.load_state_dict(checkpoint.load(tmp_path / "c.pt"))
    assert bits(train(again)) == bits(expected)


def test_groups_that_the_start_of_a_stage_changes_are_refused_there(few, tmp_path):
    def stages(data):
        one = game()
        second = dynamics(one)

        def start():
            (optimizer,) = second.optimizers["generator"]
            parameters = optimizer.param_groups[0]["params"]
            optimizer.param_groups[0]["params"] = parameters[:2]
            optimizer.add_param_group({"params": parameters[2:], "lr": 1e-4})

        return [Stage(one, dynamics(one), data, 2, 8), Stage(one, second, data, 5, 8, start)]

    training = begin(stages, few)
    with pytest.raises(ValueError, match=r"generator's groups of \[\d+\].*build optimizers with the groups"):
        train(training, [Checkpoint(tmp_path / "c.pt", 1e9)])
    assert (training.number, training.step) == (1, 0)


@pytest.mark.parametrize("entry", ["2.bias", "1.running_var"])
@pytest.mark.parametrize("other", [True, False])
def test_what_a_start_spoils_is_never_saved(other, entry, few, tmp_path):
    def stages(data):
        one = game()
        two = game() if other else one
        two.register_buffer("lowest", torch.tensor(torch.inf))

        def start():
            two.generator.get_submodule(entry[0]).state_dict()[entry[2:]].fill_(float("inf"))

        return [Stage(one, dynamics(one), data, 2, 8), Stage(two, dynamics(two), data, 5, 8, start)]

    with pytest.raises(FloatingPointError, match=rf"^game\.generator\.{entry} became infinite or NaN at step 0"):
        train(begin(stages, few), [Checkpoint(tmp_path / "c.pt", 1e9)])
    found = checkpoint.load(tmp_path / "c.pt")
    assert (found["stage"], found["step"]) == (0, 2)


def test_a_count_that_no_float_holds_is_refused_and_changes_nothing(few):
    training = begin(plainly, few)
    training.advance()
    before, state = bits(training), copy.deepcopy(training.state_dict())
    next(iter(state["dynamics"]["optimizers"]["generator"][0]["state"].values()))["step"] = 2**1990
    with pytest.raises(ValueError, match="does not fit"):
        training.load_state_dict(state)
    assert bits(training) == before


def test_loading_in_one_thread_disturbs_no_training_in_another(few):
    def stages(data):
        one = game()
        one.critic = nn.Sequential(nn.Dropout(0.5), one.critic)
        return [Stage(one, dynamics(one), data, 40, 8)]

    expected, other = bits(train(begin(stages, few))), begin(plainly, few)
    state, training = copy.deepcopy(other.state_dict()), begin(stages, few)
    thread = threading.Thread(target=train, args=(training,))
    thread.start()
    while thread.is_alive():
        other.load_state_dict(state)
    thread.join()
    assert bits(training) == expected


@pytest.mark.parametrize("count", [float("nan"), -3, True, 2.0])
def test_a_count_of_moves_that_is_none_is_refused(count, few):
    training, state = begin(with_terms, few), copy.deepcopy(begin(with_terms, few).state_dict())
    state["game"]["objective.terms.0._extra_state"]["count"] = count
    with pytest.raises(ValueError, match=r"needs a count of moves, of at least 0, but got|count is not finite"):
        training.load_state_dict(state)


def test_a_buffer_of_another_shape_is_refused(few):
    training, state = begin(centered, few), copy.deepcopy(begin(centered, few).state_dict())
    state["buffers"]["critic.0.mean"] = torch.zeros(1)
    with pytest.raises(ValueError, match=r"critic\.0\.mean is of shape \(1,\), and not \(2,\)"):
        training.load_state_dict(state)


def test_the_average_has_what_its_game_leaves_out_of_its_state(few):
    """Samples of a loaded average are those of the one that was saved."""

    def stages(data):
        one = game()
        one.generator.append(Centered())
        return [Stage(one, dynamics(one), data, 5, 8)]

    training, again = begin(stages, few), begin(stages, few)
    for _ in range(3):
        training.advance()
    again.load_state_dict(copy.deepcopy(training.state_dict()))
    z = torch.ones(4, 2)
    assert bool(training.average.generator[-1].mean.any())
    assert torch.equal(again.average.decode(z), training.average.decode(z))


def test_what_a_start_spoils_in_a_later_game_is_never_saved(few, tmp_path):
    def stages(data):
        games = [game() for _ in range(3)]

        def start():
            next(games[2].generator.parameters()).data.fill_(float("nan"))

        starts = [None, start, None]
        return [Stage(one, dynamics(one), data, 2, 8, begin) for one, begin in zip(games, starts, strict=True)]

    with pytest.raises(FloatingPointError, match=r"^others\.2\.game\.generator"):
        train(begin(stages, few), [Checkpoint(tmp_path / "c.pt", 1e9)])
    assert checkpoint.load(tmp_path / "c.pt")["stage"] == 0


def test_each_stage_is_started_once_and_none_after_a_resume(few, tmp_path):
    started = []

    def stages(data):
        one = game()
        return [Stage(one, dynamics(one), data, 3, 8, lambda at=at: started.append(at)) for at in range(2)]

    train(begin(stages, few), [Stop((0, 2)), Checkpoint(tmp_path / "c.pt", 1e9)])
    assert started == [0]
    again = begin(stages, few)
    again.load_state_dict(checkpoint.load(tmp_path / "c.pt"))
    train(again)
    assert started == [0, 1]


class Silent(nn.Module):
    """Leaves what it learns out of its state, and out of what it loads."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def _save_to_state_dict(self, *_):
        pass

    def _load_from_state_dict(self, *_):
        pass

    def forward(self, x):
        return x * self.weight


@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_learned_and_in_no_state_is_refused(frozen, few, tmp_path):
    def stages(data):
        one = game()
        one.generator.append(Silent().requires_grad_(not frozen))
        return [Stage(one, dynamics(one), data, 2, 8)]

    training = begin(stages, few)
    if frozen:
        assert train(training, [Checkpoint(tmp_path / "c.pt", 1e9)]).done
        return
    with pytest.raises(ValueError, match=r"holds all that it learns, but generator\.4\.weight is not in it: freeze it"):
        train(training, [Checkpoint(tmp_path / "c.pt", 1e9)])
