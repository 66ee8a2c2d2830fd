"""The examples run, with few steps."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.stem)
def test_example(file, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(file), "20"])
    runpy.run_path(str(file), run_name="__main__")
    assert capsys.readouterr().out.strip()
