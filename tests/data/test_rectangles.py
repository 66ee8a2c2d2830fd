"""Pictures that are no squares: their sizes, how they are fitted, and a whole run on them."""

import numpy as np
import pytest
import torch
from PIL import Image

import gansmith
from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.sides import check_sides, coarse, halvings, sides_of, written

RNG = np.random.default_rng(3)


def save(path, height, width, value=None):
    pixels = RNG.integers(0, 256, (height, width, 3), np.uint8) if value is None else value
    Image.fromarray(pixels).save(path)
    return pixels


def marked(height, width, box):
    """Black, but for a white box (top, bottom, left, right)."""
    pixels = np.zeros((height, width, 3), np.uint8)
    top, bottom, left, right = box
    pixels[top:bottom, left:right] = 255
    return pixels


@pytest.mark.parametrize(("size", "sides"), [(64, (64, 64)), ("64", (64, 64)), ("96x64", (64, 96)), ((8, 9), (8, 9))])
def test_a_size_is_written_as_width_and_height(size, sides):
    assert sides_of(size) == sides and sides_of(written(sides)) == sides


@pytest.mark.parametrize("size", ["", "x", "64x", "x64", "64X96", "-64", "64.0", "1e2", "64x64x3", "9" * 7, " 64"])
def test_what_is_no_size(size):
    with pytest.raises(ValueError, match="needs a size as 64, or as 96x64"):
        sides_of(size)


def test_every_rectangle_halves_evenly_or_is_refused_with_one_that_does():
    for height in range(1, 290, 7):
        for width in range(2, 290, 5):
            if height == width:
                continue
            try:
                check_sides((height, width))
            except ValueError as error:
                near = sides_of(str(error).rsplit(" ", 1)[1])
                check_sides(near)
                clamped = [min(max(side, 8), 256) for side in (height, width)]
                assert all(abs(a - b) <= 2 * 2 ** halvings(tuple(clamped)) for a, b in zip(near, clamped, strict=True))
            else:
                small = coarse((height, width))
                assert 4 <= min(small) <= 7 and [side << halvings((height, width)) for side in small] == [height, width]


def test_a_picture_of_the_size_keeps_its_pixels(tmp_path):
    pixels = save(tmp_path / "a.png", 64, 96)
    data = load(str(tmp_path / "a.png"), "96x64")
    assert data.shape == (3, 64, 96) and data.sides == (64, 96) and data.content is None and data.notes == ()
    assert np.array_equal(data.x[0].permute(1, 2, 0).numpy(), pixels)
    array = RNG.integers(0, 256, (5, 64, 96), np.uint8)
    np.save(tmp_path / "a.npy", array)
    same = load(str(tmp_path / "a.npy"), "96x64")
    assert np.array_equal(same.x[:, 0].numpy(), array) and same.notes == ()


def test_the_center_is_the_largest_box_of_the_proportions(tmp_path):
    save(tmp_path / "wide.png", 80, 300, marked(80, 300, (0, 80, 90, 210)))  # 120 x 80 in the middle
    save(tmp_path / "high.png", 300, 120, marked(300, 120, (110, 190, 0, 120)))
    data = load(str(tmp_path), "96x64")
    assert data.shape == (3, 64, 96) and bool((data.x == 255).all())
    assert "images cut to their center and resized to 96x64" in data.notes


def test_other_crops(tmp_path):
    save(tmp_path / "a.png", 96, 96, np.tile(np.linspace(0, 255, 96).astype(np.uint8)[:, None, None], (1, 96, 3)))
    whole = load(str(tmp_path / "a.png"), "96x64", crop="pad")
    assert whole.shape == (3, 64, 96) and bool((whole.x[..., :16] == whole.x[..., :1]).all())
    assert whole.x[0, 0, 0, 0] < 10 and whole.x[0, 0, -1, 0] > 245  # nothing is cut off
    stretched = load(str(tmp_path / "a.png"), "96x64", crop="stretch")
    assert stretched.x[0, 0, 0, 0] < 10 and stretched.x[0, 0, -1, 0] > 245
    high = load(str(tmp_path / "a.png"), "64x96", crop="pad")
    assert high.shape == (3, 96, 64) and bool((high.x[:, :, :16] == high.x[:, :, :1]).all())


