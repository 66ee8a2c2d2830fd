"""Numbers of the judge while a run trains."""

import json

import pytest
import torch
from runs import contents

import gansmith
from gansmith.data import load
from gansmith.disk.log import read_log
from gansmith.evaluate.data_features import data_features
from gansmith.games.base import Samples
from gansmith.recipes import gan
from gansmith.runs import growth, trainer
from gansmith.runs.growth import FEW, Growth, TrainingPictures, can_grow
from gansmith.runs.record import misfit
from gansmith.training import checkpoint
from gansmith.training.loop import Training

FLAGS = {"width": 16, "batch": 8, "device": "cpu", "precision": "float32"}


class Clock:
    """Each round takes a second, and each look so many."""

    def __init__(self, look=0.0):
        self.look, self.now = look, 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clocked(monkeypatch):
    def start(look=0.0):
        clock, advance, ask = Clock(look), Training.advance, TrainingPictures.beside

        def round_(training):
            clock.now += 1
            return advance(training)

        def asked(pictures, game):
            clock.now += clock.look
            return ask(pictures, game)

        monkeypatch.setattr(Training, "advance", round_)
        monkeypatch.setattr(TrainingPictures, "beside", asked)
        monkeypatch.setattr(growth, "time", clock)

    return start


class Given(Samples):
    """Its samples are those that it was given, in their order."""

    def __init__(self, x):
        super().__init__()
        self.x, self.at = x, 0

    def sample(self, n, y=None):
        self.at += n
        return self.x[self.at - n : self.at]


def steps(run):
    return [line["step"] for line in read_log(run.folder.path / "growth.jsonl")]


def test_a_run_tells_how_near_it_came(clocked, tmp_path, capsys):
    clocked()
    run = gansmith.train("ogan", "digits", steps=120, out=tmp_path / "run", **FLAGS)
    assert run.folder.record["looks_every"] == 6 and misfit(run.folder.record) is None
    assert steps(run) == [21, *range(24, 121, 6)]
    lines = read_log(run.folder.path / "growth.jsonl")
    pictures = TrainingPictures(load("digits"), 0)
    with gansmith.chance.keyed(gansmith.chance.Part((0, "growth"))):
        now = pictures.beside(run.training.average)
    for name in ("Frechet distance", "coverage"):
        assert lines[-1][name] == pytest.approx(now[name], abs=1e-6)
        assert lines[-1][f"{name}, real"] == pytest.approx(pictures.floor[name], abs=1e-6)
    said = capsys.readouterr().out
    assert (
        f"step 120: Frechet distance {now['Frechet distance']:.3g} (real: {pictures.floor['Frechet distance']:.3g})"
        in said
    )
    page = (run.folder.path / "report.html").read_text()
    assert "How far samples are from training pictures" in page and "have a sample near them" in page


def test_looks_take_a_fiftieth_of_the_time(clocked, tmp_path):
    clocked(look=0.7)
    run = gansmith.train("gan", "digits", steps=120, out=tmp_path / "run", **FLAGS)
    assert run.folder.record["looks_every"] == 35 and steps(run) == [21, 35, 70, 105, 120]


def test_samples_that_are_training_pictures_have_no_distance():
    data = load("digits")
    pictures = TrainingPictures(data, 3)
    with gansmith.chance.keyed(gansmith.chance.Part((3, "growth", "rows"))):
        rows = data.train[torch.randperm(len(data.train))][:300]
    same, black = (pictures.beside(Given(x)) for x in (data.values(rows), -torch.ones(300, 1, 8, 8)))
    assert same["Frechet distance"] == pytest.approx(0, abs=1e-3) and same["coverage"] == 1
    assert black["Frechet distance"] > 10 * pictures.floor["Frechet distance"] > 0 and black["coverage"] < 0.1
    assert pictures.floor["coverage"] > 0.8


def test_held_out_pictures_are_kept_for_the_end(monkeypatch):
    data, seen = load("digits"), []

    def noticed(features, data, index):
        seen.append(index)
        return data_features(features, data, index)

    monkeypatch.setattr(growth, "data_features", noticed)
    TrainingPictures(data, 0)
    rows = torch.cat(seen).tolist()
    assert len(set(rows)) == len(rows) == 600 and set(rows) <= set(data.train.tolist())


def test_a_look_changes_nothing(clocked, tmp_path, monkeypatch):
    clocked()
    looked = gansmith.train("ogan", "digits", steps=30, out=tmp_path / "looked", **FLAGS).training
    monkeypatch.setattr(trainer, "can_grow", lambda training: False)
    blind = gansmith.train("ogan", "digits", steps=30, out=tmp_path / "blind", **FLAGS).training
    for one, other in ((looked.game, blind.game), (looked.average, blind.average)):
        assert all(
            torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        )
    assert not (tmp_path / "blind/growth.jsonl").exists()


