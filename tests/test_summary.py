"""What a run leaves at its end: numbers, words and a page."""

import json

import pytest
import torch
from PIL import Image

from gansmith.data import load
from gansmith.evaluate.measure import measure
from gansmith.recipes import gan, ogan
from gansmith.run import RunFolder
from gansmith.summary import draw_reconstructions, draw_samples, sentences, summarize
from gansmith.training import Training, train


class Memory:
    """A game that knows the data by heart: samples are training images, reconstructions the originals."""

    def __init__(self, data, size=16):
        self.data, self.latent = data, type("Latent", (), {"size": size})

    def sample(self, n):
        place = torch.randint(len(self.data.train), (n,))
        return self.data.values(self.data.train[place])

    def reconstruct(self, x):
        return x


class Blank(Memory):
    def sample(self, n):
        return -torch.ones(n, *self.data.shape)

    def reconstruct(self, x):
        return -torch.ones_like(x)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_a_perfect_game_reaches_the_floor(digits):
    found = measure(Memory(digits), digits, seed=0)
    frechet = found["frechet_distance"]
    assert frechet["value"] < 1.5 * frechet["floor"]
    assert found["classes"]["rarest"] > 0.05 and found["classes"]["judge_accuracy"] > 0.97
    again = found["reconstruction"]
    assert again["game"] == {"mse": 0.0, "psnr": None, "same_class": 1.0}
    assert 0 < again["principal_components"]["mse"] < 0.1 and again["code"] == 16
    json.dumps(found, allow_nan=False)


def test_a_blank_game_does_not(digits):
    found = measure(Blank(digits), digits, seed=0)
    frechet = found["frechet_distance"]
    assert frechet["value"] > 5 * frechet["floor"]
    assert found["classes"]["rarest"] == 0
    assert found["reconstruction"]["game"]["same_class"] < 0.3
    assert any("classes are missing" in line for line in sentences(found))


def test_points():
    data = load("ring")
    good, bad = (measure(game(data), data, seed=0) for game in (Memory, Blank))
    assert good["modes"]["captured"] == 8 and bad["modes"]["captured"] == 0
    assert good["energy_distance"]["value"] < 0.01 < bad["energy_distance"]["value"]
    json.dumps(bad, allow_nan=False)


def test_the_same_seed_measures_the_same(digits):
    assert measure(Memory(digits), digits, 3) == measure(Memory(digits), digits, 3)


@pytest.mark.parametrize(("recipe", "name"), [(ogan, "digits"), (gan, "digits"), (gan, "ring"), (ogan, "grid")])
def test_a_run_leaves_a_page_and_numbers(recipe, name, tmp_path):
    data = load(name)
    training = train(Training(recipe(data, steps=3, batch=8, width=16), device="cpu"))
    record = {"recipe": recipe.__name__, "arguments": {}, "seed": 0, "data": {}}
    run = RunFolder.create(tmp_path / "run", record)
    found = summarize(training, run, ["a fact"])
    with Image.open(run.path / "overview.png") as page:
        assert page.width == 1600
    assert json.loads((run.path / "metrics.json").read_text()) == json.loads(json.dumps(found))
    assert found["step"] == 3 and sentences(found)
    draw_samples(training, run.path / "samples")
    draw_reconstructions(training, run.path / "reconstructions")
    assert (run.path / "samples" / "000003.png").exists() == data.is_images
    assert (run.path / "reconstructions" / "000003.png").exists() == (data.is_images and recipe is ogan)


def test_grids_do_not_turn_gray(tmp_path):
    """Gray pictures, first defect: a buffer that a first picture had left as uint8 swallowed the second one."""
    training = Training(ogan(load("digits"), steps=1, batch=8, width=16), device="cpu")
    for step in (1, 2):
        training.step = step
        draw_samples(training, tmp_path)
    first, second = ((tmp_path / f"{step:06d}.png").read_bytes() for step in (1, 2))
    assert first == second
    with Image.open(tmp_path / "000002.png") as page:
        assert len(page.getcolors()) > 3  # a gray picture has two: its own, and the gaps
