"""A run on a table whose columns are of very different size: users see its own units, networks standardized ones."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from runs import TINY, tampered

import gansmith
from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.evaluate.choosing import choose
from gansmith.examinations.base import Subject
from gansmith.exhibits.points import POINTS, level_of
from gansmith.runs import trainer
from gansmith.runs.folder import RunFolder
from gansmith.runs.opening import data_of, same_data
from gansmith.training.loop import Hook

RNG = np.random.default_rng(2)
PEOPLE = np.stack([RNG.normal(40, 8, 300), np.exp(RNG.normal(10, 0.3, 300))], 1).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The table as CSV, and two runs on it."""
    folder = tmp_path_factory.mktemp("people")
    np.savetxt(folder / "people.csv", PEOPLE, delimiter=",", header="age,income", comments="", fmt="%.6g")
    for recipe in ("gan", "ogan"):
        words = ["train", recipe, "--data", str(folder / "people.csv"), *TINY, "--out", str(folder / recipe)]
        assert main(words) == 0
    return folder


@pytest.fixture
def run(folder, tmp_path):
    return shutil.copytree(folder / "gan", tmp_path / "gan")


def test_samples_are_in_the_units_of_the_table(run, capsys):
    assert main(["sample", str(run), "-n", "40"]) == 0
    with np.load(run / "sampled-1" / "samples.npz") as file:
        samples = file["samples"]
    # After two steps a network still makes about 0 in each column: the middle of the data.
    center, spread = PEOPLE.mean(0), PEOPLE.std(0)
    assert (np.abs(samples.mean(0) - center) < 3 * spread).all() and samples.std(0)[1] > 1
    opened = gansmith.load_run(run)
    assert opened.data.scale is not None and torch.equal(opened.sample(40), torch.from_numpy(samples))


def test_what_goes_in_is_in_the_units_of_the_table(folder):
    run = gansmith.load_run(folder / "ogan")
    data = load(str(folder / "people.csv"))
    first = dataclasses.replace(data, x=data.x[:20], scale=None)
    codes = run.encode(data.x[:20])
    assert torch.equal(run.encode(first), codes) and torch.equal(run.encode(folder / "people.csv")[:20], codes)
    assert torch.equal(run.encoder().encode(data.values(torch.arange(20))), codes)
    again = run.reconstruct(data.x[:20])
    torch.testing.assert_close(
        data.prepare(again), run.encoder().reconstruct(data.prepare(data.x[:20])), rtol=1e-4, atol=1e-4
    )
    ways = run.interpolate(data.x[:3], data.x[3:6], 4)
    assert ways.shape == (3, 4, 2) and (np.abs(ways.numpy() - PEOPLE.mean(0)) < 9 * PEOPLE.std(0)).all()
    scores = run.score(data.x[:20])
    assert torch.equal(scores, run.score(folder / "people.csv")[:20])
    assert torch.equal(scores, run.score(first))


def test_a_tuple_goes_in_by_its_first_part_in_the_units_of_the_table(folder, monkeypatch):
    run = gansmith.load_run(folder / "gan")
    x, y = torch.from_numpy(PEOPLE[:4]), torch.arange(4)
    monkeypatch.setattr(type(run.game), "score", lambda game, sample: sample[0][:, 1] + 10 * sample[1])
    torch.testing.assert_close(run.score((x, y)), run.data.prepare(x)[:, 1] + 10 * y)


def test_the_picture_of_points_is_in_the_units_of_the_table(folder, tmp_path, monkeypatch):
    assert list((folder / "gan" / "points").glob("*.png"))
    run = gansmith.train("gan", folder / "people.csv", steps=1, width=16, batch=16, device="cpu", out=tmp_path / "run")
    shown = []
    monkeypatch.setattr("gansmith.exhibits.points.draw_plane", lambda axes, *what: shown.append(what))
    POINTS.draw(run.training)
    real, fake, level = shown[0]
    data, batch = run.data, run.data.select(run.data.held_out)
    torch.testing.assert_close(real, data.x[data.held_out])
    assert float(fake[:, 1].median()) > 1000
    expected = level_of(run.game, batch)
    assert expected is not None
    torch.testing.assert_close(level(real), expected(batch.x), rtol=1e-3, atol=1e-3)


