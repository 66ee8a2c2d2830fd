"""Photographs as people have them: very few, all alike, of one color, of any size and shape."""

import json

import numpy as np
import pytest
from PIL import Image

from gansmith.commands.cli import main

TINY = ["--steps", "1", "--width", "2", "--critic-width", "2"]


def saved(folder, pictures):
    folder.mkdir()
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i:03d}.png")
    return folder


def noise(n, height=40, width=40):
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (height, width, 3), np.uint8) for _ in range(n)]


def trained(folder, tmp_path, *words):
    assert main(["train", "--data", str(folder), *TINY, *words, "--out", str(tmp_path / "run")]) == 0
    return json.loads((tmp_path / "run" / "run.json").read_text())


def test_ten_pictures_are_too_few_for_a_batch_and_learned_with_a_smaller_one(tmp_path, refused, capsys):
    folder = saved(tmp_path / "ten", noise(10))
    line = refused("train", "--data", folder, *TINY)
    assert "needs at least 16 training images for a batch of 16" in line and "lower --batch or add images" in line
    trained(folder, tmp_path, "--batch", "4")
    shown = capsys.readouterr().out
    assert "Too early to judge" in shown


PLAIN = [np.full((16, 16, 3), i % 256, np.uint8) for i in range(250)]


@pytest.mark.parametrize(
    ("pictures", "line"),
    [
        (noise(1, 16, 16) * 250, "all 250 images are the same: there is nothing to learn but to repeat it"),
        (PLAIN, "250 of 250 images are of one color all over"),
        ([*noise(30, 16, 16), PLAIN[7]], "1 of 31 images is of one color all over"),
    ],
    ids=["the same", "one color", "one of one color"],
)
def test_pictures_without_variety_are_told(pictures, line, tmp_path, capsys):
    """Of 250 there are distances, too, and looks while it trains: of pictures that are all the same they are zero."""
    trained(saved(tmp_path / "plain", pictures), tmp_path, "--size", "16", "--steps", "25")
    shown = capsys.readouterr().out
    assert line in shown and "nan" not in shown and "Error" not in shown
    assert (tmp_path / "run" / "report.html").exists()


def test_pictures_of_all_sizes_become_squares_of_one(tmp_path, capsys):
    shapes = [(9, 9), (9000, 40), (40, 9000), (37, 91), (300, 200), (9, 2000)]
    pictures = [picture for shape in shapes for picture in noise(4, *shape)]
    record = trained(saved(tmp_path / "sizes", pictures), tmp_path)
    assert record["data"]["shape"][0] == 3 and record["data"]["shape"][1] <= 64
    shown = capsys.readouterr().out
    assert "cut to their center square and resized" in shown and "enlarged" in shown


def test_a_run_of_other_pictures_is_no_beginning(tmp_path, refused):
    trained(saved(tmp_path / "first", noise(20)), tmp_path, "--size", "8")
    gray = saved(tmp_path / "gray", [picture[..., 0] for picture in noise(20)])
    words = ["--data", gray, "--from", tmp_path / "run", *TINY]
    assert "needs a run of the same networks to begin from" in refused("train", *words)
    other = ["train", "--data", tmp_path / "first", "--from", tmp_path / "run", *TINY, "--size", 16]
    assert "take its recipe, size, channels, widths and other flags" in refused(*other)
    assert "needs a run of the same networks" in refused(
        "train", "ogan", *other[1:5], "--size", 8, "--steps", 1, "--batch", 4
    )


def test_where_pictures_cannot_be_decoded_a_line_says_what_can(tmp_path, monkeypatch, refused):
    monkeypatch.setattr("gansmith.data.pool.POSIX", False)
    folder = saved(tmp_path / "windows", noise(20))
    assert "this is Windows: take WSL, or arrays" in refused("train", "--data", folder, *TINY)
