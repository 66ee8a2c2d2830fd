"""One scale for a collection: found from all of its values, or asked for, and always said."""

import numpy as np
import pytest
import torch
from PIL import Image
from runs import TINY

from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.data.selection import Selection
from gansmith.data.value_range import found_range
from gansmith.runs.opening import without_samples

RNG = np.random.default_rng(0)


def save(folder, arrays, suffix="png"):
    folder.mkdir()
    for k, array in enumerate(arrays):
        Image.fromarray(array).save(folder / f"{k:02d}.{suffix}")
    return str(folder)


@pytest.mark.parametrize(
    ("low", "high", "whole", "expected"),
    [
        (0, 255, True, (0, 255)),
        (17, 4000, True, (0, 4095)),
        (0, 65535, True, (0, 65535)),
        (0, 0, True, (0, 1)),
        (-1024, 3071, True, (-1024, 3071)),
        (-1e-6, 1.0, False, (0, 1)),
        (0.0, 1.04, False, (0, 1)),
        (-0.06, 1.0, False, (-1, 1)),
        (-1.0, 1.0, False, (-1, 1)),
        (0.0, 255.0, False, (0, 255)),
        (0.0, 100.0, False, (0, 100)),
        (-500.0, 1e6, False, (-500, 1e6)),
        (7.0, 7.0, False, (7, 8)),
    ],
)
def test_the_range_that_is_found(low, high, whole, expected):
    assert found_range(low, high, whole) == expected


def test_12_bits_in_16_are_one_scale_for_all(tmp_path):
    scans = RNG.integers(0, 4096, (12, 16, 16)).astype(np.uint16)
    scans[0] //= 64  # a dark one stays dark
    data = load(save(tmp_path / "scans", scans))
    expected = np.rint(scans / 4095 * 255)
    assert torch.equal(data.x[:, 0], torch.from_numpy(expected.astype(np.uint8))) and data.deep_range == (0, 4095)
    note = (
        f"values from {scans.min()} to {scans.max()}: those from 0 to 4095 become 0 to 255 (--range A,B takes others)"
    )
    assert note in data.notes


def test_float_tiffs_share_a_scale(tmp_path):
    maps = [np.full((8, 8), value, np.float32) for value in (-3.0, 0.0, 1.0, 7.0)]
    data = load(save(tmp_path / "maps", maps, "tif"))
    assert data.x[:, 0, 0, 0].tolist() == [0, 76, 102, 255] and data.deep_range == (-3, 7)


def test_signed_numbers_keep_their_order(tmp_path):
    slices = [np.full((8, 8), value, np.int32) for value in (-1000, 0, 1000)]
    assert load(save(tmp_path / "ct", slices, "tif")).x[:, 0, 0, 0].tolist() == [0, 128, 255]
    np.save(tmp_path / "ct.npy", np.stack(slices).astype(np.int16))
    assert load(str(tmp_path / "ct.npy")).x[:, 0, 0, 0].tolist() == [0, 128, 255]


def test_masks_of_0_and_1(tmp_path):
    masks = RNG.integers(0, 2, (10, 16, 16), dtype=np.uint8)
    expected = torch.from_numpy(masks * 255)
    np.save(tmp_path / "bytes.npy", masks)
    np.save(tmp_path / "bool.npy", masks > 0)
    for source in (save(tmp_path / "masks", masks), str(tmp_path / "bytes.npy"), str(tmp_path / "bool.npy")):
        data = load(source)
        assert torch.equal(data.x[:, 0], expected) and any("255" in note for note in data.notes)


def test_masks_beside_masks_of_another_scale_are_said(tmp_path):
    masks = RNG.integers(0, 2, (4, 16, 16), dtype=np.uint8)
    masks[1:] *= 255
    note = "1 of 4 pictures has no value above 1, as masks of 0 and 1: save all with 255 as white"
    np.save(tmp_path / "bytes.npy", masks)
    for source in (save(tmp_path / "masks", masks), str(tmp_path / "bytes.npy")):
        data = load(source)
        assert torch.equal(data.x[:, 0], torch.from_numpy(masks)) and data.notes == (note,) and not data.masks


