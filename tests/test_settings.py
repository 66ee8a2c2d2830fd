"""A state goes on only in the experiment that it is of: terms, moves and networks with the same numbers."""

import copy
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from runs import tampered
from torch import nn

import gansmith
from gansmith.data import load
from gansmith.dynamics import (
    EULER,
    HEUN,
    MIDPOINT,
    Alternating,
    ClipNorm,
    Consensus,
    Decay,
    Optimistic,
    Pull,
    RungeKutta,
)
from gansmith.games import GAN, DifferentiableAugmentation
from gansmith.games.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import Divergence, LeastSquares, NonSaturating, Quadratic, Relativistic
from gansmith.objectives.divergence import KL, PEARSON, REVERSE_KL
from gansmith.regularizers import DRAGAN, R1, GradientPenalty, Lazy, LeCam
from gansmith.training import checkpoint
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.loop import Training, train

SMALL = {"width": 2, "critic_width": 2, "batch": 2}


@pytest.fixture(scope="module")
def ring():
    return load("ring")


def training(data, objective, moves=Alternating, network=None, augment=None, optimizer=torch.optim.SGD, **options):
    torch.manual_seed(0)
    game = GAN(MLP(4, 2, 8), network or MLP(2, None, 8), objective, Normal(4), augment)
    optimizers = {name: optimizer(player.parameters(), 0.01) for name, player in game.players().items()}
    return Training(Experiment([Stage(game, moves(optimizers, **options), data, 3, batch=8)]), device="cpu")


def dropout(p):
    return nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Dropout(p), nn.Linear(8, 1), nn.Flatten(0))


OTHERS = {
    "weight": (lambda: NonSaturating() + R1(1.0), lambda: NonSaturating() + R1(9.0), "weight was 1.0, and is 9.0"),
    "every": (lambda: NonSaturating() + Lazy(R1(), 2), lambda: NonSaturating() + Lazy(R1(), 3), "every was 2"),
    "target": (
        lambda: NonSaturating() + GradientPenalty(10.0, 1.0),
        lambda: NonSaturating() + GradientPenalty(10.0, 0.0),
        "target was 1.0, and is 0.0",
    ),
    "word": (
        lambda: NonSaturating() + DRAGAN(),
        lambda: NonSaturating() + DRAGAN(noise="authors"),
        "additive was True, and is False",
    ),
    "decay": (lambda: NonSaturating() + LeCam(), lambda: NonSaturating() + LeCam(decay=0.5), "decay was 0.99"),
    "pair": (lambda: Divergence(PEARSON), lambda: Divergence(KL), "name was 'pearson', and is 'kl'"),
    "divergence": (lambda: Divergence(KL), lambda: Divergence(REVERSE_KL), "_identity"),
    "trick": (lambda: Divergence(PEARSON), lambda: Divergence(PEARSON, trick=True), "was"),
    "numbers of functions": (LeastSquares, lambda: LeastSquares(0.0, 1.0, 0.5), "was"),
    "average": (Relativistic, lambda: Relativistic(average=True), "average was False, and is True"),
    "quadratic": (Quadratic, lambda: Quadratic(weight=2.0), "weight was 10.0, and is 2.0"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_state_of_the_same_terms_with_other_numbers_is_refused(kind, ring):
    one, other, message = OTHERS[kind]
    state = train(training(ring, one())).state_dict()
    refuses(training(ring, other()), state, message)
    again = training(ring, one())
    again.load_state_dict(state)
    assert checkpoint.digest(again.state_dict()) == checkpoint.digest(state)


MOVES = {
    "moves of one side": ((Alternating, {}), (Alternating, {"critic": 5}), "moves.critic was 1, and is 5"),
    "transforms": (
        (Alternating, {"pull": Pull(transforms=[ClipNorm(1.0)])}),
        (Alternating, {"pull": Pull(transforms=[ClipNorm(2.0)])}),
        "limit was 1.0, and is 2.0",
    ),
    "no transforms": (
        (Alternating, {"pull": Pull(transforms=[ClipNorm(1.0)])}),
        (Alternating, {}),
        "transforms was",
    ),
    "decay": (
        (Alternating, {"schedule": Decay(9, 0.5)}),
        (Alternating, {"schedule": Decay(9, 0.1)}),
        "schedule.start was 0.5, and is 0.1",
    ),
    "moves": ((Alternating, {"critic": 2}), (Alternating, {"critic": 3}), "moves.critic was 2, and is 3"),
    "weight": ((Consensus, {"weight": 0.1}), (Consensus, {"weight": 0.2}), "weight was 0.1, and is 0.2"),
    "method": (
        (RungeKutta, {"method": EULER}),
        (RungeKutta, {"method": MIDPOINT}),
        r"method.stages was \[\[\]\], and is",
    ),
}


@pytest.mark.parametrize("kind", MOVES)
def test_a_state_of_the_same_dynamics_with_other_numbers_is_refused(kind, ring):
    (moves, options), (others, other), message = MOVES[kind]
    state = train(training(ring, NonSaturating(), moves, **options)).state_dict()
    with pytest.raises(ValueError, match=message):
        training(ring, NonSaturating(), others, **other).load_state_dict(state)
    training(ring, NonSaturating(), moves, **options).load_state_dict(state)


def test_a_state_of_networks_with_other_numbers_is_refused(ring):
    state = train(training(ring, NonSaturating(), network=dropout(0.5))).state_dict()
    with pytest.raises(ValueError, match=r"critic.2.p was 0.5, and is 0.1"):
        training(ring, NonSaturating(), network=dropout(0.1)).load_state_dict(state)


def test_a_state_of_another_augmentation_is_refused():
    torch.manual_seed(0)

    def begun(**options):
        generator = nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, (1, 8, 8)))
        critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))
        game = GAN(generator, critic, NonSaturating(), Normal(4), DifferentiableAugmentation(**options))
        sgds = {name: torch.optim.SGD(player.parameters(), 0.01) for name, player in game.players().items()}
        return Training(Experiment([Stage(game, Alternating(sgds), load("digits"), 1, batch=2)]), device="cpu")

    state = train(begun()).state_dict()
    with pytest.raises(ValueError, match=r"augment\.color was True, and is False"):
        begun(color=False).load_state_dict(state)


