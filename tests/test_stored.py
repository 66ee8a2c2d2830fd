"""Runs of an earlier version (0.1.0, before its modules moved) open, give the same samples, and go on to the same."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.commands.cli import main

STORED = Path(__file__).parent / "stored"
LEVELS = 1  # of gray: another processor rounds otherwise


@pytest.fixture(scope="module")
def expected():
    with np.load(STORED / "expected.npz") as found:
        return dict(found)


@pytest.fixture
def run(request, tmp_path):
    return shutil.copytree(STORED / request.param, tmp_path / "run")


def sampled(run, out, *flags):
    assert main(["sample", str(run), "-n", "4", "--device", "cpu", "-o", str(out), *flags]) == 0
    if (out / "samples.npz").exists():
        with np.load(out / "samples.npz") as found:
            return found["samples"]
    return np.stack([np.asarray(Image.open(out / f"{i:06d}.png")) for i in range(4)])


def assert_same(found, expected):
    assert found.dtype == expected.dtype and found.shape == expected.shape
    off = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max()
    assert off <= (LEVELS if found.dtype == np.uint8 else 1e-5)


@pytest.mark.filterwarnings("ignore:gansmith.* is gansmith.* now:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Form is taken as Duels, Samples:FutureWarning")
@pytest.mark.parametrize(
    ("run", "flags"), [("ogan", []), ("mine", ["--trust"]), ("form", ["--trust"])], indirect=["run"]
)
def test_a_stored_run_gives_the_same_samples_before_and_after_a_resume(run, flags, request, tmp_path, expected):
    name = request.node.callspec.params["run"]
    assert_same(sampled(run, tmp_path / "before", *flags), expected[f"{name}_10"])
    assert main(["resume", str(run), *flags]) == 0
    assert_same(sampled(run, tmp_path / "after", *flags), expected[f"{name}_20"])
    assert (run / "report.html").exists() and (run / "metrics.json").exists()
    assert main(["report", str(run), *flags]) == 0
    monitored = [json.loads(line) for line in (run / "monitor.jsonl").read_text().splitlines()]
    assert {"score/train", "score/fake", "slope", "diversity"} <= monitored[-1].keys()
    assert "duplicates" in json.loads((run / "metrics.json").read_text())


def test_what_is_stored_is_small():
    assert sum(file.stat().st_size for file in STORED.rglob("*") if file.is_file()) < 300_000
