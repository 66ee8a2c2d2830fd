"""What a game can do it says by its class, and everything around it listens."""

import ast
from pathlib import Path

import pytest
import torch
from torch import nn

import gansmith
from gansmith.data import load
from gansmith.examinations import measure
from gansmith.exhibits import EXHIBITS
from gansmith.games import GAN, OGAN, Duels, Encodes, Game, Normal, Player, Samples, Scores, Uniform
from gansmith.games.heads import standardize
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating
from gansmith.training import Experiment, Stage, Training, train
from gansmith.training.monitor import look

PACKAGE = Path(gansmith.__file__).parent


def gan():
    return GAN(MLP(4, 2), MLP(2, None), NonSaturating(), Normal(4))


def ogan():
    return OGAN(MLP(4, 2), MLP(2, 4), NonSaturating(), Normal(4))


def test_the_abilities_of_the_games():
    assert [isinstance(gan(), ability) for ability in (Duels, Samples, Scores, Encodes)] == [True, True, True, False]
    assert all(isinstance(ogan(), ability) for ability in (Duels, Samples, Scores, Encodes))


@pytest.mark.parametrize("make", [gan, ogan])
def test_samples_are_what_is_decoded_from_inputs(make):
    game = make()
    torch.manual_seed(0)
    inputs = game.inputs(5)
    torch.manual_seed(0)
    assert torch.equal(game.decode(inputs), game.sample(5))


def test_classes_of_a_game_without_them_are_refused():
    with pytest.raises(ValueError, match="needs a game with classes to choose from, but GAN has none: leave y out"):
        gan().sample(3, torch.zeros(3, dtype=torch.int64))


class Line(Encodes):
    """Codes are twice the samples."""

    def decode(self, inputs):
        return inputs / 2

    def encode(self, x):
        return 2 * x


def test_reconstructions_and_ways_follow_from_codes():
    game, a, b = Line(), torch.tensor([[1.0], [0.0]]), torch.tensor([[3.0], [1.0]])
    assert torch.equal(game.reconstruct(a), a) and torch.equal(game.reconstruct(a, 0.5), a / 2)
    assert torch.equal(game.interpolate(a, b, 3)[:, :, 0], torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.5, 1.0]]))


class Alone(Game):
    """A game that can do nothing but be played."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 2)

    def players(self):
        return {"net": Player([self.net], lambda batch: (self.net(batch.x) - batch.x).square().mean())}


def test_a_game_that_can_do_nothing_trains_and_is_measured_of_nothing():
    data, game = load("ring", limit=400), Alone()
    dynamics = gansmith.Alternating({"net": torch.optim.SGD(game.net.parameters(), 0.1)})
    training = train(Training(Experiment([Stage(game, dynamics, data, 3, batch=16)]), device="cpu"))
    assert training.done and not any(exhibit.fits(training.average, data) for exhibit in EXHIBITS)
    numbers = measure(training.average, data, 0)
    assert numbers["n"] == 40 and "metrics" not in numbers and "samples" not in numbers
    batch = data.select(data.train[:8])
    assert look(game, batch, batch) == {}


def test_nobody_asks_a_game_by_the_name_of_an_attribute():
    """Abilities are classes: no hasattr or getattr of a game, and none that is Any, in what is around games."""
    around = ("runs", "commands", "training", "exhibits", "examinations", "report", "games", "testing")
    for file in (file for folder in around for file in (PACKAGE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("hasattr", "getattr")
            ):
                target = ast.unparse(node.args[0])
                assert not any(word in target for word in ("game", "average")), f"{file}:{node.lineno} {target}"
            if isinstance(node, ast.arg) and node.annotation is not None and node.arg in ("game", "average"):
                assert "Any" not in ast.unparse(node.annotation), f"{file}:{node.lineno}"


def test_labels_survive_opening_without_data():
    from gansmith.data.selection import Selection
    from gansmith.runs.opening import without_samples

    data = load("digits")
    empty = without_samples(Selection("digits").record(data))
    assert (empty.classes, empty.shape, len(empty)) == (10, (1, 8, 8), 0)
    assert without_samples(Selection("ring").record(load("ring"))).classes == load("ring").classes


def test_the_average_follows_each_step_once():
    data = load("ring", limit=400)
    torch.manual_seed(0)
    training = Training(gansmith.recipes.gan(data, 5, batch=16, width=8), device="cpu", precision="float32", decay=0.5)
    expected = []
    for t in range(5):
        training.advance()
        now = [p.detach().clone() for p in training.game.parameters()]
        decay = min(0.5, (1 + t) / (10 + t))
        expected = [decay * old + (1 - decay) * new for old, new in zip(expected or now, now, strict=True)]
    torch.testing.assert_close([p.detach() for p in training.average.parameters()], expected)


def test_the_way_between_codes_has_the_latents_deviation():
    game = OGAN(MLP(8, 3), MLP(3, 8), NonSaturating(), Uniform(8))
    a, b = torch.randn(2, 4, 3)
    mixed = (game.encode(a) + game.encode(b)) / 2
    code = standardize(mixed) * Uniform.std
    torch.testing.assert_close(game.interpolate(a, b, 3)[:, 1], game.decode(code))
    torch.testing.assert_close(game.interpolate(a, b, 3)[:, 0], game.reconstruct(a))
