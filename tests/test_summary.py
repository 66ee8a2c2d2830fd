"""What a run leaves at its end: numbers, words and a page."""

import json

import pytest
import torch
from PIL import Image

from gansmith.data import load
from gansmith.evaluate import choose
from gansmith.examinations import measure, sentences, tables
from gansmith.examinations.base import Subject
from gansmith.games import Encodes
from gansmith.recipes import gan, ogan
from gansmith.runs.folder import RunFolder
from gansmith.runs.gallery import draw_exhibits
from gansmith.runs.summary import summarize
from gansmith.training.loop import Training, train


class Memory(Encodes):
    """A game that knows the data by heart: samples are training images, codes the images themselves."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def inputs(self, n, y=None):
        place = torch.randint(len(self.data.train), (n,))
        return self.data.values(self.data.train[place]).flatten(1)

    def encode(self, x):
        return x.flatten(1)

    def decode(self, inputs):
        return inputs.view(len(inputs), *self.data.shape)


class Blank(Memory):
    def decode(self, inputs):
        return -torch.ones(len(inputs), *self.data.shape)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_a_perfect_game_reaches_the_floor(digits):
    found = measure(Memory(digits), digits, seed=0)
    for name, metric in found["metrics"].items():
        assert metric["interval"][0] <= metric["value"] <= metric["interval"][1], name
    frechet, coverage = found["metrics"]["frechet_distance"], found["metrics"]["coverage"]
    assert frechet["value"] < 1.5 * frechet["floor"] and coverage["value"] > 0.9
    assert found["features"]["name"] == "digits" and found["n"] == 180 and found["resize"] == "none"
    assert found["classes"]["rarest"] > 0.05 and found["classes"]["judge_accuracy"] > 0.97
    assert (
        found["classes"]["covered"] == found["classes"]["of"] == 10 and found["classes"]["kl"] < 0.06
    )  # noise of 180: 0.03
    again = found["reconstruction"]
    perfect = {"mse": 0.0, "sharpness": 1.0, "same_class": 1.0}
    assert "psnr" not in again["game"]  # of a perfect copy infinite
    assert {name: again["game"][name] for name in perfect} == perfect
    assert again["game"]["frechet_distance"] < 1e-6 < again["game"]["midpoints_frechet_distance"]
    assert again["game"]["linear_probe"] > 0.9 and again["game"]["neighbor_probe"] > 0.95
    assert again["code"] == 64 and again["principal_code"] == 63
    assert 0 < again["principal_components"]["mse"] < 0.1
    assert again["latent_correlation"] == pytest.approx(1)
    json.dumps(found, allow_nan=False)


def test_a_game_that_copies_its_training_images_is_found_out(digits):
    found = measure(Memory(digits), digits, seed=0)["memorization"]
    assert found["nearest_ratio"] == 0 < found["floor"]
    assert found["c_t"] < -3 and found["authenticity"] == 0 < found["authenticity_of_real"]


def test_a_blank_game_does_not_reach_it(digits):
    found = measure(Blank(digits), digits, seed=0)
    frechet = found["metrics"]["frechet_distance"]
    assert frechet["value"] > 5 * frechet["floor"]
    assert found["metrics"]["coverage"]["value"] < 0.1 and found["metrics"]["diversity"]["value"] == 0
    assert found["duplicates"]["exact"] == 1
    assert found["classes"]["rarest"] == 0 and found["classes"]["covered"] == 1
    assert found["reconstruction"]["game"]["same_class"] < 0.3 and found["reconstruction"]["game"]["sharpness"] == 0
    assert any("1 of 10 classes appear" in line for line in sentences(found))
    json.dumps(found, allow_nan=False)


def test_points():
    data = load("ring")
    good, bad = (measure(game(data), data, seed=0) for game in (Memory, Blank))
    assert good["modes"]["captured"] == 8 and bad["modes"]["captured"] == 0
    assert good["metrics"]["energy_distance"]["value"] < 0.01 < bad["metrics"]["energy_distance"]["value"]
    json.dumps(bad, allow_nan=False)


def test_samples_are_all_drawn_anew():
    """Each part of the samples once had the same latents: 500 samples, four times."""
    game = Training(gan(load("ring"), steps=1, width=16), device="cpu").average
    found = measure(game, load("ring"), seed=0)
    assert found["samples"] == 2000 and found["duplicates"]["exact"] == 0


def test_copies_are_looked_for_however_few_were_held_out(digits):
    few = load("digits", limit=40)
    found = measure(Memory(few), few, seed=0)
    assert "too_few" in found and "metrics" not in found
    assert found["memorization"]["nearest_ratio"] == 0


def test_where_few_are_held_out_the_distance_is_that_from_training_samples_and_said_so():
    few = load("digits", limit=400)
    found = measure(Memory(few), few, seed=0)
    real = found["metrics"]["coverage"]["n"]["real"]
    assert len(few.held_out) == 40 and real == 180 == found["metrics"]["coverage"]["floor_n"]["fake"]
    assert "40 held-out samples are too few to measure a distance by" in " ".join(sentences(found))
    assert "--held-out 0.25 keeps enough" in found["seen"] and found["against"] == "held-out part of the data"
    assert "half of the training samples" in tables(found)[0].caption
    rows = Subject(Memory(few), few, 0, torch.device("cpu"), choose(None, few)).halves
    one, other = (set(part.tolist()) for part in rows)
    assert len(one) == len(other) == 180 and not one & other and one | other == set(few.train.tolist())


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
    drawn = {file.parent.name for file in run.path.glob("*/000003.png")}
    coded = {"reconstructions", "interpolations", "codes"} if recipe is ogan else set()
    assert drawn == ({"samples", "real", "neighbors", *coded} if data.is_images else {"points"})


def test_grids_do_not_turn_gray(tmp_path):
    """Gray pictures, first defect: a buffer that a first picture had left as uint8 swallowed the second one."""
    training = Training(ogan(load("digits"), steps=1, batch=8, width=16), device="cpu")
    for step in (1, 2):
        training.step = step
        draw_exhibits(training, tmp_path, during=True)
    first, second = ((tmp_path / "samples" / f"{step:06d}.png").read_bytes() for step in (1, 2))
    assert first == second
    with Image.open(tmp_path / "samples" / "000002.png") as page:
        assert len(page.getcolors()) > 3  # a gray picture has two: its own, and the gaps


@pytest.mark.parametrize(("recipe", "name"), [(ogan, "digits"), (gan, "ring")])
def test_drawing_and_measuring_disturb_no_generator(recipe, name, tmp_path):
    data = load(name)
    training = Training(recipe(data, steps=1, batch=8, width=16), device="cpu")
    torch.manual_seed(1)
    before = torch.default_generator.get_state()
    draw_exhibits(training, tmp_path)
    measure(training.average, data, 0)
    assert torch.equal(torch.default_generator.get_state(), before)
