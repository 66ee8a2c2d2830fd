import math
from typing import Any

import pytest

from gansmith.report import health

SOUND = {
    "score/train": 1.0,
    "score/held_out": 0.7,
    "score/fake": 0.0,
    "score/error": 0.05,
    "slope": 1.0,
    "doubt": 0.4,
    "diversity": 0.95,
}
MEASURED: dict[str, Any] = {
    "samples": 2000,
    "split": {"train": 5000, "held_out": 500},
    "metrics": {"diversity": {"value": 9.5, "floor": 10.0}},
    "classes": {"shares": {"0": 0.5, "1": 0.45, "2": 0.05}, "names": ["<cats>", "dogs", "cows"]},
    "duplicates": {"share": 0.1, "floor": 0.05},
    "memorization": {"nearest_ratio": 0.95, "floor": 1.0, "c_t": -1.0},
}


def looks(**other: float | None) -> list[dict[str, Any]]:
    """A run of 16 looks whose last quarter says something else."""
    line = {"stage": 0, "seconds": 0.0}
    return [line | {"step": s} | SOUND | (other if s > 1200 else {}) for s in range(100, 1700, 100)]


def kinds(monitor: list[dict[str, Any]] | None = None, status: str = "finished", **measured: Any) -> list[str]:
    log = [{"stage": 0, "step": 1600, "seconds": 9.0, "critic/loss": 1.0}]
    found = health(log, looks() if monitor is None else monitor, MEASURED | measured, {"status": status})
    assert all(finding.sentence.endswith(".") and finding.remedy.endswith(".") for finding in found)
    return [finding.kind for finding in found]


def test_a_sound_run_has_no_findings() -> None:
    assert kinds() == []
    assert health([], [], {}, {}) == []


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        ({"doubt": 0.051}, []),
        ({"doubt": 0.049}, ["saturated"]),
        ({"score/held_out": 0.21}, []),
        ({"score/held_out": 0.19}, ["overfits"]),
        ({"score/held_out": -3.0}, ["overfits"]),
        ({"score/held_out": 0.1, "score/error": 0.46}, []),  # within chance
        ({"score/fake": 2.0, "score/held_out": 0.0}, []),  # fakes above all reals: no gap to take a part of
        ({"score/fake": -998.0}, []),
        ({"score/fake": -1000.0}, ["diverged"]),
        ({"score/train": None}, ["diverged"]),
        ({"score/train": math.inf}, ["diverged"]),
    ],
)
def test_what_the_critic_tells(seen: dict[str, float | None], kind: list[str]) -> None:
    assert kinds(looks(**seen)) == kind


def test_one_look_of_four_may_differ_but_not_two() -> None:
    lines = looks(doubt=0.01)
    lines[-1]["doubt"] = 0.4
    assert kinds(lines) == ["saturated"]
    lines[-2]["doubt"] = 0.4
    assert kinds(lines) == []


def test_only_the_last_quarter_of_the_last_stage_counts() -> None:
    lines = looks(doubt=0.01)
    assert kinds([*lines, *({**line, "stage": 1, "doubt": 0.4} for line in lines)]) == []
    assert kinds([{**line, "doubt": 0.01 if line["step"] < 1300 else 0.4} for line in looks()]) == []


@pytest.mark.parametrize(
    ("measured", "kind"),
    [
        ({"metrics": {"diversity": {"value": 5.1, "floor": 10.0}}}, []),
        ({"metrics": {"diversity": {"value": 4.9, "floor": 10.0}}}, ["collapsed"]),
        ({"classes": {"shares": {"0": 0.966, "1": 0.034}, "real_shares": {"0": 0.6, "1": 0.4}}}, ["collapsed"]),
        ({"classes": {"shares": {"0": 0.966, "1": 0.034}, "real_shares": {"0": 0.9, "1": 0.1}}}, []),
        ({"classes": {"shares": {"0": 1.0, "1": 0.0}, "real_shares": {"0": 0.995, "1": 0.005}}}, []),  # chance
        ({"duplicates": {"share": 0.34, "floor": 0.1}}, []),
        ({"duplicates": {"share": 0.36, "floor": 0.1}}, ["duplicates"]),
        ({"duplicates": {"share": 0.36, "floor": None}}, ["duplicates"]),
        ({"memorization": {"nearest_ratio": 0.89, "floor": 1.0, "c_t": -3.1}}, ["copies"]),
        ({"memorization": {"nearest_ratio": 0.91, "floor": 1.0, "c_t": -3.1}}, []),
        ({"memorization": {"nearest_ratio": 0.5, "floor": 0.5, "c_t": -3.1}}, []),
        ({"memorization": {"nearest_ratio": 0.0, "floor": 1.0, "c_t": -2.9}}, []),
        ({"memorization": {"nearest_ratio": 0.1, "floor": 1.0, "c_t": None}}, ["copies"]),
        ({"memorization": {"nearest_ratio": 0.6, "floor": 1.0, "c_t": None}}, []),
        ({"memorization": {"nearest_ratio": 0.0, "floor": 0.0, "c_t": -9.0}}, ["leak"]),
        ({"classes": {"shares": {"0": 1.0, "1": 0.0}, "real_shares": {"0": 1.0, "1": 0.0}}}, []),  # a blind judge
        ({"split": {"train": 499}}, ["little data"]),
        ({"split": {"train": 500}}, []),
        ({"too_few": "9 held-out samples are too few"}, ["little data"]),
    ],
)
def test_what_the_numbers_tell(measured: dict[str, Any], kind: list[str]) -> None:
    assert kinds(**measured) == kind


def test_without_measured_numbers_the_monitor_tells_of_a_collapse() -> None:
    assert kinds(looks(diversity=0.4), metrics={}) == ["collapsed"]
    assert kinds(looks(diversity=0.4)) == []  # the average was measured, and it is diverse


def test_missing_classes_are_named() -> None:
    shares = {"shares": {"0": 0.999, "1": 0.001, "2": 0.0}, "names": ["<cats>", "dogs", "cows"]}
    (found,) = health([], [], {"samples": 2000, "classes": shares}, {})
    assert found.sentence == "Collapsed to 1 of 3 classes: hardly a sample is of dogs, cows."


def test_of_a_diverged_run_nothing_else_is_said() -> None:
    assert kinds(looks(doubt=0.0), status="diverged", split={"train": 3}) == ["diverged"]
    log = [{"stage": 0, "step": 40, "seconds": 1.0, "critic/loss": math.nan}]
    (found,) = health(log, [], {}, {"status": "running"})
    assert found.sentence == "Diverged: critic/loss is not a finite number at the end."
    (found,) = health(log, [], {}, {"status": "diverged"})
    assert "after step 40" in found.sentence


def test_numbers_of_other_kinds_are_passed_over() -> None:
    odd = {"metrics": {"diversity": 3}, "classes": [], "duplicates": {"share": "x"}, "memorization": None, "split": []}
    assert kinds([{**line, "doubt": "x", "diversity": True} for line in looks()], **odd) == []
