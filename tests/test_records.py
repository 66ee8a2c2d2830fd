"""A run folder is made only where its record can be read again, and says what it was trained with."""

import json
import math

import numpy as np
import pytest
import torch
from runs import tampered

import gansmith
from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.games import GAN, Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating
from gansmith.recipes import gan
from gansmith.recipes.pairs import adam
from gansmith.refusal import Refusal
from gansmith.runs.folder import RunFolder
from gansmith.training.experiment import Experiment, Stage


def own(data, steps: int = 2, clip=math.inf, make=MLP):
    game = GAN(make(4, 2, 8), make(2, None, 8), NonSaturating(), Normal(4))
    return Experiment([Stage(game, adam(game, steps, min(1e-3, clip)), data, steps, 8)])


@pytest.fixture(scope="module")
def ring():
    return load("ring", limit=400)


def test_columns_whose_scales_no_record_can_keep_are_refused(tmp_path, refused):
    x = np.random.default_rng(0).normal(size=(12, 80_000)).astype(np.float32)
    np.save(tmp_path / "wide.npy", x * np.float32(100) ** (np.arange(80_000) % 2))
    words = refused(
        "train", "gan", "--data", tmp_path / "wide.npy", "--batch", 4, "--width", 2, "--out", tmp_path / "a"
    )
    assert "needs a record of at most 3,900,000 bytes" in words and not (tmp_path / "a").exists()


def test_defaults_that_no_record_keeps_stay_those_of_the_recipe(ring, tmp_path):
    run = gansmith.train(own, ring, out=tmp_path / "run")
    assert run.folder.record["arguments"] == {"steps": 2}
    assert torch.equal(gansmith.load_run(tmp_path / "run", recipe=own).sample(3), run.sample(3))


def test_a_default_of_a_file_that_no_record_keeps_is_handed_over_by_nobody(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import math\nfrom gansmith.recipes.gan import gan\n\n"
        "def mine(data, steps: int = 1, clip: float = math.inf):\n"
        "    assert clip == math.inf\n    return gan(data, steps, batch=8, width=4)\n"
    )
    run = tmp_path / "run"
    assert main(["train", f"{tmp_path / 'mine.py'}:mine", "--data", "ring", "--limit", "400", "--out", str(run)]) == 0
    assert RunFolder.open(run).record["arguments"] == {"steps": 1}
    assert main(["sample", str(run), "--trust", "-n", "2"]) == 0


@pytest.mark.parametrize("value", [-math.inf, math.nan, (0.5,), {1: 2}, MLP, np.float32(0.5)])
def test_arguments_that_no_record_keeps_are_refused(value, ring, tmp_path):
    with pytest.raises(Refusal, match="--clip needs a finite number, a word, true, false or a list of them, but got"):
        gansmith.train(own, ring, out=tmp_path / "run", clip=value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "value"), [("size", np.int64(16)), ("held_out", np.float32(0.3)), ("limit", np.int64(99))]
)
def test_numbers_of_numpy_leave_no_folder(name, value, tmp_path):
    with pytest.raises(Refusal, match=f"needs {name} as plain numbers and words, .* of type {type(value).__name__}"):
        gansmith.train("ogan", "digits", steps=1, out=tmp_path / "run", **{name: value})
    assert not (tmp_path / "run").exists()


def test_a_record_with_deep_lists_is_damaged(ring, tmp_path, refused):
    gansmith.train("gan", ring, steps=1, width=8, out=tmp_path / "run")
    tampered(tmp_path / "run", machine__x="DEEP")
    file = tmp_path / "run/run.json"
    file.write_text(file.read_text().replace('"DEEP"', "[" * 900 + "]" * 900))
    assert "run.json is damaged" in refused("resume", tmp_path / "run", "--steps", 3)


def test_an_experiment_begins_with_the_networks_of_a_run_on_pictures(tmp_path):
    data = load("digits", limit=200)
    gansmith.train("gan", data, steps=1, width=8, batch=8, out=tmp_path / "a")
    run = gansmith.train(gan(data, 1, width=8, batch=8), start_from=tmp_path / "a", out=tmp_path / "b")
    assert run.folder.record["from"] == run.folder.record["from"] | {"run": str(tmp_path / "a"), "pictures": 8}


def test_a_number_of_rounds_ends_the_pace_in_the_same_write(tmp_path, monkeypatch):
    """Killed between two writes, a run would follow the old pace to another number of rounds than was asked for."""
    gansmith.train("gan", "ring", limit=400, steps=2, width=8, out=tmp_path / "run")
    RunFolder.open(tmp_path / "run").update(pace=[[0, 4], [1, 2]])
    saved, save = [], RunFolder.save

    def kept(run):
        saved.append(json.dumps(run.record))
        save(run)

    monkeypatch.setattr(RunFolder, "save", kept)
    assert main(["resume", str(tmp_path / "run"), "--steps", "3"]) == 0
    records = [json.loads(text) for text in saved]
    assert all(record["pace"] == [] for record in records if record["arguments"]["steps"] == 3)
