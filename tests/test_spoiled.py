"""What is no longer finite is named and never saved."""

import pytest
import torch

from gansmith.data import load
from gansmith.dynamics import Alternating, Diverged
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating
from gansmith.training import checkpoint
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.hooks import Checkpoint
from gansmith.training.loop import Training, train


@pytest.fixture(scope="module")
def ring():
    return load("ring")


def test_statistics_that_are_no_longer_finite_are_not_saved(ring, tmp_path):
    """A rate of 1e8 once ended well, with infinite statistics of BatchNorm in the checkpoint."""

    class Blows(MLP):
        def __init__(self):
            super().__init__(4, 2, 8)
            self.register_buffer("lowest", torch.tensor(float("inf")))  # meant
            self.register_buffer("statistic", torch.ones(2))

        def forward(self, z):
            if self.training:
                self.statistic *= 1e30
            return super().forward(z)

    game = GAN(Blows(), MLP(2, None, 8), NonSaturating(), Normal(4))
    optimizers = {n: torch.optim.SGD(p.parameters(), 1e-3) for n, p in game.players().items()}
    training = Training(Experiment([Stage(game, Alternating(optimizers), ring, 9, batch=8)]), device="cpu")
    with pytest.raises(Diverged, match=r"generator\.statistic became infinite or NaN at step 1"):
        train(training, [Checkpoint(tmp_path / "c.pt", seconds=0)])
    assert checkpoint.load(tmp_path / "c.pt")["step"] == 0


class Keeps(MLP):
    """A generator with a state that spoils itself after some passes, in one of several places."""

    def __init__(self, what):
        super().__init__(4, 2, 8)
        self.what, self.passes, self.number = what, 0, 1.0
        self.register_buffer("buffer", torch.full((2,), float("inf")))  # meant

    def forward(self, z):
        self.passes += self.training
        if self.passes == 12:  # two passes a step: the sixth step
            if self.what == "buffer":
                self.buffer[0] = torch.nan
            self.number = torch.nan if self.what == "number" else 1.0
        return super().forward(z)

    def get_extra_state(self):
        return {"number": self.number}

    def set_extra_state(self, state):
        self.number = state["number"]


class At(Checkpoint):
    """Saves at given steps, whatever the clock says."""

    def __init__(self, path, steps):
        super().__init__(path, seconds=1e9)
        self.steps = steps

    def step(self, training):
        if training.step in self.steps:
            self._save(training)


def keeping(what, data, steps=9):
    game = GAN(Keeps(what), MLP(2, None, 8), NonSaturating(), Normal(4))
    optimizers = {n: torch.optim.SGD(p.parameters(), 1e-3) for n, p in game.players().items()}
    return Training(Experiment([Stage(game, Alternating(optimizers), data, steps, batch=8)]), device="cpu")


@pytest.mark.parametrize(("what", "name"), [("buffer", "buffer"), ("number", "_extra_state.number")])
@pytest.mark.parametrize(("saves", "when"), [([5, 6], "at step 6"), ([3, 8], "between step 3 and 8")])
def test_what_spoils_in_a_state_is_named_with_its_steps(what, name, saves, when, ring, tmp_path):
    with pytest.raises(Diverged) as caught:
        train(keeping(what, ring), [At(tmp_path / "c.pt", saves)])
    assert str(caught.value).startswith(f"game.generator.{name} became infinite or NaN {when}: ")
    assert checkpoint.load(tmp_path / "c.pt")["step"] == saves[0]


def test_what_spoils_after_a_resume_is_not_taken_for_meant(ring, tmp_path):
    first = keeping("buffer", ring, steps=3)
    train(first, [Checkpoint(tmp_path / "c.pt")])
    again = keeping("buffer", ring)
    again.load_state_dict(checkpoint.load(tmp_path / "c.pt"))
    again.game.generator.passes = 8
    with pytest.raises(Diverged, match=r"generator\.buffer became infinite or NaN between step 3 and 9"):
        train(again, [Checkpoint(tmp_path / "c.pt", seconds=1e9)])
    assert checkpoint.load(tmp_path / "c.pt")["step"] == 3