def test_a_resumed_run_looks_after_the_same_rounds(clocked, tmp_path, monkeypatch):
    clocked()
    whole = gansmith.train("gan", "digits", steps=120, out=tmp_path / "whole", **FLAGS)
    advance = Training.advance

    def stopped(training):
        training.interrupted = training.step == 46
        return advance(training)

    monkeypatch.setattr(Training, "advance", stopped)
    gansmith.train("gan", "digits", steps=120, out=tmp_path / "stopped", **FLAGS)
    monkeypatch.setattr(Training, "advance", advance)
    resumed = gansmith.resume(tmp_path / "stopped")
    assert steps(resumed) == steps(whole)
    of_whole, of_resumed = (read_log(run.folder.path / "growth.jsonl") for run in (whole, resumed))
    for a, b in zip(of_whole, of_resumed, strict=True):
        assert a | {"seconds": 0} == b | {"seconds": 0}


@pytest.fixture
def distances(monkeypatch):
    """The distances that are found, one after another; the first is the floor's, which is found anew after a resume."""

    def start(values):
        left = iter(values)
        monkeypatch.setattr(growth, "frechet_distance", lambda *_: next(left))

    return start


def bits(run):
    return [value.clone() for value in run.training.average.state_dict().values()]


def same(a, b):
    return all(torch.equal(one, other) for one, other in zip(a, b, strict=True))


def test_the_nearest_state_of_the_second_half_is_kept(clocked, distances, tmp_path, monkeypatch, capsys):
    clocked()
    monkeypatch.setattr(growth, "LOOKS", 4)
    distances([0.5, 1, 9, 4, 3, 5])  # steps 21, 25, 50, 75 and 100 of 100
    run = gansmith.train("gan", "digits", steps=100, out=tmp_path / "run", **FLAGS)
    assert steps(run) == [21, 25, 50, 75, 100]
    assert "nearest to the training pictures at step 75 (Frechet distance 3)" in capsys.readouterr().out
    best = gansmith.load_run(tmp_path / "run", best=True)
    torch.manual_seed(0)
    shorter = Training(gan(load("digits"), 100, width=16, batch=8), device="cpu", precision="float32")
    for _ in range(75):
        shorter.advance()
    assert best.step == 75 and same(bits(best), shorter.average.state_dict().values())
    assert not same(bits(best), bits(run)) and same(bits(gansmith.load_run(tmp_path / "run")), bits(run))
    assert not torch.equal(best.sample(4), run.sample(4))


def test_of_a_run_whose_last_state_is_the_nearest_nothing_is_said(clocked, distances, tmp_path, monkeypatch, capsys):
    clocked()
    monkeypatch.setattr(growth, "LOOKS", 2)
    distances([0.5, 1, 9, 4])
    run = gansmith.train("gan", "digits", steps=60, out=tmp_path / "run", **FLAGS)
    assert steps(run) == [21, 30, 60] and "nearest" not in capsys.readouterr().out
    assert same(bits(gansmith.load_run(tmp_path / "run", best=True)), bits(run))


@pytest.mark.parametrize(("stop", "after"), [(60, [0.5, 4, 5]), (80, [0.5, 5])])
def test_a_resumed_run_keeps_the_same_state(stop, after, clocked, distances, tmp_path, monkeypatch):
    clocked()
    monkeypatch.setattr(growth, "LOOKS", 4)
    before, advance = [0.5, 1, 9, 3, 4, 5], Training.advance
    distances(before)
    gansmith.train("gan", "digits", steps=100, out=tmp_path / "whole", **FLAGS)

    def stopped(training):
        training.interrupted = training.step == stop - 1
        return advance(training)

    monkeypatch.setattr(Training, "advance", stopped)
    distances(before)
    gansmith.train("gan", "digits", steps=100, out=tmp_path / "stopped", **FLAGS)
    monkeypatch.setattr(Training, "advance", advance)
    distances(after)
    gansmith.resume(tmp_path / "stopped")
    one, other = (gansmith.load_run(tmp_path / name, best=True) for name in ("whole", "stopped"))
    assert one.step == other.step == 50 and same(bits(one), bits(other))


@pytest.fixture
def run(clocked, distances, tmp_path, monkeypatch):
    """It looked after 21, 30 and 60 of 60 rounds, and keeps the state after 30."""
    clocked()
    monkeypatch.setattr(growth, "LOOKS", 2)
    distances([0.5, 1, 2, 9])
    return gansmith.train("gan", "digits", steps=60, out=tmp_path / "run", **FLAGS)


def best_after_going_on(run, distances):
    """The step of the best state after 90 rounds; the last is farther than the one after 30."""
    distances([0.5, 7])
    gansmith.resume(run.folder.path, more=30)
    return gansmith.load_run(run.folder.path, best=True).step


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", None])
def test_a_damaged_best_state_is_refused_and_written_anew(damage, run, distances, refused):
    file = run.folder.best
    file.write_bytes(file.read_bytes()[:-100] if damage is None else damage)
    assert "best.pt" in refused("sample", run.folder.path, "--best")
    assert best_after_going_on(run, distances) == 90


