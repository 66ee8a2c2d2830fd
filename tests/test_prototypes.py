"""Four games of other people's, over the public interfaces alone: everything around a game works for them."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gansmith
from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.games import Encodes
from gansmith.refusal import Refusal
from gansmith.runs import trainer
from gansmith.testing import check_game
from gansmith.training import Hook, Training, checkpoint, train

HERE = Path(__file__).parent / "prototypes"
NAMES = ("bigan", "conditional", "vae", "policy")
QUICK = ["--device", "cpu", "--precision", "float32", "--steps"]
EXHIBITS = {
    "bigan": {"samples", "real", "reconstructions", "interpolations", "codes"},
    "conditional": {"samples", "real", "classes"},
    "vae": {"samples", "real", "reconstructions", "interpolations", "codes"},
    "policy": {"samples", "real", "classes"},
}


def flags(name):
    return ["train", f"{HERE / name}.py:{name}", "--data", "digits", *QUICK]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prototypes")
    for name in NAMES:
        assert main([*flags(name), "12", "--out", str(folder / name)]) == 0
    return folder


def state(run):
    return checkpoint.digest(checkpoint.load(run / "checkpoint.pt"))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_short(name):
    assert len((HERE / f"{name}.py").read_text().splitlines()) <= 60


@pytest.mark.parametrize("name", NAMES)
def test_it_is_measured_and_drawn(name, runs):
    run = runs / name
    metrics = json.loads((run / "metrics.json").read_text())
    assert {"metrics", "memorization", "duplicates", "classes"} <= metrics.keys()
    assert ("reconstruction" in metrics) == (name in ("bigan", "vae"))
    drawn = {folder.name for folder in run.iterdir() if (folder / "000012.png").exists()}
    assert EXHIBITS[name] <= drawn
    page = (run / "report.html").read_text()
    assert "could not be read" not in page
    with Image.open(run / "overview.png") as overview:
        assert overview.width == 1600
    monitored = [json.loads(line) for line in (run / "monitor.jsonl").read_text().splitlines()]
    assert monitored[-1]["diversity"] >= 0
    assert ("score/held_out" in monitored[-1]) == (name != "vae")


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_run_ends_in_the_same_bits(name, runs, tmp_path, monkeypatch):
    class Stop(Hook):
        def step(self, training):
            training.interrupted = training.step == 5

    hooks = trainer._hooks
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_hooks", lambda *given: [*hooks(*given), Stop()])
        assert main([*flags(name), "12", "--out", str(tmp_path / "run")]) == 130
    assert main(["resume", str(tmp_path / "run"), "--trust"]) == 0
    assert state(tmp_path / "run") == state(runs / name)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_opened_without_its_data_and_sampled_by_the_command(name, runs, tmp_path, monkeypatch):
    def absent(*given, **options):
        raise AssertionError("the data were asked for")

    monkeypatch.setattr("gansmith.data.selection.load", absent)
    assert main(["sample", str(runs / name), "-n", "3", "--trust", "-o", str(tmp_path / "out")]) == 0
    pictures = [np.asarray(Image.open(tmp_path / "out" / f"{i:06d}.png")) for i in range(3)]
    run = gansmith.load_run(runs / name, trust=True)
    samples = run.sample(3)
    assert samples.shape == (3, 1, 8, 8)
    for picture, sample in zip(pictures, samples, strict=True):
        assert np.abs(picture.astype(float) - (sample[0].numpy() + 1).clip(0, 2) * 127.5).max() <= 1
    assert run.data.classes == 10 and len(run.data) == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_other_commands_take_it_or_say_why_not(name, runs, tmp_path, refused):
    image = tmp_path / "a.png"
    Image.fromarray(np.full((8, 8), 99, np.uint8)).save(image)
    assert main(["evaluate", str(runs / name), "--trust", "-o", str(tmp_path / "numbers.json")]) == 0
    assert main(["report", str(runs / name), "--trust"]) == 0
    words = ["reconstruct", runs / name, image, "--trust", "-o", tmp_path / "pairs"]
    if name in ("bigan", "vae"):
        assert main([str(word) for word in words]) == 0
        assert main(["encode", str(runs / name), str(image), "--trust", "-o", str(tmp_path / "codes.npz")]) == 0
        way = ["interpolate", str(runs / name), str(image), str(image), "--trust", "-o", str(tmp_path / "way")]
        assert main(way) == 0
    else:
        assert "needs a game that encodes" in refused(*words)


@pytest.mark.parametrize("name", ["conditional", "policy"])
def test_a_class_can_be_asked_for(name, runs):
    run = gansmith.load_run(runs / name, trust=True)
    assert torch.equal(run.sample(4, y=3), run.sample(4, y=torch.full((4,), 3)))
    assert not torch.equal(run.sample(4, y=3), run.sample(4, y=4))
    with pytest.raises(Refusal, match=r"classes from 0 to 9, one or 4, but got \[10"):
        run.sample(4, y=10)


def test_a_class_of_a_game_without_classes_is_refused(runs):
    with pytest.raises(Refusal, match="needs a game with classes to choose from, but vae has none"):
        gansmith.load_run(runs / "vae", trust=True).sample(4, y=3)


def recipe(name):
    sys.path.insert(0, str(HERE))
    try:
        return getattr(__import__(name), name)
    finally:
        sys.path.remove(str(HERE))


@pytest.mark.parametrize("name", ["bigan", "conditional", "vae"])
def test_it_keeps_the_laws_of_games(name):
    torch.manual_seed(0)
    data = load("digits")
    game = recipe(name)(data, 1, latent=4, width=8).stages[0].game
    check_game(game, data.batch(0, 0, 8), smooth=False)


def test_held_out_samples_are_scored_under_their_own_labels():
    """A closure over the training batch's labels once scored them under those."""
    data = load("digits")
    game = recipe("conditional")(data, 1, width=8).stages[0].game
    critic, _, _ = game.duel(data.select(data.train[:16]))
    held_out = data.select(data.held_out[:5])
    x, y = game.real(held_out)
    assert torch.equal(y, held_out.y) and torch.equal(critic((x, y)), game.score((x, y)))


