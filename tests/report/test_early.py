"""A run that has hardly begun is told to go on before anything else, and is never called sound."""

import pytest

from gansmith.recipes.photos import FEW
from gansmith.report import health
from gansmith.report.health import AUGMENTED
from gansmith.report.verdict import verdict

COVERED = {"metrics": {"coverage": {"value": 0.9, "floor": 0.95}}}
BARE = {"metrics": {"coverage": {"value": 0.1, "floor": 0.95}, "diversity": {"value": 1.0, "floor": 10.0}}}


def record(step, size=64, batch=16, **arguments):
    return {
        "status": "finished",
        "step": step,
        "arguments": {"batch": batch} | arguments,
        "data": {"shape": [3, size, size], "n": 3000},
    }


@pytest.mark.parametrize(
    ("step", "size", "metrics", "early"),
    [
        (599, 64, COVERED, True),
        (600, 64, COVERED, False),
        (2399, 128, COVERED, True),
        (2400, 128, COVERED, False),
        (399, 8, COVERED, True),
        (400, 8, COVERED, False),
        (11_999, 64, BARE, True),
        (12_000, 64, BARE, False),
        (600, 64, {}, False),
    ],
)
def test_too_early(step, size, metrics, early):
    found = [finding.kind for finding in health([], [], metrics, record(step, size))]
    assert ("too early" in found) == early
    if early:
        assert found[0] == "too early" and "far" not in found


def test_a_collapse_is_told_as_soon_as_the_least_were_seen():
    assert [f.kind for f in health([], [], BARE, record(599))] == ["too early"]
    assert [f.kind for f in health([], [], BARE, record(600))] == ["too early", "collapsed"]


def test_what_is_far_after_a_long_time_is_no_matter_of_time():
    numbers = {"metrics": {"coverage": BARE["metrics"]["coverage"]}}
    [finding] = health([], [], numbers, record(12_000))
    assert finding.kind == "far" and "coverage is 11% of that of real ones" in finding.sentence
    assert "after 192,000 pictures of 64 pixels" in finding.sentence and "--width" not in finding.remedy
    [finding] = health([], [], numbers, record(12_000, width=16))
    assert "wider networks (--width)" in finding.remedy


def test_a_distance_alone_is_no_fault_after_a_long_time():
    numbers = {"coverage": {"value": 0.9, "floor": 0.95}, "frechet_distance": {"value": 9.5, "floor": 1.0}}
    assert health([], [], {"metrics": numbers}, record(12_000)) == []


def test_what_another_run_saw_counts_where_a_run_began_with_it():
    before = {"from": {"run": "a", "sha256": "b", "pictures": 8000}}
    run = record(150) | before
    assert health([], [], COVERED, run) == []
    [finding] = health([], [], COVERED, record(149) | {"from": before["from"] | {"pictures": 80_000}})
    assert finding.kind == "too early" and "82,384 pictures of 64 pixels, but only 2,384 of these" in finding.sentence
    assert [f.kind for f in health([], [], COVERED, run | {"from": {"pictures": "many"}})] == ["too early"]


@pytest.mark.parametrize(
    ("distance", "step", "early"), [(0.51, 1152, True), (0.37, 1152, False), (0.51, 12_000, False)]
)
def test_a_distance_far_above_that_of_real_ones_is_early(distance, step, early):
    """Five minutes of clothes: coverage 0.68, and silhouettes."""
    numbers = {"coverage": {"value": 0.68, "floor": 0.98}, "frechet_distance": {"value": distance, "floor": 0.0935}}
    found = [finding.kind for finding in health([], [], {"metrics": numbers}, record(step))]
    assert ("too early" in found) == early


def test_the_first_advice_is_to_train_longer_or_smaller():
    said = verdict(record(100, 128), [], [{"step": 100, "stage": 0}], BARE)
    assert said.ill and said.findings[0].kind == "too early"
    line = said.lines()[0]
    assert "seen 1,600 pictures of 128 pixels, where 38,400 are the least" in line
    assert "gansmith resume RUN --minutes 30" in line and "--size 64" in line
    assert "--size" not in verdict(record(10, 32), [], [], BARE).lines()[0]


def test_what_is_no_run_on_pictures_is_not_called_early():
    vectors = record(1) | {"data": {"shape": [2]}}
    for each in (vectors, {}, {"step": 1}, record("many"), record(1, batch="many")):
        assert "too early" not in [finding.kind for finding in health([], [], BARE, each)]


LEARNED = {"stage": 0, "score/train": 1.0, "score/held_out": 0.0, "score/fake": 0.0, "score/error": 0.05, "doubt": 0.4}


def test_where_photos_augments_by_itself_is_known_here():
    assert AUGMENTED == FEW