def test_the_median_proportions(tmp_path):
    for i, (height, width) in enumerate([(60, 90), (60, 92), (100, 100), (61, 90), (90, 300)]):
        save(tmp_path / f"{i}.png", height, width)
    assert load(str(tmp_path), "median").shape == (3, 64, 96)
    assert load(str(tmp_path), "median", largest=32).shape == (3, 32, 48)
    save(tmp_path / "long.png", 20, 4000)
    assert load(str(tmp_path / "long.png"), "median").shape == (3, 32, 256)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_photographs_that_lie_on_their_side_have_the_sides_that_are_seen(suffix, orientation, tmp_path):
    stored = Image.fromarray(marked(64, 96, (0, 64, 0, 48)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a.{suffix}", exif=exif)
    seen = (96, 64) if orientation in (6, 8) else (64, 96)
    data = load(str(tmp_path / f"a.{suffix}"), written(seen))
    assert data.sides == seen and data.notes == ()
    assert load(str(tmp_path / f"a.{suffix}"), "median").sides == seen


def test_the_median_of_large_pictures_is_not_turned(tmp_path):
    save(tmp_path / "a.png", 800, 1200)
    data = load(str(tmp_path / "a.png"), "median", largest=1024)
    assert data.shape == (3, 1024, 1024) or data.sides[1] > data.sides[0]
    assert load(str(tmp_path / "a.png"), "median", largest=512).sides == (512, 512)


@pytest.mark.parametrize("size", ["100x64", "96x60", "9000x9", "512x256", "4x8"])
def test_a_rectangle_that_no_stride_divides(size, tmp_path, refused):
    save(tmp_path / "a.png", 64, 96)
    words = ["train", "photos", "--data", tmp_path / "a.png", "--size", size, "--out", tmp_path / "run"]
    assert f"halve evenly, but got {size}: use " in refused(*words)
    assert not (tmp_path / "run").exists()


def pictures(folder):
    folder.mkdir()
    for i in range(24):
        save(folder / f"{i:02d}.png", 25, 38)
    return folder


TINY = {"steps": 3, "batch": 8, "width": 8, "device": "cpu", "precision": "float32"}


def test_a_run_on_rectangles(tmp_path):
    source, run = pictures(tmp_path / "pictures"), tmp_path / "run"
    trained = gansmith.train("photos", source, size="median", out=run, **TINY)
    assert trained.folder.record["data"]["size"] == "48x32" and trained.sample(3).shape == (3, 3, 32, 48)
    assert trained.metrics["content"] == [3, 32, 48] and "of 48x32 pixels" in (run / "report.html").read_text()
    resumed, opened = gansmith.resume(run, steps=5), gansmith.load_run(run)
    assert torch.equal(opened.sample(2), resumed.sample(2)) and opened.step == 5
    assert opened.load(source).shape == (3, 32, 48)
    assert main(["sample", str(run), "-n", "24", "-o", str(tmp_path / "out")]) == 0
    with Image.open(tmp_path / "out/000000.png") as picture:
        assert picture.size == (48, 32)
    assert main(["evaluate", str(tmp_path / "out"), "--against", str(source), "--size", "48x32"]) == 0
    assert main(["report", str(run), "--gif", str(tmp_path / "a.gif")]) == 0


def test_a_run_on_rectangles_that_encodes_and_begins_another(tmp_path):
    source = pictures(tmp_path / "pictures")
    run = gansmith.train("ogan", source, size="48x32", out=tmp_path / "run", **TINY)
    assert run.reconstruct(source).shape == (24, 3, 32, 48)
    begun = gansmith.train(data=source, start_from=tmp_path / "run", out=tmp_path / "next", **TINY)
    assert begun.sample(1).shape == (1, 3, 32, 48)
