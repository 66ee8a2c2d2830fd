"""The examples run: those on the ring to their end, since they say what they reach, the others for a few steps."""

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
RING = ("own_loop", "own_objective", "single_loss")


def printed(file, monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", [str(file), *words])
    runpy.run_path(str(file), run_name="__main__")
    return capsys.readouterr().out


@pytest.mark.parametrize("file", [f for f in EXAMPLES if f.stem not in RING], ids=lambda f: f.stem)
def test_example(file, monkeypatch, capsys):
    assert printed(file, monkeypatch, capsys, "20").strip()


@pytest.mark.parametrize("file", [f for f in EXAMPLES if f.stem in RING], ids=lambda f: f.stem)
def test_example_reaches_the_ring(file, monkeypatch, capsys):
    [(modes, of, close)] = re.findall(
        r"(\d+) of (\d+) modes, (\d+)% of samples close", printed(file, monkeypatch, capsys)
    )
    assert (modes, of) == ("8", "8")
    assert int(close) >= 80
