"""What is chosen where nothing was said: the recipe by the data, the size by the time; how long a run goes on."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import gansmith
from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.refusal import Refusal
from gansmith.runs import preparation
from gansmith.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("elsewhere", "few_samples")
SMALL = ["--width", "2", "--batch", "4"]
PHOTOS = [*SMALL, "--critic-width", "2"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Thirty pictures of 140 pixels, in color and gray."""
    generator = np.random.default_rng(0)
    folders = {}
    for kind, channels in (("color", 3), ("gray", 1)):
        folders[kind] = tmp_path_factory.mktemp(kind)
        for i in range(30):
            x = generator.integers(0, 256, (7, 7, channels), np.uint8).repeat(20, 0).repeat(20, 1)
            Image.fromarray(x if channels == 3 else x[..., 0]).save(folders[kind] / f"{i}.png")
    return folders


def trained(out, *words):
    assert main(["train", *map(str, words), "--out", str(out)]) == 0
    return RunFolder.open(out).record


def test_color_pictures_are_for_photos_and_gray_ones_for_ogan(pictures, tmp_path):
    record = trained(tmp_path / "a", "--data", pictures["color"], "--steps", 1, *PHOTOS, "--size", 8)
    assert record["recipe"] == "photos"
    record = trained(tmp_path / "b", "--data", pictures["gray"], "--steps", 1, *SMALL, "--size", 8)
    assert record["recipe"] == "ogan"
    run = gansmith.train(data=load(pictures["color"], size=8), steps=1, width=2, critic_width=2, batch=4)
    assert run.folder.record["recipe"] == "photos"


def test_flags_are_those_of_the_recipe_that_fits(pictures, refused):
    assert "unrecognized arguments: --critic-width" in refused("train", "--data", pictures["gray"], "--critic-width", 2)
    assert "unrecognized arguments: --head" in refused("train", "--data", pictures["color"], "--head", "mean")
    assert "no data named 'nothing'" in refused("train", "--data", "nothing")


def test_photos_are_64_pixels_unless_another_size_is_asked_for(pictures, tmp_path):
    record = trained(tmp_path / "a", "--data", pictures["color"], "--steps", 1, *PHOTOS)
    assert record["data"]["shape"] == [3, 64, 64] and record["data"]["size"] == 64
    assert main(["resume", str(tmp_path / "a"), "--more", "1"]) == 0
    record = trained(tmp_path / "b", "r3", "--data", pictures["color"], "--steps", 1, "--width", 2, "--batch", 4)
    assert record["data"]["shape"] == [3, 128, 128] and record["data"]["size"] is None


@pytest.mark.parametrize(
    ("rounds", "size", "line"),
    [
        ({64: 2000}, 64, "64 px: about 2,000 rounds of it fit into 7 minutes here (128 px: 500, and needs 9,600)"),
        ({64: 300, 32: 1300}, 32, "32 px: about 1,300 rounds"),
        ({64: 300, 32: 100}, 32, "100 rounds of it fit into 7 minutes here, and pictures want 150: give it more"),
        ({64: 20_000}, 64, "64 px: about 20,000 rounds"),
        (
            {64: 40_000, 128: 12_000},
            128,
            "128 px: about 12,000 rounds of it fit into 7 minutes here (256 px: 3,000, and",
        ),
        ({64: 40_000, 128: 9000}, 64, "64 px: about 40,000 rounds"),
        ({64: 10**6, 128: 2 * 10**5, 256: 40_000}, 256, "256 px: about 40,000 rounds"),
    ],
)
def test_the_size_of_photos_fits_the_time(rounds, size, line, pictures, tmp_path, monkeypatch, capsys):
    """The trials are stood in for: what is chosen depends on the rounds alone."""
    monkeypatch.setattr(preparation, "steps_within", lambda t, s: rounds[t.stage.data.shape[-1]])
    monkeypatch.setattr("gansmith.runs.trainer._go_on", lambda training, run, *times: run)
    assert gansmith.train(data=pictures["color"], minutes=7, width=2, critic_width=2, batch=4, out=tmp_path / "run")
    record = RunFolder.open(tmp_path / "run").record
    assert record["data"]["size"] == record["data"]["shape"][-1] == size
    assert record["arguments"]["steps"] == rounds[size]
    assert line in capsys.readouterr().out


def test_networks_that_have_learned_clothes_need_half_as_many_rounds(pictures, tmp_path, monkeypatch):
    rounds = {64: 300, 32: 1300}
    monkeypatch.setattr(preparation, "steps_within", lambda t, s: rounds[t.stage.data.shape[-1]])
    monkeypatch.setattr("gansmith.runs.trainer._go_on", lambda training, run, *times: run)
    for start_from, size in ((None, 64), ("scratch", 32)):
        gansmith.train(data=pictures["color"], minutes=2, out=tmp_path / str(size), start_from=start_from)
        record = RunFolder.open(tmp_path / str(size)).record
        assert record["data"]["size"] == size and ("from" in record) == (start_from is None)


