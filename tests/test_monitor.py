import json
import math
from pathlib import Path

import pytest
import torch
import toys
from torch import Tensor, nn

from gansmith.batch import Batch
from gansmith.data import load
from gansmith.disk.log import read_log
from gansmith.games import GAN
from gansmith.games.base import Game, Samples
from gansmith.games.latents import Normal
from gansmith.objectives import Hinge, NonSaturating, Relativistic, Wasserstein
from gansmith.recipes import gan, ogan
from gansmith.regularizers import R1
from gansmith.training.loop import Training, train
from gansmith.training.monitor import Monitor, look


class Line(nn.Module):
    """A critic whose scores and slopes are known."""

    def __init__(self, *weights: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weights


class Shift(nn.Module):
    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by, dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        return z + self.by


def batch(*rows: tuple[float, float]) -> Batch:
    x = torch.tensor(rows, dtype=torch.float64).view(-1, 2)
    return Batch(x, None, torch.arange(len(x)))


def test_the_numbers_are_those_worked_out_by_hand() -> None:
    game = GAN(Shift(1.0), Line(3.0, 4.0), NonSaturating() + R1(), Normal(2)).double()
    train_part, held_out = batch((1, 0), (0, 1), (1, 1)), batch((0, 0), (2, 0))
    torch.manual_seed(0)
    z = torch.randn(3, 2, dtype=torch.float64)
    torch.manual_seed(0)
    seen = look(game, train_part, held_out)
    real, fake = torch.tensor([3.0, 4.0, 7.0]).double(), (z + 1) @ torch.tensor([3.0, 4.0]).double()
    assert seen["score/train"] == pytest.approx(14 / 3)
    assert seen["score/held_out"] == pytest.approx(3.0)
    assert seen["score/error"] == pytest.approx(math.sqrt(real.var().item() / 3 + 18 / 2))
    assert seen["score/fake"] == pytest.approx(fake.mean().item())
    assert seen["slope"] == pytest.approx(5.0)
    wrong = torch.cat([torch.sigmoid(-real), torch.sigmoid(fake)])
    assert seen["doubt"] == pytest.approx(wrong.mean().item())
    of_real = (2 * 1 + math.sqrt(2)) / 3
    assert seen["diversity"] == pytest.approx(torch.pdist(z).mean().item() / of_real)


@pytest.mark.parametrize(
    ("objective", "doubt"), [(NonSaturating(), 0.5), (Relativistic(), 0.5), (Hinge(), None), (Wasserstein(), None)]
)
def test_a_critic_that_knows_nothing_doubts(objective: nn.Module, doubt: float | None) -> None:
    seen = look(GAN(Shift(0.0), Line(0.0, 0.0), objective, Normal(2)).double(), batch((1, 0), (0, 1)), batch())
    assert seen.get("doubt") == (None if doubt is None else pytest.approx(doubt))
    assert "score/held_out" not in seen
    assert seen["slope"] == 0


@pytest.mark.parametrize("name", [*toys.GAMES, *toys.WHOLE_BATCH])
def test_every_game_is_looked_at_and_left_as_it_was(name: str) -> None:
    game = toys.make(name)
    before, modes = toys.tensors(game), [m.training for m in game.modules()]
    seen = look(game, toys.data(0), toys.data(1, n=5))
    always = {"score/train", "score/fake", "score/held_out", "score/error", "slope", "diversity"}
    if name in ("pairwise QP", "McGan centered"):  # no function of one sample
        always = {"diversity"}
    assert seen.keys() - {"doubt"} == always
    assert all(math.isfinite(value) for value in seen.values())
    assert all(torch.equal(a, b) for a, b in zip(before, toys.tensors(game), strict=True))
    assert modes == [m.training for m in game.modules()]
    assert all(p.grad is None for p in game.parameters())


def test_a_game_without_a_duel_shows_its_diversity_and_one_that_makes_nothing_shows_nothing() -> None:
    class Sampler(Samples):
        def inputs(self, n: int, y: Tensor | None = None) -> Tensor:
            return batch((1, 0), (0, 1), (1, 1)).x[:n]

        def decode(self, inputs: Tensor) -> Tensor:
            return 2 * inputs

    real = batch((1, 0), (0, 1), (1, 1))
    assert look(Sampler(), real, batch()) == {"diversity": pytest.approx(2.0)}
    assert look(Game(), real, batch()) == {}
    assert look(Sampler(), batch((1, 1), (1, 1)), batch()) == {}


def trained(path: Path | None, recipe=gan, steps: int = 6, until: int | None = None, state=None) -> Training:
    data = load("digits")
    torch.manual_seed(0)
    training = Training(recipe(data, steps, width=16, batch=16), seed=3, precision="float32")
    if state is not None:
        training.load_state_dict(state)
    hooks = []
    if path is not None:
        monitor = Monitor(path, n=16)
        hooks.append(monitor)
        start = monitor.start

        def often(training: Training) -> None:
            start(training)
            monitor.every = 2

        monitor.start = often  # type: ignore[method-assign]
    if until is not None:
        training.stage.steps = until
    return train(training, hooks)


@pytest.mark.parametrize("recipe", [gan, ogan])
def test_a_run_that_is_watched_ends_in_the_same_bits(recipe, tmp_path: Path) -> None:
    watched, alone = trained(tmp_path / "m.jsonl", recipe), trained(None, recipe)
    assert [line["step"] for line in read_log(tmp_path / "m.jsonl")] == [2, 4, 6]
    for a, b in zip(toys.tensors(watched.game), toys.tensors(alone.game), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(toys.tensors(watched.average), toys.tensors(alone.average), strict=True):
        assert torch.equal(a, b)


def without_seconds(path: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in read_log(path)]


def test_after_a_resume_the_lines_are_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    trained(whole)
    state = trained(None, until=3).state_dict()
    trained(parts, until=5)
    with parts.open("a") as file:
        file.write('{"stage": 0, "st')
    trained(parts, state=state)
    assert without_seconds(parts) == without_seconds(whole)


def test_what_is_not_finite_is_null(tmp_path: Path) -> None:
    training, monitor = Training(gan(load("ring"), 1), precision="float32"), Monitor(tmp_path / "m.jsonl", n=8)
    with torch.no_grad():
        for weight in training.game.critic.parameters():
            weight.fill_(math.inf)
    monitor.start(training)
    training.step = 1
    monitor.step(training)
    monitor.end(training, None)
    (line,) = [json.loads(text, parse_constant=pytest.fail) for text in monitor.path.read_text().splitlines()]
    assert line["score/train"] is None
    assert line["diversity"] > 0
