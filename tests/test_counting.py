"""One is one: no "1 samples" in what a user reads."""

import re

import pytest
from pages import METRICS, Page, record

from gansmith.commands.cli import main
from gansmith.examinations import sentences, tables
from gansmith.report import report_page

NOUNS = "samples|ones|classes|numbers|images|pictures|steps|codes|cores|threads|files|modes|rows|pairs|components"
WRONG = re.compile(rf"(?<![\d.,])1 (?:[a-z-]+ )?(?:{NOUNS})\b")
ONE = METRICS | {
    "n": 1,
    "samples": 1,
    "classes": METRICS["classes"] | {"names": ["a"], "shares": {"0": 1.0}, "real_shares": {"0": 1.0}, "of": 1},
    "reconstruction": METRICS["reconstruction"] | {"code": 1, "principal_code": 1, "n": 1, "fitted": 1},
    "modes": {"captured": 1, "of": 1, "high_quality": 1.0, "reverse_kl": 0.0},
    "split": {"train": 1, "held_out": 1},
}


@pytest.mark.parametrize("words", ["1 samples", "of 1 classes", "1 held-out samples", "beside 1 real ones"])
def test_a_wrong_plural_is_seen(words):
    assert WRONG.search(words)


@pytest.mark.parametrize("words", ["21 samples", "1,001 samples", "0.1 samples", "1 of 2 classes"])
def test_a_right_plural_is_not(words):
    assert not WRONG.search(words)


def test_measured_numbers():
    said = [*sentences(ONE), *(table.caption for table in tables(ONE))]
    assert any("1 of 1 class appears" in line for line in said)
    assert not [line for line in said if WRONG.search(line)]


def test_the_page():
    data = record()["data"] | {"n": 1}
    machine = record()["machine"] | {"threads": 1, "cores": 1}
    words = Page(report_page(record(step=1, data=data, machine=machine), metrics=ONE)).words
    assert "1 step in 12 s" in words and "1 of 1 core" in words
    assert not WRONG.findall(words)


@pytest.mark.parametrize(("run", "words"), [("ring", "1 sample in"), ("ogan", "1 picture in")])
def test_commands(run, words, request, capsys, tmp_path):
    folder = request.getfixturevalue(run)
    assert main(["sample", str(folder), "-n", "1", "-o", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert words in printed and not WRONG.search(printed)