def test_a_policy_learns_which_items_belong_to_a_query():
    torch.manual_seed(0)
    data = load("digits")
    game = train(Training(recipe("policy")(data, 800), device="cpu", precision="float32")).average
    y = data.y[data.train[:300]]
    chances = game.table.weight.detach().softmax(1)
    right = torch.stack([chances[c][y == c].sum() for c in range(10)])
    assert right.mean() > 0.25  # by chance 0.1


def test_an_autoencoder_reconstructs():
    torch.manual_seed(0)
    data = load("digits")
    game = train(Training(recipe("vae")(data, 400), device="cpu", precision="float32")).average
    assert isinstance(game, Encodes)
    x = data.values(data.held_out)
    error = (game.reconstruct(x) - x).square().mean()
    assert error < 0.3 * x.sub(x.mean(0)).square().mean()


FAILS = """
import torch
from gansmith.games import OGAN
from gansmith.recipes.ogan import ogan

class Late(OGAN):
    def reconstruct(self, x, truncation=1.0):
        raise RuntimeError("not today")

    def encode(self, x, truncation=1.0):
        return super().encode(x)[:, :, None]

def late(data, steps: int = 3):
    experiment = ogan(data, steps, batch=16, width=16)
    experiment.stages[0].game.__class__ = Late
    return experiment
"""


def test_a_picture_or_a_number_that_fails_costs_no_training(tmp_path, capsys):
    (tmp_path / "late.py").write_text(FAILS)
    run = tmp_path / "run"
    assert main(["train", f"{tmp_path}/late.py:late", "--device", "cpu", "--out", str(run)]) == 0
    out = capsys.readouterr().out
    assert "no picture of originals, each beside its reconstruction: RuntimeError: not today" in out
    assert "not measured: encoder: " in out
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["failed"][0].startswith("encoder: ") and "metrics" in metrics
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    assert "not measured: encoder" in (run / "report.html").read_text()
    assert checkpoint.load(run / "checkpoint.pt")["step"] == 3
