"""Every claim holds, and the command that measures them."""

import io
import json
import re

import numpy as np
import planted_others  # noqa: F401 (adds its errors to the list)
import planted_zoo  # noqa: F401
import pytest
import torch
from planted import PLANTED

from gansmith.commands import verifying
from gansmith.commands.cli import main
from gansmith.testing.claims import Claim, claim
from gansmith.testing.oracles import CLAIMS

FIELDS = ["claim", "measured", "expected", "error", "tolerance", "source"]


@pytest.mark.parametrize("each", CLAIMS, ids=lambda each: each.claim)
def test_claim(each):
    finding = each.measure()
    assert finding.holds, finding
    torch.rand(1)
    assert each.measure() == finding


def test_each_statement_stands_once_and_says_where_it_is_from():
    assert len({each.claim for each in CLAIMS}) == len(CLAIMS)
    assert all(each.source and 0 < each.tolerance <= 1e-2 for each in CLAIMS)
    with pytest.raises(ValueError, match="needs each statement once"):
        claim(CLAIMS[0].claim, source="derivation", tolerance=1e-9)(lambda: (0.0, 0.0))


def about(begin):
    return [each for each in CLAIMS if each.claim.startswith(begin)]


@pytest.mark.filterwarnings("ignore")  # what is wrong may warn
@pytest.mark.parametrize("each", PLANTED, ids=lambda each: each.error)
def test_claims_turn_red_under_an_error(each, monkeypatch):
    each.plant(monkeypatch)
    for begin in each.red:
        assert about(begin), f"no claim begins with {begin!r}"
        green = [claim.claim for claim in about(begin) if claim.measure().holds]
        assert not green


def test_every_claim_turns_red_under_some_error():
    seen = {claim.claim for each in PLANTED for begin in each.red for claim in about(begin)}
    assert not {each.claim for each in CLAIMS} - seen


# what a claim is


def right():
    return 0.5, 0.5


def off():
    return np.array([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.5, 3.1])


def broken():
    raise RuntimeError("no [oracle] today")


def of(check, statement="planted", tolerance=1e-3):
    return Claim(statement, "derivation", tolerance, check)


def test_the_entry_with_the_largest_error_is_shown():
    finding = of(off).measure()
    assert (finding.measured, finding.expected, finding.error, finding.holds) == (2.0, 2.5, 0.5, False)
    assert of(off, tolerance=0.5).measure().holds


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (float("nan"), 0.0),
        (np.array([0.0, np.nan]), np.zeros(2)),
        (float("inf"), float("inf")),
        (np.zeros(2), np.zeros(3)),
        (np.zeros((2, 1)), np.zeros((1, 2))),
        (np.zeros(0), np.zeros(0)),
        (1j, 0.0),
        (np.array([1 + 1j]), np.array([1 - 1j])),
    ],
)
def test_what_cannot_be_compared_fails(measured, expected):
    assert not of(lambda: (measured, expected)).measure().holds


def test_complex_numbers_are_compared_in_both_parts():
    assert of(lambda: (np.array([1 + 2j, 3j]), np.array([1 + 2j, 3j]))).measure().holds


def test_a_check_that_raises_is_a_failure():
    finding = of(broken).measure()
    assert not finding.holds and finding.problem == "RuntimeError: no [oracle] today"


def test_measuring_neither_reads_nor_moves_the_global_generator():
    drawn = of(lambda: (torch.rand(3), torch.zeros(3)))
    torch.manual_seed(0)
    before = torch.default_generator.get_state()
    first = drawn.measure()
    assert torch.equal(before, torch.default_generator.get_state())
    torch.manual_seed(1)
    assert drawn.measure() == first


# the command


@pytest.fixture
def planted(monkeypatch):
    def plant(*claims):
        monkeypatch.setattr(verifying, "CLAIMS", list(claims))

    return plant


def test_the_table_has_a_row_for_each_claim(planted, capsys):
    planted(of(right, "a half is [bold] 0.5"), of(right, "two"))
    assert main(["verify"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == FIELDS
    row = next(line for line in lines if "a half" in line)
    assert row.split() == ["a", "half", "is", "[bold]", "0.5", "0.5", "0.5", "0.0e+00", "1e-03", "derivation"]
    assert lines[-1].startswith("2 claims, of which 2 hold; ") and lines[-1].endswith(" seconds")


def test_json_alone(capsys):
    assert main(["verify", "--json", "--only", "p/q"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert list(found) == ["claims"] and found["claims"] and not shown.err
    for each in found["claims"]:
        assert list(each) == FIELDS and "p/q" in each["claim"]
        assert each["error"] == pytest.approx(abs(each["measured"] - each["expected"]))
        assert each["error"] <= each["tolerance"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_claim_that_fails(form, planted, capsys):
    planted(of(right, "one"), of(off, "two"), of(broken, "three"))
    assert main(["verify", *form]) == 1
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [
        "fails: two: measured 2, expected 2.5, error 5.0e-01",
        "fails: three: RuntimeError: no [oracle] today",
    ]
    if form:
        found = json.loads(shown.out)["claims"]
        assert [each["error"] for each in found] == [0.0, 0.5, None]
    else:
        assert "3 claims, of which 1 holds;" in shown.out


def test_only_some(planted, capsys, refused):
    planted(of(right, "Hinge: one"), of(right, "two"))
    assert main(["verify", "--only", "hinge"]) == 0
    assert "two" not in (out := capsys.readouterr().out) and "1 claim, of which 1 holds" in out
    assert refused("verify", "--only", "zzz") == "gansmith: no claim speaks of 'zzz': gansmith verify lists all 2\n"


def test_help(capsys):
    assert main(["verify", "--help"]) == 0
    assert "  gansmith verify --only hinge --json" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("columns", [20, 50, 79])
def test_a_narrow_terminal_gets_a_block_for_each_claim(columns, planted, monkeypatch):
    statement = "Dirac GAN, Wasserstein: the field is [psi, -theta], a rotation about the origin"
    planted(of(right, statement), of(off, "two"))
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", shown := Terminal())
    assert main(["verify"]) == 1
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown.getvalue()).splitlines()
    end = lines.index("  measured 0.5")
    assert " ".join(" ".join(lines[:end]).split()) == statement
    assert max(map(len, lines[:-1])) <= columns
    told = " ".join(" ".join(lines[end:-1]).split())
    assert told.startswith("measured 0.5 expected 0.5 error 0.0e+00, tolerance 1e-03 derivation two measured 2 ")


def test_a_wide_terminal_gets_the_table(planted, monkeypatch):
    planted(of(right, "one half"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", shown := Terminal())
    assert main(["verify"]) == 0
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown.getvalue()).splitlines()
    assert lines[1].split() == FIELDS and "one half" in shown.getvalue()


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("check", [right, off])
@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_no_terminal(closed, check, form, planted, monkeypatch, capsys):
    planted(of(check, "one"))
    monkeypatch.setattr(f"sys.{closed}", None)
    assert main(["verify", *form]) == int(check is off)
    shown = capsys.readouterr()
    assert (shown.err if closed == "stdout" else "fails" * (check is off)).startswith("fails" * (check is off))
    if closed == "stderr":
        assert "fails" not in shown.out
        assert not form or len(json.loads(shown.out)["claims"]) == 1