def test_resume_takes_the_scale_of_the_record(run):
    folder = RunFolder.open(run)
    data = data_of(folder, None)
    assert data.scale is not None and data.scale.record() == folder.record["data"]["scale"]
    mean = [value + 1 for value in data.scale.record()["mean"]]
    moved = data_of(RunFolder.open(tampered(run, data__scale__mean=mean)), None)
    assert moved.scale is not None and moved.scale.mean.tolist() == mean
    assert not torch.equal(moved.values(torch.arange(3)), data.values(torch.arange(3)))
    # A run of a version that had no scale goes on without one.
    older = RunFolder.open(tampered(run, data__scale=...))
    assert data_of(older, None).scale is None and same_data(older, data).scale is None
    assert torch.equal(gansmith.load_run(run).data.restore(data.x), data.x)


def test_a_resumed_run_ends_in_the_same_bits(folder, tmp_path, monkeypatch):
    class Stop(Hook):
        def step(self, training):
            training.interrupted = training.step == 3

    words = ["train", "gan", "--data", str(folder / "people.csv"), *TINY, "--steps", "6", "--out"]
    assert main([*words, str(tmp_path / "whole")]) == 0
    hooks = trainer._hooks
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_hooks", lambda *given: [*hooks(*given), Stop()])
        assert main([*words, str(tmp_path / "part")]) == 130
    # Another machine may sum in another order: the scale is that of the record.
    monkeypatch.setattr("gansmith.data.dataset.scale_of", lambda x, train: None)
    assert main(["resume", str(tmp_path / "part")]) == 0
    whole, part = (gansmith.load_run(tmp_path / name).game.state_dict() for name in ("whole", "part"))
    assert whole.keys() == part.keys() and all(torch.equal(whole[name], part[name]) for name in whole)


@pytest.mark.parametrize(
    "scale",
    [
        3,
        {},
        {"mean": [0.0, 0.0]},
        {"mean": [0.0, 0.0], "deviation": [1.0]},
        {"mean": [0.0, 0.0], "deviation": [1.0, 0.0]},
        {"mean": [0.0, 1e300], "deviation": [1.0, 1.0]},
        {"mean": [0.0, "1"], "deviation": [1.0, 1.0]},
        {"mean": [0.0] * 3, "deviation": [1.0] * 3},
    ],
    ids=str,
)
def test_a_damaged_scale_is_refused(run, scale, refused):
    assert "needs a proper 'scale'" in refused("sample", tampered(run, data__scale=scale))


def test_numbers_compare_standardized_columns(folder, capsys):
    """Half the distance in a column of years must not drown in one of incomes."""
    metrics = json.loads((folder / "gan" / "metrics.json").read_text())
    assert "standardized" in metrics["features"]["why"]
    run = gansmith.load_run(folder / "gan")
    data = load(str(folder / "people.csv"))
    subject = Subject(run.game, data, 0, torch.device("cpu"), choose(None, data))
    assert float(subject.real_features.std(0).max()) < 3 and float(subject.sample_features.abs().max()) < 30


def test_two_tables_are_compared_by_the_scale_of_the_real_one(folder, tmp_path, capsys):
    fake = PEOPLE * np.float32([1, 3])  # standardized by its own scale it would look like the real one
    np.save(tmp_path / "fake.npy", fake)
    words = ["evaluate", str(tmp_path / "fake.npy"), "--against", str(folder / "people.csv"), "--json"]
    assert main(words) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics["coverage"]["value"] < 0.6 and metrics["coverage"]["floor"] > 0.8
