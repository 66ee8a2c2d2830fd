"""A log: cut back to the checkpoint, whole beside damaged lines, never larger than what is read."""

import json
import math
import time

import pytest
from trainings import begin, two_stages

from gansmith.data import load
from gansmith.disk.log import read_log
from gansmith.recipes import gan, photos
from gansmith.refusal import Refusal
from gansmith.report.chart import gather
from gansmith.training.hooks import Gallery, Log
from gansmith.training.loop import Hook, Training, train


@pytest.fixture(scope="module")
def ring():
    return load("ring")


def test_the_log_is_cut_back_to_the_checkpoint(ring, tmp_path):
    log = tmp_path / "log.jsonl"
    training = begin(gan, ring, steps=6)
    train(training, [Log(log, 1)])
    assert [line["step"] for line in read_log(log)] == [1, 2, 3, 4, 5, 6]
    assert {"critic/loss", "critic/R1", "generator/loss", "images/s", "seconds"} <= read_log(log)[0].keys()
    with log.open("a") as file:
        file.write('{"stage": 0, "st')  # cut off by a kill
    training.step = 3
    train(training, [Log(log, 1)])
    assert [line["step"] for line in read_log(log)] == [1, 2, 3, 4, 5, 6]
    assert all(math.isfinite(json.loads(line)["critic/loss"]) for line in log.read_text().splitlines())


@pytest.mark.parametrize(
    "line",
    [
        '{"stage": 0, "step": "1", "seconds": 0.5}',
        '{"stage": 0, "step": 1, "seconds": null}',
        '{"stage": 0, "step": 1, "seconds": NaN}',
        '{"stage": true, "step": 1, "seconds": 0}',
        '{"stage": 0, "step": 1, "seconds": 0, "a": "<b>"}',
        '{"stage": 0, "step": 1, "seconds": 0, "a": [1]}',
        '{"stage": 0, "step": 1, "seconds": 1' + "0" * 400 + "}",
        "[" * 100_000,
        "3",
    ],
)
def test_a_line_of_a_log_that_is_none_of_ours_costs_no_other(line, ring, tmp_path, capsys):
    log, whole = tmp_path / "log.jsonl", '{"stage": 0, "step": 1, "seconds": 0.5, "a": null, "b": 2}'
    log.write_text(f"{whole}\n{line}\n{whole}\n")
    assert read_log(log) == [json.loads(whole)] * 2
    training = begin(gan, ring, steps=3)
    training.step = 1
    train(training, [Log(log, 1)])
    assert [entry["step"] for entry in read_log(log)] == [1, 1, 2, 3]
    assert f"1 line of {log} cannot be read, and left out" in capsys.readouterr().err


def test_zeros_before_a_line_of_a_log_cost_nothing(tmp_path):
    log, whole = tmp_path / "log.jsonl", b'{"stage": 0, "step": 1, "seconds": 0.5}'
    log.write_bytes(whole + b"\n" + b"\0" * 40 + whole + b"\n")
    assert read_log(log) == [json.loads(whole)] * 2


def test_a_log_never_grows_beyond_what_is_read(ring, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("gansmith.training.hooks.LARGEST", 1000)
    log = tmp_path / "log.jsonl"
    train(begin(gan, ring, steps=30), [Log(log, 1)])
    assert 700 < log.stat().st_size <= 1000 and [line["step"] for line in read_log(log)][:3] == [1, 2, 3]
    assert capsys.readouterr().err.count("1,000 bytes, the most that is read again") == 1


def test_a_log_of_several_stages_is_cut_back(ring, tmp_path):
    log = Log(tmp_path / "log.jsonl", 1)
    train(Training(two_stages(ring)[0], device="cpu"), [log])
    for number, step, left in ((1, 1, [(0, 1), (0, 2), (0, 3), (1, 1)]), (0, 2, [(0, 1), (0, 2)])):
        training = Training(two_stages(ring)[0], device="cpu")
        training.number, training.step = number, step
        log.start(training)
        log.end(training, None)
        assert [(line["stage"], line["step"]) for line in read_log(log.path)] == left


def test_pictures_and_log_hold_the_last_step(ring, tmp_path):
    drawn = []
    pictures, log = Gallery(lambda t: drawn.append(t.step), 4), Log(tmp_path / "log.jsonl", 5)
    train(begin(gan, ring, steps=7), [pictures, log])
    assert drawn == [0, 4, 6, 7] and [line["step"] for line in read_log(log.path)] == [5, 7]


def test_pictures_are_drawn_every_few_minutes_and_fewer_in_a_long_training(ring, monkeypatch):
    """Each step takes a minute; but for the clock there are pictures at 0, 100, 150 and 200 only."""
    now, advance, drawn = [0.0], Training.advance, []

    def slow(training):
        now[0] += 60
        return advance(training)

    monkeypatch.setattr(Training, "advance", slow)
    monkeypatch.setattr("gansmith.training.hooks.time.monotonic", lambda: now[0])
    train(begin(gan, ring, steps=200), [Gallery(lambda t: drawn.append(t.step), 100, 180)])
    assert drawn[:12] == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 34]
    assert {100, 150, 200} <= set(drawn) and drawn[-2] - drawn[-3] >= 15


def test_seconds_and_rates_by_a_clock(ring, tmp_path, monkeypatch):
    """One second a step; seconds go on after a resume, and a critic's move sees a batch of 8."""
    now = [0.0]
    monkeypatch.setattr("gansmith.training.hooks.time.perf_counter", lambda: now[0])

    class Tick(Hook):
        def step(self, training):
            now[0] += 1.0

    log, training = Log(tmp_path / "log.jsonl", 1), begin(gan, ring, steps=3)
    train(training, [Tick(), log])
    training.step = 2
    now[0] = 100.0
    train(training, [Tick(), log])
    lines = read_log(log.path)
    assert [line["seconds"] for line in lines] == [1.0, 2.0, 3.0] and lines[-1]["images/s"] == 8.0


def test_a_rare_penalty_stands_in_every_line(tmp_path):
    """Lines are written after even rounds, and the penalty is in the first of every four."""
    data = load("digits", channels=3)
    training = Training(photos(data, 12, batch=8, width=4, critic_width=4), device="cpu")
    log = Log(tmp_path / "log.jsonl", every=4)
    train(training, [log])
    lines = read_log(log.path)
    assert [line["step"] for line in lines] == [4, 8, 12]
    assert all("critic/Lazy#1" in line and "critic/Lazy#2" in line for line in lines)
    assert not any(name.endswith(".due") for line in lines for name in line)


def test_lines_without_anything_take_no_time_and_those_of_something_else_no_end(tmp_path):
    path, line = tmp_path / "log.jsonl", b'{"stage": 0, "step": 1, "seconds": 1}\n'
    path.write_bytes(b"\n" * 1_000_000 + line)
    begun = time.process_time()
    assert [each["step"] for each in read_log(path)] == [1] and time.process_time() - begun < 2
    path.write_bytes(b"{}\n" * 100_002)
    with pytest.raises(Refusal, match="is no log: more than 100,000 of its lines"):
        read_log(path)


def test_steps_beyond_all_numbers_are_none(tmp_path):
    """Two of them, of two stages, have no sum."""
    lines = (f'{{"stage": {stage}, "step": 1.7e308, "seconds": 1, "critic/loss": 1}}\n' for stage in (0, 1))
    (tmp_path / "log.jsonl").write_text("".join(lines))
    assert gather(read_log(tmp_path / "log.jsonl")) == {}