def test_other_recipes_get_a_size_for_their_minutes_too(pictures, tmp_path, monkeypatch, capsys):
    rounds = {64: 300, 32: 700}
    monkeypatch.setattr(preparation, "steps_within", lambda t, s: rounds[t.stage.data.shape[-1]])
    monkeypatch.setattr("gansmith.runs.trainer._go_on", lambda training, run, *times: run)
    for name in ("gray", "color"):
        gansmith.train("r3", pictures[name], minutes=7, width=2, batch=4, out=tmp_path / name)
        assert RunFolder.open(tmp_path / name).record["data"]["shape"][1:] == [32, 32]
    assert "32 px: about 700 rounds of it fit into 7 minutes here" in capsys.readouterr().out
    monkeypatch.setattr(preparation, "steps_within", lambda t, s: 10**6)
    gansmith.train("gan", "digits", minutes=7, width=2, batch=4, out=tmp_path / "digits")
    assert "px" not in capsys.readouterr().out  # they have 8, and are not enlarged


def test_no_size_is_chosen_that_pictures_do_not_have(tmp_path, monkeypatch):
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "a.png")
    for i in range(8):
        Image.fromarray(np.full((32, 32, 3), i, np.uint8)).save(tmp_path / f"{i}.png")
    monkeypatch.setattr(preparation, "steps_within", lambda t, s: 10**6)
    monkeypatch.setattr("gansmith.runs.trainer._go_on", lambda training, run, *times: run)
    gansmith.train(data=tmp_path, minutes=7, width=2, critic_width=2, batch=4, out=tmp_path / "run")
    assert RunFolder.open(tmp_path / "run").record["data"]["shape"] == [3, 32, 32]


def test_a_size_that_is_asked_for_stays(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "steps_within", lambda t, s: 10)
    record = trained(tmp_path / "run", "photos", "--data", pictures["color"], "--minutes", 5, "--size", 16, *PHOTOS)
    assert record["data"]["shape"] == [3, 16, 16] and record["arguments"]["steps"] == 10


def test_a_run_that_begins_with_another_has_its_recipe_and_size(pictures, tmp_path):
    first = tmp_path / "first"
    trained(first, "r3", "--data", pictures["color"], "--steps", 1, "--width", 2, "--batch", 4, "--size", 16)
    data = ["--data", pictures["color"], "--limit", 20]
    record = trained(tmp_path / "second", *data, "--from", first, "--steps", 1, "--width", 2, "--batch", 4)
    assert record["recipe"] == "r3" and record["data"]["shape"] == [3, 16, 16]


def test_a_share_is_held_out(tmp_path, refused):
    record = trained(tmp_path / "run", "gan", "--held-out", "0.3", "--limit", 100, "--steps", 1, *SMALL)
    assert record["data"]["held_out"] == 0.3
    assert len(gansmith.load("digits", limit=100, held_out=0.3).held_out) == 30
    numbers = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert numbers["split"] == {"train": 70, "held_out": 30}
    assert "--held-out 0.3" in (tmp_path / "run" / "report.html").read_text()
    assert main(["resume", str(tmp_path / "run"), "--more", "1"]) == 0
    for share in ("0", "1", "nan", "1.5", "-0.1", "a"):
        assert "needs a share between 0 and 1" in refused("train", "gan", f"--held-out={share}")


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_share_leaves_some_to_learn_from_and_is_the_same_for_every_seed(share):
    data = load("digits", limit=50, held_out=share)
    assert len(data.train) >= 1 and len(data.held_out) == min(max(1, round(share * 50)), 49)
    assert torch.equal(data.held_out, load("digits", limit=50, held_out=share).held_out)
    assert sorted(torch.cat([data.train, data.held_out]).tolist()) == list(range(50))


def test_a_run_goes_on_for_so_many_rounds_or_minutes(ring, monkeypatch, capsys):
    assert main(["resume", str(ring), "--more", "3"]) == 0
    assert RunFolder.open(ring).record["arguments"]["steps"] == RunFolder.open(ring).record["step"] == 5
    monkeypatch.setattr("gansmith.runs.preparation.steps_within", lambda training, seconds: int(seconds / 60))
    assert main(["resume", str(ring), "--minutes", "2"]) == 0
    assert RunFolder.open(ring).record["step"] == 7
    assert "2 minutes are about 2 steps here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"more": 1, "minutes": 1.0}, "needs one of steps, more and minutes, but got more and minutes"),
        ({"more": 0}, "needs a whole number from 1 to 1,000,000,000 for more, but got 0"),
        ({"steps": 2.5}, "needs a whole number from 1 to 1,000,000,000 for steps, but got 2.5"),
        ({"minutes": -1.0}, "needs minutes above 0, but got -1"),
    ],
)
def test_how_long_is_said_in_one_way(options, message, ring):
    with pytest.raises(Refusal, match=message):
        gansmith.resume(ring, **options)


def test_the_planned_rounds_of_a_resumed_run_are_those_of_an_undisturbed_one(ring, tmp_path):
    """`--more 2` of a run of two rounds is bit for bit `--steps 4` of it."""
    import shutil

    other = tmp_path / "other"
    shutil.copytree(ring, other)
    one, two = gansmith.resume(ring, more=2), gansmith.resume(other, steps=4)
    pairs = zip(one.training.game.state_dict().values(), two.training.game.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
