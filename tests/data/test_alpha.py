"""Transparency as a fourth channel: how it is read, seen by features, shown and saved."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import gansmith
from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.data.selection import Selection
from gansmith.drawing.grids import grid, single
from gansmith.evaluate import choose
from gansmith.games import DifferentiableAugmentation
from gansmith.runs.choosing import recipe_for
from gansmith.transparency import over_white

RNG = np.random.default_rng(4)


def save(path, pixels, mode="RGBA"):
    Image.fromarray(pixels.astype(np.uint8), mode).save(path)


def stickers(folder, n=24, side=16):
    """A disk of one color in the middle, nothing around it."""
    folder.mkdir()
    place = np.arange(side) - side / 2 + 0.5
    inside = (place[:, None] ** 2 + place**2 < (side / 3) ** 2)[..., None]
    for i in range(n):
        color = [*RNG.integers(0, 256, 3), 255]
        save(folder / f"{i:02d}.png", np.where(inside, color, 0))
    return folder


def test_transparency_is_kept_where_it_is_asked_for_and_otherwise_put_on_white(tmp_path):
    pixels = RNG.integers(0, 256, (16, 16, 4))
    pixels[:, :, 3] = RNG.choice([64, 128, 255], (16, 16))
    save(tmp_path / "a.png", pixels)
    kept, plain = load(str(tmp_path / "a.png"), 16, 4), load(str(tmp_path / "a.png"), 16)
    assert kept.shape == (4, 16, 16) and plain.shape == (3, 16, 16)
    assert np.array_equal(kept.x[0].permute(1, 2, 0).numpy(), pixels)
    rounded = ((over_white(kept.values(torch.arange(1))) + 1) * 127.5).round()
    assert (rounded - plain.x.float()).abs().max() <= 1


def test_what_is_not_seen_is_white(tmp_path):
    pixels = RNG.integers(1, 256, (16, 16, 4))
    pixels[:8, :, 3] = 0
    save(tmp_path / "a.png", pixels)
    x = load(str(tmp_path / "a.png"), 16, 4).x[0]
    assert bool((x[:3, :8] == 255).all()) and bool((x[3, :8] == 0).all())
    assert np.array_equal(x[:3, 8:].permute(1, 2, 0).numpy(), pixels[8:, :, :3])


def test_resizing_does_not_mix_colors_that_are_not_seen(tmp_path):
    """Red inside, and green that nobody sees around it: what is left of it is red, too."""
    pixels = np.zeros((64, 64, 4))
    pixels[:, :, 1] = 255
    pixels[20:45, 20:45] = [255, 0, 0, 255]
    save(tmp_path / "a.png", pixels)
    x = load(str(tmp_path / "a.png"), 16, 4).x[0].int()
    seen = x[3] > 8
    assert 20 < int(seen.sum()) < 100 and int(x[0][seen].min()) > 240 and int(x[1][seen].max()) < 15


def test_masks_are_found_where_they_are_seen(tmp_path):
    pixels = np.zeros((16, 16, 4))
    pixels[:8, :, :3], pixels[:, 4:, 3] = 1, 255
    save(tmp_path / "a.png", pixels)
    data = load(str(tmp_path / "a.png"), 16, 4)
    assert data.masks and data.x[0, 0, :8, 4:].min() == 255 and data.x[0, 0, 8:, 4:].max() == 0


def test_gray_of_16_bits_keeps_what_is_transparent(tmp_path):
    pixels = np.full((16, 16), 30_000, np.uint16)
    pixels[:8] = 1000
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=1000)
    x = load(str(tmp_path / "a.png"), 16, 4).x[0]
    assert bool((x[3, :8] == 0).all()) and bool((x[3, 8:] == 255).all())


@pytest.mark.parametrize(("mode", "shape"), [("L", (16, 16)), ("RGB", (16, 16, 3))])
def test_a_picture_without_transparency_is_opaque(mode, shape, tmp_path):
    pixels = RNG.integers(0, 256, shape)
    save(tmp_path / "a.png", pixels, mode)
    x = load(str(tmp_path / "a.png"), 16, 4).x[0]
    assert bool((x[3] == 255).all())
    assert np.array_equal(
        x[:3].numpy(), np.broadcast_to(pixels, (3, 16, 16)) if mode == "L" else pixels.transpose(2, 0, 1)
    )


def test_an_array_has_none(tmp_path):
    np.save(tmp_path / "a.npy", RNG.integers(0, 256, (5, 16, 16, 3), np.uint8))
    for size in (16, 32):
        with pytest.raises(ValueError, match="needs picture files, such as PNG, where transparency is kept"):
            load(str(tmp_path / "a.npy"), size, 4)


def test_a_dataset_with_it_is_found_again(tmp_path):
    data = load(str(stickers(tmp_path / "stickers")), 16, 4)
    assert Selection.like(data).alpha and Selection.like(data).load().shape == (4, 16, 16)


def test_features_see_it_over_white(tmp_path):
    data = load(str(stickers(tmp_path / "stickers")), 16, 4)
    features, x = choose(None, data), data.values(torch.arange(4))
    assert features.name == "objects" and recipe_for(data) == "photos"
    assert torch.allclose(features(x), features(over_white(x)), atol=1e-2)
    assert not torch.allclose(features(x), features(x[:, :3] * 0.5), atol=1e-2)
    assert choose("pixels", data)(x).shape == (4, 3 * 16 * 16)


def test_a_grid_shows_a_checkerboard_through_it():
    x = torch.ones(1, 4, 16, 16)
    x[:, 3, :, 8:] = -1
    shown = grid(x, padding=0, scale=1)
    assert shown.shape == (16, 16, 3) and bool((shown[:, :8] == 255).all())
    assert set(np.unique(shown[:, 8:])) == {153, 204} and shown[0, 8, 0] != shown[0, 12, 0] == shown[4, 8, 0]


def test_one_picture_keeps_it():
    x = torch.rand(4, 9, 8) * 2 - 1
    assert np.array_equal(single(x), ((x + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())
    assert single(x[:1]).shape == (9, 8) and single(x[:3]).shape == (9, 8, 3)


def test_augmentation_changes_colors_alone():
    x = torch.rand(6, 4, 8, 8)
    y = DifferentiableAugmentation(translation=False)(x)
    assert torch.equal(y[:, 3], x[:, 3]) and not torch.allclose(y[:, :3], x[:, :3])


def test_a_run_with_it(tmp_path):
    source, run = stickers(tmp_path / "stickers"), tmp_path / "run"
    flags = ["--steps", "3", "--batch", "8", "--width", "8", "--device", "cpu"]
    assert main(["train", "--data", str(source), "--alpha", *flags, "--out", str(run)]) == 0
    record = json.loads((run / "run.json").read_text())
    assert record["recipe"] == "photos" and record["data"]["alpha"] is True and record["data"]["shape"] == [4, 16, 16]
    assert "--alpha" in (run / "report.html").read_text()
    assert main(["resume", str(run), "--steps", "4"]) == 0
    assert main(["sample", str(run), "-n", "3", "-o", str(tmp_path / "out")]) == 0
    with Image.open(tmp_path / "out/000000.png") as one, Image.open(tmp_path / "out/grid.png") as several:
        assert one.mode == "RGBA" and one.size == (16, 16) and several.mode == "RGB"
    opened = gansmith.load_run(run)
    assert opened.load(source).shape == (4, 16, 16) and opened.sample(2).shape == (2, 4, 16, 16)
    assert main(["sample", str(run), "-n", "24", "-o", str(tmp_path / "more")]) == 0
    assert main(["evaluate", str(tmp_path / "more"), "--against", str(source)]) == 0
    assert main(["train", "--data", str(source), *flags, "--from", str(run), "--out", str(tmp_path / "next")]) == 0
    assert gansmith.load_run(tmp_path / "next").sample(1).shape == (1, 4, 16, 16)
