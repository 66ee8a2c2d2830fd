"""How samples grew, as a GIF."""

import numpy as np
import pytest
from PIL import Image

from gansmith.commands.cli import main
from gansmith.refusal import Refusal
from gansmith.report.animation import write_growth


def drawn(folder, steps, size=(40, 30)):
    folder.mkdir(parents=True, exist_ok=True)
    for step in steps:
        x = np.random.default_rng(step).integers(0, 256, (*size[::-1], 3), np.uint8)
        Image.fromarray(x).save(folder / f"{step:06d}.png")


def test_a_run_is_animated(ogan, tmp_path, capsys):
    drawn(ogan / "samples", [3, 50])
    with Image.open(sorted((ogan / "samples").iterdir())[0]) as first:
        last = first.size
    drawn(ogan / "samples", [60, 75, 100], last)
    assert main(["report", str(ogan), "--gif", str(tmp_path / "growth.gif")]) == 0
    assert "how it grew: " in capsys.readouterr().out
    with Image.open(tmp_path / "growth.gif") as gif:
        assert gif.format == "GIF" and gif.n_frames >= 4 and gif.size == last
        assert gif.info["duration"] == 350


def test_the_last_picture_stays_longest_and_no_more_than_24_are_shown(tmp_path):
    drawn(tmp_path / "run" / "samples", range(1, 60))
    with Image.open(write_growth(tmp_path / "run", tmp_path / "a.gif")) as gif:
        assert gif.n_frames == 24
        gif.seek(gif.n_frames - 1)
        assert gif.info["duration"] == 2500


def test_what_cannot_be_animated_is_refused(ogan, tmp_path, refused):
    drawn(tmp_path / "run" / "samples", [1])
    with pytest.raises(Refusal, match="fewer than two pictures"):
        write_growth(tmp_path / "run", tmp_path / "a.gif")
    drawn(tmp_path / "run" / "samples", [2], (41, 30))
    with pytest.raises(Refusal, match="fewer than two pictures of one kind"):
        write_growth(tmp_path / "run", tmp_path / "a.gif")
    (tmp_path / "b.gif").write_text("mine")
    assert "b.gif" in refused("report", ogan, "--gif", tmp_path / "b.gif")
    assert (tmp_path / "b.gif").read_text() == "mine"
