"""What a state may hold is known before the first step: anything else is refused at once, by its name."""

import time
from collections import deque

import numpy as np
import pytest
import torch
from torch import nn

from gansmith.data import load
from gansmith.dynamics import Alternating
from gansmith.games import GAN, Normal
from gansmith.games.average import Average
from gansmith.networks import MLP
from gansmith.objectives import Hinge
from gansmith.training import checkpoint
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.hooks import Checkpoint
from gansmith.training.loop import Training, train
from gansmith.training.state import MOST, form, not_finite, plain


@pytest.fixture(scope="module")
def few():
    return load("ring", limit=60)


class Remembers(GAN):
    """A game with a history of its own."""

    seen = None

    def get_extra_state(self):
        return {"seen": self.seen[0]} if self.seen else {}

    def set_extra_state(self, state):
        pass


def experiment(data):
    game = Remembers(MLP(2, 2, 8), MLP(2, None, 8), Hinge(), Normal(2))
    adams = {name: torch.optim.Adam(player.parameters()) for name, player in game.players().items()}
    return Experiment([Stage(game, Alternating(adams), data, 2, 8)])


def nested(depth, times=1):
    value = [1]
    for _ in range(depth):
        value = [value] * times
    return value


ITSELF = []
ITSELF.append(ITSELF)
BEYOND = {
    "deep": (lambda: nested(900), "lies within more than 50 lists"),
    "itself": (lambda: ITSELF, "lies within more than 50 lists"),
    "a list twice, again and again": (lambda: nested(40, 2), "comes after 200,000 other entries"),
    "many": (lambda: [None] * (MOST + 1), "comes after 200,000 other entries"),
    "sparse": (lambda: torch.eye(2).to_sparse(), "needs dense tensors"),
    "by rows": (lambda: torch.eye(2).to_sparse_csr(), "needs dense tensors"),
    "without numbers": (lambda: torch.empty(2, device="meta"), "needs dense tensors"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2)]), "needs dense tensors"),
    "of another library": (lambda: torch.ones(2).to_mkldnn(), "needs dense tensors"),
    "of eight bits": (lambda: torch.ones(2).to(torch.float8_e4m3fn), "needs dense tensors"),
    "a generator": (lambda: (i for i in ()), "is a generator"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's, that some kinds of tensors are young
@pytest.mark.parametrize("case", BEYOND)
def test_what_a_checkpoint_cannot_hold_is_refused_before_the_first_step(case, few, tmp_path):
    make, words = BEYOND[case]
    value = make()
    begun = time.process_time()
    training = Training(experiment(few))
    training.game.seen = (value,)
    with pytest.raises(ValueError, match=words) as caught:
        train(training, [Checkpoint(tmp_path / "checkpoint.pt")])
    assert "game._extra_state.seen" in str(caught.value) and "convert it in get_extra_state" in str(caught.value)
    assert training.step == 0 and time.process_time() - begun < 10 and not list(tmp_path.iterdir())


def test_what_appears_later_is_refused_by_its_name(few, tmp_path):
    training = Training(experiment(few))
    hook = Checkpoint(tmp_path / "checkpoint.pt")
    hook.start(training)
    optimizer = training.stage.dynamics.optimizers["critic"][0]
    training.advance()
    optimizer.state["seen"] = torch.ones(2).to(torch.float8_e4m3fn)
    with pytest.raises(ValueError, match=r"dynamics\..*seen is a Tensor, torch\.float8"):
        hook.end(training, None)


def test_fifty_lists_and_many_entries_are_taken():
    state = {"deep": nested(49), "many": list(range(10_000))}
    assert plain(state) == state


@pytest.mark.parametrize("value", [np.float32("nan"), np.float16("inf"), np.array(np.nan)])
def test_numbers_of_numpy_that_are_not_finite_are_seen(value):
    assert list(not_finite(plain({"game": {"losses": [value, 1.0]}}))) == ["game.losses.0"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_game_that_cannot_be_copied_says_so(few):
    game = experiment(few).stages[0].game
    game.rows = nn.Buffer(torch.eye(2).to_sparse_csr())
    with pytest.raises(ValueError, match="needs a game that can be copied, for its average, but"):
        Average(game)


@pytest.mark.parametrize(
    ("begun", "later", "kept"),
    [
        ([torch.inf, torch.inf], [3.0, torch.inf], True),
        ([torch.nan, 0.0], [torch.nan, torch.nan], False),
        ([torch.inf, 0.0], [torch.nan, 0.0], False),
        ([torch.inf, 0.0], [torch.inf, -torch.inf], False),
        ([torch.nan, 0.0], [0.0, torch.nan], False),
    ],
)
def test_what_is_not_finite_from_the_beginning_may_only_become_less(begun, later, kept, few, tmp_path):
    training = Training(experiment(few))
    training.game.register_buffer("lowest", torch.tensor(begun))
    training = Training(training.experiment)
    hook = Checkpoint(tmp_path / "checkpoint.pt")
    hook.start(training)
    training.advance()
    training.game.lowest.copy_(torch.tensor(later))
    if kept:
        hook.end(training, None)
        return
    with pytest.raises(FloatingPointError, match=r"lowest"):
        hook.end(training, None)


def test_a_word_that_grows_is_read_back_again():
    assert form({"a": "x" * 100}) == form({"a": "y" * 101}) != form({"a": "x" * 200})


def test_what_became_finite_stays_so(few, tmp_path):
    training = Training(experiment(few))
    training.game.register_buffer("lowest", torch.tensor([torch.inf]))
    training = Training(training.experiment)
    hook = Checkpoint(tmp_path / "checkpoint.pt", 1e-9)
    hook.start(training)
    for value in (3.0, 2.0):
        training.advance()
        training.game.lowest.fill_(value)
        hook.step(training)
    training.advance()
    training.game.lowest.fill_(torch.inf)
    with pytest.raises(FloatingPointError, match=r"lowest became infinite or NaN at step 3"):
        hook.step(training)


@pytest.mark.parametrize(
    "value",
    [np.datetime64("2020-01-01", "ns"), np.timedelta64(3, "ns"), np.void(3), np.array(None, dtype=object)],
    ids=lambda value: type(value).__name__,
)
def test_numpys_dates_and_records_are_refused(value):
    with pytest.raises(ValueError, match=r"game\.0 is a "):
        plain({"game": [value]})


class Hoards(torch.optim.SGD):
    """Makes a state that cannot be saved in its first step."""

    def step(self, closure=None):
        super().step()
        for group in self.param_groups:
            self.state[group["params"][0]]["last"] = deque([1])


def test_what_an_optimizer_makes_in_its_first_step_is_refused_then(few, tmp_path):
    made = experiment(few)
    made.stages[0].dynamics.optimizers["critic"] = [Hoards(made.stages[0].game.critic.parameters(), 1e-2)]
    training = Training(made)
    with pytest.raises(ValueError, match=r"optimizers\.critic\.0\.state\.0\.last is a deque"):
        train(training, [Checkpoint(tmp_path / "checkpoint.pt", 1e9)])
    assert training.step == 1


def test_a_checkpoint_that_is_damaged_while_a_run_goes_on_takes_no_ones_place(few, tmp_path):
    training, path = Training(experiment(few)), tmp_path / "checkpoint.pt"
    hook = Checkpoint(path, 1e-9)
    hook.start(training)
    training.advance()
    hook.step(training)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    training.advance()
    hook.step(training)
    kept = [checkpoint.load(place)["step"] for place in (path, checkpoint.previous(path))]
    assert kept == [2, 0]


@pytest.mark.parametrize(("size", "wait"), [(10**6, 20.0), (10**8, 180.0)])
def test_large_checkpoints_are_farther_apart(size, wait, tmp_path):
    """At most 2 GB an hour are written, unless somebody asks for more."""
    path = tmp_path / "checkpoint.pt"
    with path.open("wb") as file:
        file.truncate(size)
    assert Checkpoint(path).wait == wait
    assert Checkpoint(path, 5.0).wait == 5.0
    assert Checkpoint(tmp_path / "none.pt").wait == 20.0