@pytest.mark.parametrize(
    ("arguments", "data", "mirrors", "augments"),
    [
        ({}, {}, True, False),
        ({}, {"flip": True}, False, False),
        ({"mirror": None}, {}, False, False),
        ({"mirror": False}, {}, True, False),
        ({"mirror": None}, {"shape": [1, 64, 64]}, True, False),
        ({"augment": None}, {"train": 1000}, True, True),
        ({"augment": None}, {"train": 999}, True, False),
        ({"augment": None, "adaptive": True}, {"train": 1000}, True, False),
        ({"augment": None, "adaptive": None}, {"train": 1000}, True, False),
        ({"augment": None, "adaptive": False}, {"train": 1000}, True, True),
        ({"augment": False, "adaptive": None}, {"train": 999}, True, True),
        ({"augment": None, "adaptive": False, "cutout": True}, {"train": 1000}, True, False),
        ({"augment": True}, {}, True, False),
        ({"augment": False}, {}, True, True),
    ],
)
def test_advice_against_overfitting_never_names_what_is_done_already(arguments, data, mirrors, augments):
    run = record(10_000, **arguments)
    run["data"] |= {key: value for key, value in data.items() if key != "train"}
    numbers = COVERED | {"split": {"train": data.get("train", 3000)}}
    looks = [LEARNED | {"step": step} for step in range(1000, 11_000, 1000)]
    [remedy] = [found.remedy for found in health([], looks, numbers, run) if found.kind == "overfits"]
    assert ("mirror them" in remedy) == mirrors and ("--augment" in remedy) == augments


def test_letters_that_nobody_sees_stay_out_of_a_terminal():
    copied = {"nearest_ratio": 0.1, "floor": 1.0, "closest": [{"name": "\x1b]0;owned\x07.png"}]}
    lines = verdict({}, [], [], {"memorization": copied, "split": {"train": 900}}).lines()
    assert any("owned" in line for line in lines) and not any("\x1b" in line for line in lines)


def test_numbers_of_another_step_say_nothing_of_this_one():
    """A run that was measured, resumed and stopped: its old numbers were those of a beginner."""
    run, looks = record(50_000), [{"step": 50_000, "stage": 0, "diversity": 0.98, "doubt": 0.3}]
    said = verdict(run, [], looks, BARE | {"step": 700, "memorization": {}})
    assert not said.findings and "metrics.json is of step 700" in said.sentences[-1]
    assert [f.kind for f in verdict(run, [], looks, BARE | {"step": 50_000}).findings] == ["collapsed", "far"]


def test_a_run_that_was_killed_is_as_far_as_its_log():
    """Its record has no step, or that of a resume before."""
    killed = record(50_000)
    del killed["step"]
    log = [{"step": 107, "stage": 0}]
    for run in (killed, killed | {"step": 20}):
        assert verdict(run, log, [], {}).findings[0].kind == "too early"
    log[0]["step"] = 60_000
    assert not verdict(killed | {"step": 20}, log, [], {}).findings


def test_only_what_was_looked_at_is_called_sound():
    looks = [{"step": 2000, "stage": 0, "diversity": 0.9}]
    numbers = COVERED | {"memorization": {"nearest_ratio": 1.0}, "step": 2000}
    for seen, words in (
        ({"doubt": 0.3, "score/held_out": 0.1}, "neither a collapse, a saturated or an overfitting critic, nor copies"),
        ({"score/held_out": 0.1}, "neither a collapse, an overfitting critic, nor copies"),
        ({}, "neither a collapse nor copies"),
    ):
        assert words in verdict(record(2000), [], [looks[0] | seen], numbers).sentences[0]
    said = verdict(record(2000), [], looks, COVERED | {"step": 2000, "failed": ["copies: ValueError: no", "x"]})
    assert "No fault was found in what could be looked at." in said.sentences[0]
    assert "what could not be measured (copies, x)" in said.sentences[1]


def test_numbers_beyond_all_floats_are_none():
    numbers = {"memorization": {"nearest_ratio": 0.1, "floor": 1.0, "c_t": 10**400}}
    assert [f.kind for f in health([], [], numbers, record(2000))] == ["copies"]


def test_what_others_learned_makes_nobody_patient():
    """Networks of clothes that saw 310,880 pictures, and heads without faces after 9,168 of faces."""
    far = {
        "metrics": {"coverage": {"value": 0.328, "floor": 0.979}, "frechet_distance": {"value": 0.379, "floor": 0.047}}
    }
    run = record(573) | {"from": {"run": "clothes", "sha256": "", "pictures": 310_880}}
    [finding] = health([], [], far, run)
    assert finding.kind == "too early" and "have seen 320,048 pictures" in finding.sentence
    assert health([], [], COVERED, run) == []
