"""sample and reconstruct: what they write of a run, and what they refuse."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runs import ODD, TINY, contents

from gansmith.commands.cli import main
from gansmith.exhibits import EXHIBITS
from gansmith.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_samples(ogan, ring, capsys, tmp_path):
    assert main(["sample", str(ogan), "-n", "3"]) == main(["sample", str(ogan), "-n", "3"]) == 0
    names = ["000000.png", "000001.png", "000002.png", "grid.png"]
    assert [sorted(f.name for f in (ogan / f"sampled-{i}").iterdir()) for i in (1, 2)] == [names, names]
    assert contents(ogan / "sampled-1") == contents(ogan / "sampled-2")
    assert main(["sample", str(ogan), "-n", "3", "--seed", "1", "-o", ODD]) == 0
    assert contents(tmp_path / ODD)["grid.png"] != contents(ogan / "sampled-1")["grid.png"]
    assert main(["sample", str(ring), "-n", "5"]) == 0
    with np.load(ring / "sampled-1" / "samples.npz") as found:
        assert found["samples"].shape == (5, 2)


def test_samples_are_not_written_where_a_report_draws(ogan, refused, tmp_path):
    names = {exhibit.name for exhibit in EXHIBITS} - {folder.name for folder in ogan.iterdir()}
    assert names  # those that exist already are refused as every folder is
    for name in names:
        assert "choose another -o" in refused("sample", ogan, "-n", "3", "-o", ogan / name)
        assert not (ogan / name).exists()
    assert main(["sample", str(ogan), "-n", "3", "-o", str(tmp_path / names.pop())]) == 0


def test_reconstructions_of_pictures_of_which_some_are_broken(ogan, capsys):
    folder = Path(f"{ODD} 數字")
    folder.mkdir()
    for i in range(3):
        Image.fromarray(np.full((9 + i, 12), 80 * i, np.uint8)).save(folder / f"é [b]{i}[red] '\n.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / os.fsdecode(b"\xff.txt")).write_text("hello")
    assert main(["reconstruct", str(ogan), str(folder), "-o", "pairs", "--truncation", "0.7"]) == 0
    shown = capsys.readouterr().out
    assert "skipped 2 of 5 files" in shown and "broken.png" in shown and "3 pairs in pairs/pairs.png" in shown
    numbers = json.loads(Path("pairs/numbers.json").read_text())
    assert numbers["n"] == 3 and len(numbers["each"]) == 3 and numbers["truncation"] == 0.7
    assert len(list(Path("pairs").glob("00*.png"))) == 3


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ("ring", "needs images for ogan: ring holds vectors"),
        ("nothing", "no data named 'nothing'"),
        ("text.png", "text.png as a picture (no image)"),
    ],
)
def test_what_cannot_be_reconstructed(images, said, ogan, refused, tmp_path):
    (tmp_path / "text.png").write_text("x")
    before = contents(ogan)
    assert said in refused("reconstruct", "ogan", images)
    assert contents(ogan) == before


def test_runs_that_do_not_reconstruct(ring, refused, tmp_path):
    assert "needs a game that encodes, but gan only generates: train ogan" in refused("reconstruct", ring, "digits")
    assert main(["train", "ogan", "--data", "ring", *TINY, "--out", "points"]) == 0
    assert "needs a run on images, but points was trained on vectors" in refused("reconstruct", "points", "digits")


def test_a_name_that_is_no_utf8(tmp_path, capsys):
    source = tmp_path / os.fsdecode(b"\xff\xfe.npz")
    with source.open("wb") as file:
        np.savez(file, x=np.random.default_rng(0).normal(size=(60, 2)))
    assert main(["train", "gan", "--data", source.name, *TINY, "--out", "run"]) == 0
    assert RunFolder.open(Path("run")).record["data"]["source"] == str(source.resolve())
    assert main(["resume", "run", "--steps", "3"]) == 0