@pytest.mark.parametrize("masks", [False, True])
def test_a_later_picture_of_0_and_1_is_a_mask_where_the_data_were_masks(tmp_path, masks):
    x = RNG.integers(0, 2 if masks else 256, (40, 16, 16), dtype=np.uint8)
    folder, run = save(tmp_path / "data", x), tmp_path / "run"
    assert main(["train", "ogan", "--data", folder, "--steps", "2", *TINY, "--out", str(run)]) == 0
    from gansmith import load_run

    trained = load_run(run)
    Image.fromarray(np.eye(16, dtype=np.uint8)).save(tmp_path / "one.png")
    assert int(trained.load(tmp_path / "one.png").x.max()) == (255 if masks else 1)
    Image.fromarray(np.eye(16, dtype=np.uint8) * 200).save(tmp_path / "other.png")
    assert int(trained.load(tmp_path / "other.png").x.max()) == 200
    record = trained.folder.record["data"]
    del record["masks"]  # as runs of older versions
    assert without_samples(record).masks


def test_masks_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))
    folder = save(tmp_path / "masks", RNG.integers(0, 2, (10, 16, 16), dtype=np.uint8))
    expected = load(folder)
    monkeypatch.setattr("gansmith.data.pictures.budget", lambda: 100)
    for _ in range(2):
        data = load(folder)
        assert torch.equal(data.x, expected.x) and data.notes == expected.notes
        assert data.fingerprint == expected.fingerprint


def test_dark_pictures_are_said_and_left_alone(tmp_path):
    dark = RNG.integers(0, 41, (9, 16, 16), dtype=np.uint8)
    dark[0, 0, 0] = 40
    folder = save(tmp_path / "dark", dark)
    data = load(folder)
    assert torch.equal(data.x[:, 0], torch.from_numpy(dark))
    assert "values reach only 40 of 255 (--range 0,40 makes them brighter)" in data.notes[-1]
    spread = load(folder, value_range=(0, 40))
    assert torch.equal(spread.x[:, 0], torch.from_numpy(np.rint(dark / 40 * 255).astype(np.uint8)))


def test_a_value_just_below_zero_leaves_the_rest(tmp_path):
    x = RNG.random((8, 16, 16)).astype(np.float32)
    expected = np.rint(x.astype(np.float64) * 255)
    x[0, 0, 0], expected[0, 0, 0] = -1e-6, 0
    np.save(tmp_path / "x.npy", x)
    data = load(str(tmp_path / "x.npy"))
    assert (
        torch.equal(data.x[:, 0], torch.from_numpy(expected.astype(np.uint8))) and "others are clipped" in data.notes[0]
    )


def test_a_range_that_is_asked_for(tmp_path):
    np.save(tmp_path / "x.npy", np.linspace(-10, 30, 64 * 4, dtype=np.float32).reshape(4, 8, 8))
    data = load(str(tmp_path / "x.npy"), value_range=(0, 20))
    assert data.deep_range == (0, 20) and int(data.x.min()) == 0 and (data.x == 255).sum() >= 64
    for wrong in ((1, 1), (2, 1), (0, float("nan"))):
        with pytest.raises(ValueError, match="the smaller first, such as 0,4095"):
            load("digits", value_range=wrong)
    with pytest.raises(ValueError, match="holds vectors"):
        load("ring", value_range=(0, 1))


def test_a_run_reads_later_pictures_on_its_own_scale(tmp_path, capsys):
    scans = RNG.integers(0, 4096, (40, 16, 16)).astype(np.uint16)
    folder, run = save(tmp_path / "scans", scans), tmp_path / "run"
    words = ["train", "ogan", "--data", folder, "--steps", "2", *TINY, "--out", str(run)]
    assert main([*words, "--range", "0,2000"]) == 0
    from gansmith import load_run

    trained = load_run(run)
    Image.fromarray(np.full((16, 16), 1000, np.uint16)).save(tmp_path / "one.png")
    assert trained.load(tmp_path / "one.png").x.unique().tolist() == [128]
    Image.fromarray(np.full((16, 16), 200, np.uint8)).save(tmp_path / "bytes.png")
    assert trained.load(tmp_path / "bytes.png").x.unique().tolist() == [200]
    record = trained.folder.record["data"]
    assert record["deep_range"] == [0, 2000] and Selection.of(record).value_range == (0, 2000)
    assert main(["resume", str(run), "--steps", "3"]) == 0
    assert main([*words[:-1], str(tmp_path / "other"), "--range", "4,4"]) == 2
    assert "needs two numbers, the smaller first, such as 0,4095, but got '4,4'" in capsys.readouterr().err


def test_floats_from_0_to_1_are_masks_where_they_are_0_and_1_alone(tmp_path):
    for name, x in (("gray", RNG.random((10, 16, 16))), ("masks", RNG.integers(0, 2, (10, 16, 16)).astype("float32"))):
        np.save(tmp_path / f"{name}.npy", x)
        assert load(str(tmp_path / f"{name}.npy")).masks == (name == "masks")
