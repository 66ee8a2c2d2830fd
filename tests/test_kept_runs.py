"""A benchmark takes finished runs from a file only where this commit's code made them."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest


@pytest.fixture
def results(monkeypatch, tmp_path):
    """The benchmarks' module, at home in a small repository of its own with one committed file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    module = import_module("results")
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.setattr(module, "FILE", tmp_path / "benchmarks" / "RESULTS.md")
    (tmp_path / "code.py").write_text("1\n")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    yield module
    monkeypatch.delitem(sys.modules, "results")


def git(folder, *words):
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True)


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "a state")


def test_runs_of_another_commit_are_passed_over(results, tmp_path):
    file = tmp_path / "runs.jsonl"
    results.Kept(file).add({"seed": 1})
    assert results.Kept(file).runs == [{"seed": 1}]
    (tmp_path / "code.py").write_text("2\n")
    commit(tmp_path)
    later = results.Kept(file)
    assert later.runs == []
    later.add({"seed": 2})
    assert results.Kept(file).runs == [{"seed": 2}]


def test_code_without_a_commit_keeps_no_runs(results, tmp_path):
    (tmp_path / "code.py").write_text("3\n")
    with pytest.raises(SystemExit, match=r"needs code that is committed, but a \.py file has changed"):
        results.Kept(tmp_path / "runs.jsonl")
    assert results.Kept(None).runs == []


def test_a_line_from_before_commits_were_kept_is_passed_over(results, tmp_path):
    (tmp_path / "runs.jsonl").write_text('{"seed": 1}\n')
    assert results.Kept(tmp_path / "runs.jsonl").runs == []
