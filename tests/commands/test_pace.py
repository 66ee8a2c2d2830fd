"""A run keeps to its minutes: rounds follow the speed of the machine, and a resumed run makes the same changes."""

import json

import pytest
import torch

import gansmith
from gansmith.data import load
from gansmith.dynamics.schedules import Decay
from gansmith.runs import pace, preparation
from gansmith.runs.folder import RunFolder
from gansmith.runs.pace import steps_at
from gansmith.runs.record import misfit
from gansmith.training.loop import Training

FLAGS = {"width": 4, "batch": 8}


class Clock:
    """A time that goes on with rounds: each takes so many seconds, by its number."""

    def __init__(self, seconds):
        self.seconds, self.now = seconds, 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clocked(monkeypatch):
    """Trains by such a clock, for which sixty rounds are planned a minute."""

    def start(seconds, stop=None):
        clock, advance = Clock(seconds), Training.advance

        def slow(training):
            clock.now += clock.seconds(training.step)
            notes = advance(training)
            training.interrupted = training.interrupted or training.step == stop
            return notes

        monkeypatch.setattr(Training, "advance", slow)
        monkeypatch.setattr(pace, "time", clock)
        monkeypatch.setattr("gansmith.runs.trainer.time.monotonic", clock.monotonic)
        monkeypatch.setattr(preparation, "steps_within", lambda training, seconds: int(seconds))
        return clock

    return start


@pytest.mark.parametrize("late", [1.0, 2.0, 4.0, 0.5])
def test_minutes_are_kept_where_the_machine_becomes_slower_or_faster(late, clocked, tmp_path):
    clock = clocked(lambda step: 1.0 if step < 60 else late)
    run = gansmith.train("gan", "ring", minutes=4, out=tmp_path / "run", **FLAGS)
    assert abs(clock.now - 240) <= 12
    record = run.folder.record
    assert record["status"] == "finished" and record["step"] == record["arguments"]["steps"] == run.training.step
    assert run.training.stage.dynamics.schedule.factor(run.training.step) == pytest.approx(0.05)
    if late == 1.0:
        assert record.get("pace", []) == []
    else:
        assert record["pace"][0] == [0, 240] and len(record["pace"]) <= 21
        assert misfit(json.loads(json.dumps(record))) is None
    assert misfit(record) is None


def test_a_run_is_never_more_than_four_times_as_long_as_planned(clocked, tmp_path):
    clocked(lambda step: 0.1)
    assert gansmith.train("gan", "ring", minutes=1, out=tmp_path / "run", **FLAGS).training.step == 240


def test_minutes_of_a_run_that_goes_on_are_kept(clocked, tmp_path):
    """What was trained before does not hide that the machine became slower."""
    clock = clocked(lambda step: 1.0 if step < 2020 else 3.0)
    gansmith.train("gan", "ring", steps=2000, out=tmp_path / "run", **FLAGS)
    before = clock.now
    again = gansmith.resume(tmp_path / "run", minutes=2)
    assert abs(clock.now - before - 120) <= 12 and 2000 < again.training.step < 2110
    assert again.folder.record["pace"][0] == [0, 2120]


def test_a_run_has_no_more_rounds_than_can_be_asked_for(clocked, tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "LARGEST", 100)
    clocked(lambda step: 0.5)
    assert gansmith.train("gan", "ring", minutes=1, out=tmp_path / "run", **FLAGS).training.step == 100


def bits(run):
    return [value.clone() for value in run.training.game.state_dict().values()]


@pytest.mark.parametrize("stop", [100, 150])
def test_a_resumed_run_makes_the_changes_of_an_undisturbed_one(stop, clocked, tmp_path, monkeypatch):
    """Slower in rounds 60 to 80, so that changes are made until 110 or so; the run is stopped before or after them."""
    whole = gansmith.train("gan", "ring", minutes=4, out=tmp_path / "whole", **FLAGS) if clocked(slower) else None
    monkeypatch.undo()
    clocked(slower, stop)
    part = tmp_path / "part"
    gansmith.train("gan", "ring", minutes=4, out=part, **FLAGS)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    folder = RunFolder.open(part)  # as if it was killed: the record knows of changes after the checkpoint
    folder.update(pace=whole.folder.record["pace"], status="running")
    again = gansmith.resume(part)
    assert again.training.step == whole.training.step
    assert all(torch.equal(a, b) for a, b in zip(bits(again), bits(whole), strict=True))
    assert again.folder.record["arguments"] == whole.folder.record["arguments"]
    assert gansmith.resume(part).folder.record["status"] == "finished"


def slower(step):
    return 5.0 if 60 <= step < 80 else 1.0


def test_a_number_of_rounds_that_is_asked_for_ends_the_pace(clocked, tmp_path, monkeypatch):
    clocked(slower)
    run = gansmith.train("gan", "ring", minutes=4, out=tmp_path / "run", **FLAGS)
    monkeypatch.undo()
    steps = run.training.step
    more = gansmith.resume(tmp_path / "run", more=3)
    assert more.training.step == steps + 3 and more.folder.record["pace"] == []


def test_nothing_is_changed_where_more_than_a_decay_depends_on_the_rounds(clocked, tmp_path):
    def own(data, steps: int = 10):
        torch.manual_seed(0)
        from gansmith.recipes.gan import gan

        experiment = gan(data, steps, batch=8, width=4)
        experiment.stages[0].dynamics.schedule = Decay(steps).__call__
        return experiment

    clocked(lambda step: 2.0)
    assert gansmith.train(own, load("ring"), minutes=1, out=tmp_path / "run").training.step == 60


WRONG = [[[5, 3]], [[0, 9], [0, 8]], [[0, 9], [3]], ["ab"], [[0, 1.5]], [[-1, 4]], [[0, True]]]


@pytest.mark.parametrize("changes", WRONG)
def test_a_record_of_changes_that_are_none_is_refused(changes, ring):
    record = RunFolder.open(ring).record | {"pace": changes}
    assert misfit(record) == "pace"


def test_the_rounds_as_they_were_known(ring):
    run = RunFolder.open(ring)
    assert steps_at(run, 1) == run.record["arguments"]["steps"]
    run.update(pace=[[0, 100], [10, 80], [20, 90]])
    assert [steps_at(run, step) for step in (0, 9, 10, 19, 20, 99)] == [100, 100, 80, 80, 90, 90]


def test_a_recipe_of_ones_own_keeps_the_rounds_that_it_was_built_with(clocked, tmp_path):
    """It may build anything by their number: terms, or moves that change in its midst."""
    (tmp_path / "own.py").write_text(
        "from gansmith.recipes import gan\n"
        "def own(data, steps: int = 9):\n"
        "    return gan(data, steps, batch=8, width=4)\n"
    )
    clocked(lambda step: 1.0 if step < 60 else 2.0)
    run = gansmith.train(f"{tmp_path / 'own.py'}:own", "ring", minutes=4, out=tmp_path / "run")
    assert run.folder.record["step"] == 240 and run.folder.record.get("pace", []) == []


def test_a_decay_of_another_length_stays(clocked, tmp_path, monkeypatch):
    from gansmith.recipes import gan as recipe

    def longer(*words, **flags):
        experiment = recipe(*words, **flags)
        experiment.stages[0].dynamics.schedule = Decay(500)
        return experiment

    training = Training(longer(load("ring"), 20, **FLAGS), device="cpu")
    run = gansmith.train("gan", "ring", steps=2, out=tmp_path / "run", **FLAGS)
    assert not pace.can_change(training, run.folder)
    assert pace.can_change(Training(recipe(load("ring"), 20, **FLAGS), device="cpu"), run.folder)