class Own(R1):
    """A user's term: it knows the run's length, the time, the data, a file, and what no state could hold."""

    def __init__(self, steps, data=None):
        super().__init__(1.0)
        self.steps, self.data, self.began, self.path = steps, data, time.time(), f"/home/{time.time()}"
        self.unset, self.huge, self.odd = float("nan"), 2**3000, Odd()
        self.table = {str(i): i for i in range(250_000)}


class Odd:
    """An object that answers to nothing."""

    __slots__ = ()

    def __getattr__(self, name):
        raise AttributeError(name) if name.startswith("__deepcopy") or "reduce" in name else KeyError(name)


def test_what_a_user_s_own_terms_hold_is_not_compared(ring):
    """It may be other in each process: the run would be lost."""
    state = train(training(ring, NonSaturating() + Own(3, ring))).state_dict()
    assert len(str(state["settings"])) < 10_000
    training(ring, NonSaturating() + Own(9)).load_state_dict(state)


def test_a_user_s_own_functions_are_not_compared(ring):
    def of_length(steps):
        return {"critic": lambda step: 2 if step < steps // 2 else 1, "schedule": lambda step, optimizers: steps}

    state = train(training(ring, NonSaturating(), **of_length(3))).state_dict()
    training(ring, NonSaturating(), **of_length(30)).load_state_dict(state)


def test_a_decay_may_become_longer(ring):
    state = train(training(ring, NonSaturating(), schedule=Decay(3))).state_dict()
    training(ring, NonSaturating(), schedule=Decay(30)).load_state_dict(state)


@pytest.mark.parametrize("kind", ["count of moves", "scale of steps"])
def test_an_experiment_that_was_trained_goes_on_as_the_same(kind, ring, tmp_path):
    """In a notebook: train, stop, and go on with the same object. Running state is no setting."""
    if kind == "count of moves":
        whole = training(ring, NonSaturating() + Lazy(R1(), 4))
    else:
        whole = training(ring, NonSaturating(), RungeKutta, method=HEUN, tolerance=1e-12)
    run = gansmith.train(whole.experiment, out=tmp_path / "run", device="cpu")
    gansmith.load_run(run.path, recipe=whole.experiment)
    assert gansmith.resume(run.path, recipe=whole.experiment, steps=5).training.step == 5


def test_numbers_of_numpy_are_numbers(ring):
    state = train(training(ring, NonSaturating() + R1(np.float32(9)))).state_dict()
    training(ring, NonSaturating() + R1(9.0)).load_state_dict(state)
    refuses(training(ring, NonSaturating() + R1(np.int64(1))), state, "weight was 9.0, and is 1")


def test_an_optimizer_may_begin_with_infinity(ring):
    class Floor(torch.optim.SGD):
        def __init__(self, parameters, lr):
            super().__init__(parameters, lr)
            for q in (q for group in self.param_groups for q in group["params"]):
                self.state[q]["lowest"] = torch.full_like(q, torch.inf)

    state = train(training(ring, NonSaturating(), optimizer=Floor)).state_dict()
    training(ring, NonSaturating(), optimizer=Floor).load_state_dict(state)


def test_gradients_of_nan_are_refused(ring):
    state = copy.deepcopy(train(training(ring, NonSaturating(), Optimistic)).state_dict())
    state["dynamics"]["last"]["critic"][0][0] = torch.nan
    refuses(training(ring, NonSaturating(), Optimistic), state, "last.critic.0 is not finite")


def test_what_changes_while_a_run_goes_on_is_no_other_experiment(ring):
    """A callback may anneal a weight: the run that is built anew begins with the number that this one began with."""
    one = training(ring, NonSaturating() + R1(1.0))
    one.game.objective.terms[0].weight = 0.5
    training(ring, NonSaturating() + R1(1.0)).load_state_dict(train(one).state_dict())


def test_a_history_of_nan_is_refused(ring):
    one = train(training(ring, NonSaturating() + LeCam()))
    for part, name in (("game", "objective.terms.0.mass"), ("average", "module.objective.terms.0.mass")):
        state = one.state_dict()
        state[part] = {**state[part], name: torch.full_like(state[part][name], torch.nan)}
        refuses(training(ring, NonSaturating() + LeCam()), state, "mass is not finite")


def test_an_optimizer_of_nan_is_refused(ring):
    one = train(training(ring, NonSaturating(), optimizer=torch.optim.Adam))
    state = copy.deepcopy(one.state_dict())
    state["dynamics"]["optimizers"]["critic"][0]["state"][0]["exp_avg"][0] = torch.inf
    refuses(training(ring, NonSaturating(), optimizer=torch.optim.Adam), state, "exp_avg is not finite")


def test_a_game_that_begins_with_infinity_goes_on(ring):
    one = train(training(ring, Lowest()))
    one.game.objective.lowest.fill_(torch.inf)
    training(ring, Lowest()).load_state_dict(one.state_dict())


class Lowest(NonSaturating):
    """The lowest loss so far, of which there is none at the beginning."""

    def __init__(self):
        super().__init__()
        self.register_buffer("lowest", torch.tensor(torch.inf))


def refuses(another, state, message):
    """And is as it was before."""
    before = checkpoint.digest(another.state_dict())
    with pytest.raises(ValueError, match=message):
        another.load_state_dict(state)
    assert checkpoint.digest(another.state_dict()) == before


def test_a_run_from_before_penalties_were_rare_is_opened_and_goes_on(tmp_path):
    run = gansmith.train(
        "photos", load("digits", limit=40), steps=1, out=tmp_path / "run", every=1, adaptive=False, **SMALL
    )
    before = run.sample(2)
    tampered(tmp_path / "run", arguments__every=..., arguments__adaptive=...)
    assert torch.equal(gansmith.load_run(tmp_path / "run").sample(2), before)
    assert gansmith.resume(tmp_path / "run", data=load("digits", limit=40), steps=2).training.step == 2


def test_a_run_of_many_pictures_is_opened_without_them(tmp_path):
    """`photos` that does not adapt augments few pictures only: a look at a run, which has none, is no other one."""
    data = load("digits")
    many = replace(data, train=torch.arange(1100))
    run = gansmith.train("photos", many, steps=1, out=tmp_path / "run", adaptive=False, **SMALL)
    assert run.training.game.augment is None
    assert gansmith.load_run(tmp_path / "run").sample(2).shape == (2, 1, 8, 8)