def test_a_best_state_whose_line_a_power_cut_took_is_the_best_still(run, distances):
    log = run.folder.path / "growth.jsonl"
    log.write_text("".join(line for line in log.read_text().splitlines(True) if json.loads(line)["step"] != 30))
    assert best_after_going_on(run, distances) == 30


def test_a_best_state_by_another_judge_is_not_compared(run, distances):
    state = checkpoint.load(run.folder.best)
    assert state["judge"] == "digits"
    checkpoint.save(run.folder.best, state | {"judge": "another"}, keep=False)
    assert best_after_going_on(run, distances) == 90


def test_a_state_that_is_not_finite_is_no_best_one(clocked, distances, tmp_path, monkeypatch, capsys):
    clocked()
    monkeypatch.setattr(growth, "LOOKS", 2)
    distances([0.5, 1, 2, 1])
    look = Growth._look

    def spoiled(hook, training):
        weight = training.average.critic.body[0].bias
        before = weight.data.clone()
        if training.step == 60:
            weight.data.fill_(torch.inf)
        try:
            return look(hook, training)
        finally:
            weight.data.copy_(before)

    monkeypatch.setattr(Growth, "_look", spoiled)
    gansmith.train("gan", "digits", steps=60, out=tmp_path / "run", **FLAGS)
    assert "no best state is kept" in capsys.readouterr().out
    assert gansmith.load_run(tmp_path / "run", best=True).step == 30


def test_a_best_state_of_another_run_is_named_and_the_checkpoint_is_not_blamed(clocked, tmp_path, monkeypatch, refused):
    clocked()
    monkeypatch.setattr(growth, "LOOKS", 2)
    one = gansmith.train("gan", "digits", steps=60, out=tmp_path / "one", **FLAGS)
    other = gansmith.train("gan", "digits", steps=60, out=tmp_path / "other", **FLAGS | {"width": 8})
    one.folder.best.write_bytes(other.folder.best.read_bytes())
    assert f"{one.folder.best} does not fit" in refused("sample", tmp_path / "one", "--best")


def test_a_best_state_that_cannot_be_written_does_not_end_the_run(clocked, tmp_path, monkeypatch, capsys):
    clocked()
    monkeypatch.setattr(growth, "LOOKS", 2)
    save = growth.checkpoint.save

    def full(path, *arguments, **options):
        if path.name == "best.pt":
            raise ValueError("cannot save best.pt: No space left on device")
        save(path, *arguments, **options)

    monkeypatch.setattr(growth.checkpoint, "save", full)
    run = gansmith.train("gan", "digits", steps=60, out=tmp_path / "run", **FLAGS)
    assert run.training.step == 60 and not run.folder.best.exists()
    assert "no best state is kept: cannot save best.pt: No space left" in capsys.readouterr().out


def test_the_best_state_goes_with_runs(tmp_path, refused):
    assert "--best and --labels go with a run" in refused("evaluate", tmp_path, "--against", tmp_path, "--best")


def test_a_run_without_a_best_state(tmp_path, refused):
    gansmith.train("gan", "ring", steps=2, out=tmp_path / "run", **FLAGS)
    for words in (("sample",), ("evaluate",)):
        assert "keeps no best state" in refused(*words, tmp_path / "run", "--best")


def test_what_cannot_be_judged_is_trained_nevertheless(clocked, tmp_path, monkeypatch, capsys):
    clocked()
    monkeypatch.setattr(growth, "frechet_distance", lambda *_: 1 / 0)
    run = gansmith.train("gan", "digits", steps=60, out=tmp_path / "run", **FLAGS)
    assert run.training.step == 60 and steps(run) == []
    assert capsys.readouterr().out.count("no numbers during the run: ZeroDivisionError") == 1


def test_a_run_that_is_refused_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError, match="recipe"):
        gansmith.train("no-such-recipe", "digits", out=tmp_path / "run")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("every", [0, -3, 2.5, "9", True, 10**400])
def test_a_damaged_record_is_refused(every, clocked, tmp_path, refused):
    clocked()
    run = gansmith.train("gan", "digits", steps=2, out=tmp_path / "run", **FLAGS)
    file = run.folder.path / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"looks_every": every}))
    assert "needs a proper 'looks_every'" in refused("resume", tmp_path / "run", "--more", "1")


def test_vectors_and_few_pictures_have_no_such_numbers(tmp_path):
    few = load("digits", limit=2 * FEW + 10)
    assert can_grow(Training(gan(load("digits"))))
    assert len(few.train) < 2 * FEW and not can_grow(Training(gan(few)))
    assert not can_grow(Training(gan(load("ring"))))
