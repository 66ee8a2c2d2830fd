"""Picture files: gray or color, transparent, turned, of unequal sizes; what cannot be decoded is skipped by name."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from gansmith.data import load
from gansmith.data.resizing import Fit, plan

RNG = np.random.default_rng(0)


def gray(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def restate_png(path, side):
    """Lets the header state other sides."""
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">2I", side, side)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return str(path)


def test_gray_folder_is_exact_sorted_and_named(tmp_path):
    arrays = {name: gray(16, 16) for name in ("b.png", "a.png", "c.png")}
    for name, array in arrays.items():
        save(tmp_path / name, array)
    (tmp_path / ".hidden").write_text("not counted")
    data = load(str(tmp_path))
    assert data.names == ("a.png", "b.png", "c.png") and data.sample_name(1) == "b.png"
    assert torch.equal(data.x, torch.from_numpy(np.stack([arrays[name] for name in data.names]))[:, None])
    assert data.notes == () and data.content is None


def test_one_color_picture_makes_all_color(tmp_path):
    first, second = gray(16, 16), gray(16, 16, 3)
    save(tmp_path / "a.png", first)
    save(tmp_path / "b.png", second)
    x = load(str(tmp_path)).x
    assert torch.equal(x[0], torch.from_numpy(first).expand(3, 16, 16))
    assert torch.equal(x[1], torch.from_numpy(second).permute(2, 0, 1))


def test_alpha_is_laid_over_white(tmp_path):
    clear = np.zeros((8, 8, 4), np.uint8)
    save(tmp_path / "rgba.png", clear)
    assert load(str(tmp_path / "rgba.png")).x.unique().tolist() == [255]
    Image.fromarray(np.zeros((8, 8, 2), np.uint8), "LA").save(tmp_path / "la.png")
    data = load(str(tmp_path / "la.png"))
    assert data.shape == (1, 8, 8) and data.x.unique().tolist() == [255]
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.save(tmp_path / "p.png", transparency=0)
    assert load(str(tmp_path / "p.png")).x[0, :, 0, 0].tolist() == [10, 20, 30]


def test_16_bits_are_scaled_not_cut(tmp_path):
    Image.fromarray(np.full((8, 8), 0x80FF, np.uint16)).save(tmp_path / "a.png")
    assert load(str(tmp_path / "a.png")).x.unique().tolist() == [128]


def test_photographs_are_turned_upright(tmp_path):
    array = np.zeros((16, 16), np.uint8)
    array[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the picture must turn clockwise
    save(tmp_path / "a.png", array, exif=exif)
    assert torch.equal(load(str(tmp_path / "a.png")).x[0, 0], torch.from_numpy(np.rot90(array, -1).copy()))


def test_a_single_picture_loads_and_cannot_train(tmp_path):
    array = gray(28, 28)
    data = load(save(tmp_path / "a.png", array))
    assert len(data.train) == 1 and len(data.held_out) == 0 and data.content == (28, 28)
    assert torch.equal(data.crop(data.x)[0, 0], torch.from_numpy(array))
    with pytest.raises(ValueError, match="at least 2 training images"):
        data.batch(0, 0, 2)


def test_unequal_sizes_are_cut_and_resized(tmp_path):
    save(tmp_path / "a.png", gray(40, 60))
    save(tmp_path / "b.png", gray(30, 30))
    save(tmp_path / "c.jpg", gray(90, 33))
    data = load(str(tmp_path))
    assert data.shape == (1, 64, 64) and "resized to 64x64" in data.notes[0]
    assert load(str(tmp_path), size=16).shape == (1, 16, 16)


def test_center_is_kept_where_the_size_fits(tmp_path):
    array = gray(16, 40)
    assert torch.equal(load(save(tmp_path / "a.png", array)).x[0, 0], torch.from_numpy(array[:, 12:28].copy()))


def test_a_needle_takes_no_memory(tmp_path):
    assert load(save(tmp_path / "a.png", gray(1, 60_000)), size=128).shape == (1, 128, 128)


def test_given_size_and_channels(tmp_path):
    save(tmp_path / "a.png", gray(28, 28))
    data = load(str(tmp_path / "a.png"), size=32, channels=3)
    assert data.shape == (3, 32, 32) and data.content == (28, 28)
    save(tmp_path / "b.png", gray(20, 20, 3))
    assert load(str(tmp_path / "b.png"), channels=1).shape == (1, 32, 32)
    with pytest.raises(ValueError, match="needs 1, 3 or 4 channels, but got 2"):
        load(str(tmp_path / "a.png"), channels=2)


def test_gray_of_a_picture_and_of_an_array_agree(tmp_path):
    array = gray(1, 16, 16, 3)
    np.savez(tmp_path / "a.npz", x=array)
    picture = load(save(tmp_path / "a.png", array[0]), channels=1)
    assert torch.equal(load(str(tmp_path / "a.npz"), channels=1).x, picture.x)


def test_what_cannot_be_decoded_is_named_and_counted(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / name, gray(28, 28))
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "notes.txt").write_text("hello")
    save(tmp_path / "cut.png", gray(100, 100))
    os.truncate(tmp_path / "cut.png", 5000)
    data = load(str(tmp_path))
    assert data.names == ("a.png", "b.png", "c.png")
    # The cut file's header says 100x100: it must have no say in the size of the others.
    assert data.shape == (1, 32, 32) and data.content == (28, 28)
    assert data.notes[0].startswith("skipped 3 of 6 files: ")
    for part in ("text.png (no image)", "notes.txt (no image)", "cut.png ("):
        assert part in data.notes[0]
    with pytest.raises(ValueError, match=r"skipped 3 of 6 files: .*: repair or remove them") as caught:
        load(str(tmp_path), strict=True)
    assert "\n" not in str(caught.value)


def test_a_picture_unlike_its_header():
    with pytest.raises(ValueError, match="its pixels are 20x28, not of the size in its header"):
        Fit((32, 32), (28, 28)).picture(Image.new("L", (20, 28)), 1)


def test_a_cut_color_file_does_not_color_the_rest(tmp_path):
    save(tmp_path / "b.png", gray(28, 28))
    save(tmp_path / "a.png", gray(28, 28, 3))
    os.truncate(tmp_path / "a.png", 1500)
    data = load(str(tmp_path))
    assert data.shape == (1, 32, 32) and data.names == ("b.png",)


def test_pixels_stay_with_their_names_where_files_are_skipped(tmp_path):
    arrays = {f"{k}.png": gray(16, 16) for k in range(6)}
    for name, array in arrays.items():
        save(tmp_path / name, array)
    for name in ("0.png", "3.png"):
        os.truncate(tmp_path / name, 200)
    data = load(str(tmp_path))
    assert data.names == ("1.png", "2.png", "4.png", "5.png")
    assert all(torch.equal(x[0], torch.from_numpy(arrays[name])) for x, name in zip(data.x, data.names, strict=True))


def test_bombs_are_skipped(tmp_path):
    save(tmp_path / "a.png", gray(16, 16))
    for name, side in (("warned.png", 10_000), ("refused.png", 20_000)):
        save(tmp_path / name, gray(16, 16))
        restate_png(tmp_path / name, side)
    data = load(str(tmp_path))
    assert data.names == ("a.png",)
    assert "refused.png (more than 89 megapixels: make it smaller), warned.png (more" in data.notes[0]


def test_none_decodes(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(ValueError, match=r"cannot read .*a\.png as a picture \(no image\), and it is no \.npz"):
        load(str(tmp_path))
    (tmp_path / "b\n.png").write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 2 files") as caught:
        load(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("shapes", "size", "expected"),
    [
        ([(8, 8)], None, (8, 8)),
        ([(28, 28)], None, (32, 28)),
        ([(28, 28)], 32, (32, 28)),
        ([(28, 28)], 64, (64, None)),
        ([(28, 28)], 16, (16, None)),
        ([(28, 30)], None, (32, None)),
        ([(28, 28), (27, 27)], None, (32, None)),
        ([(3, 3)], None, (8, None)),
        ([(5, 5)], None, (8, 5)),
        ([(1, 1)], None, (8, None)),
        ([(64, 64)] * 3, None, (64, 64)),
        ([(600, 400)], None, (128, None)),
        ([(10, 90), (20, 20), (90, 40)], None, (32, None)),
    ],
)
def test_the_plan(shapes, size, expected):
    fit = plan(shapes, size and (size, size))
    assert (fit.size, fit.kept) == tuple(side and (side, side) for side in expected)


@pytest.mark.parametrize(
    ("size", "near"), [(28, "16 or 32"), (0, "8"), (-4, "8"), (4, "8"), (512, "256"), (100, "64 or 128")]
)
def test_impossible_sizes(size, near):
    with pytest.raises(ValueError, match=f"from 8 to 256, but got {size}: use {near}$"):
        load("digits", size=size)


def test_pictures_can_be_given_the_geometry_of_padded_data(tmp_path):
    """What a run on 28x28 padded to 32x32 reconstructs is 28x28 inside 32x32, whatever its size was."""
    for side in (28, 100):
        pixels = np.zeros((side, side), np.uint8)
        pixels[side // 4 : -side // 4, side // 4 : -side // 4] = 255
        Image.fromarray(pixels).save(tmp_path / f"{side}.png")
    small, large = (load(str(tmp_path / f"{side}.png"), 32, 1, (28, 28)) for side in (28, 100))
    assert small.content == large.content == (28, 28)
    assert torch.equal(small.x, load(str(tmp_path / "28.png"), 32).x)
    assert (small.x.float() - large.x.float()).abs().mean() < 5
    assert any("resized to 28x28" in line for line in large.notes)


@pytest.mark.parametrize(("crop", "black"), [("center", 0), ("pad", 8), ("stretch", 8)])
def test_crops(tmp_path, crop, black):
    """A wide picture, black on its left quarter."""
    array = np.full((32, 64), 255, np.uint8)
    array[:, :16] = 0
    x = load(save(tmp_path / "a.png", array), size=32, crop=crop).x[0, 0]
    if crop == "pad":  # 64x32 becomes 32x16, in the middle, and its edges are repeated
        assert torch.equal(x[:8], x[8:9].expand(8, 32)) and torch.equal(x[24:], x[23:24].expand(8, 32))
    assert (x[:, : max(0, black - 2)] < 40).all() and (x[:, black + 2 :] > 215).all()


def test_crop_is_checked():
    with pytest.raises(ValueError, match="needs a crop of center, pad, stretch, but got left"):
        load("digits", crop="left")


@pytest.mark.parametrize("crop", ["center", "pad", "stretch"])
def test_a_needle_becomes_a_square(tmp_path, crop):
    assert load(save(tmp_path / "a.png", gray(1, 60_000)), size=128, crop=crop).shape == (1, 128, 128)


def test_small_pictures_are_enlarged_and_it_is_said(tmp_path):
    save(tmp_path / "a.png", gray(20, 30))
    save(tmp_path / "b.png", gray(64, 99))
    notes = load(str(tmp_path), size=64).notes
    assert notes[-1] == "1 of 2 images is smaller than that and is enlarged"
    assert load(str(tmp_path), size=16).notes == ("images cut to their center square and resized to 16x16",)


def test_the_largest_side(tmp_path):
    save(tmp_path / "a.png", gray(300, 420))
    assert load(str(tmp_path)).shape == (1, 128, 128) and load(str(tmp_path), largest=1024).shape == (1, 512, 512)
    assert load(str(tmp_path), size=256).shape == (1, 256, 256)
    with pytest.raises(ValueError, match="from 8 to 1024, but got 2048: use 1024"):
        load(str(tmp_path), size=2048, largest=1024)


def test_every_mode_becomes_gray_or_color(tmp_path):
    """The pixel that each of Pillow's modes is to become, computed by hand."""
    expected = {
        "a-cmyk.tif": (Image.new("CMYK", (8, 8), (255, 0, 0, 0)), [0, 255, 255]),
        "b-one.png": (Image.new("1", (8, 8), 1), [255] * 3),
        "e-int.tif": (Image.new("I", (8, 8), 65535), [255] * 3),
        "f-la.png": (Image.new("LA", (8, 8), (0, 127)), [128] * 3),
        "g-lab.tif": (Image.new("LAB", (8, 8), (255, 128, 128)), [255] * 3),
        "h-palette.gif": (Image.new("P", (8, 8), 0), [0] * 3),
        "i-ycc.jpg": (Image.new("YCbCr", (8, 8), (255, 128, 128)), [255] * 3),
        "j-rgb.webp": (Image.new("RGB", (8, 8), (255, 255, 255)), [255] * 3),
    }
    for name, (image, _) in expected.items():
        image.save(tmp_path / name)
    data = load(str(tmp_path))
    assert data.names == tuple(expected) and data.shape == (3, 8, 8)
    for x, (_, pixel) in zip(data.x, expected.values(), strict=True):
        assert_close(x, torch.tensor(pixel, dtype=torch.uint8)[:, None, None].expand(3, 8, 8), rtol=0, atol=1)


def test_floats_that_are_not_finite_are_skipped(tmp_path):
    Image.new("F", (8, 8), float("nan")).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="its pixels are not finite"):
        load(str(tmp_path / "a.tif"))


def test_a_palette_of_grays_is_gray(tmp_path):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 77, 77, 77])
    palette.save(tmp_path / "a.png")
    data = load(str(tmp_path))
    assert data.shape == (1, 8, 8) and data.x.unique().tolist() == [77]


def test_the_first_frame_of_an_animation(tmp_path):
    first, second = Image.new("L", (8, 8), 10), Image.new("L", (8, 8), 200)
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert load(str(tmp_path / "a.gif")).x.unique().tolist() == [10]


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_do_not_depend_on_the_container(tmp_path, channels):
    """A photograph that is decoded at a fraction of its size would have other pixels than the same one as PNG."""
    photo = gray(700, 512, 3) if channels == 3 else gray(700, 512)
    path = save(tmp_path / "a.jpg", photo, quality=95)
    with Image.open(path) as image:
        image.save(tmp_path / "a.png")
    assert torch.equal(load(path, size=64).x, load(str(tmp_path / "a.png"), size=64).x)


def test_a_heic_picture_names_its_cure(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500))
    with pytest.raises(ValueError, match=r"a HEIC picture: (pip install .*heif.*, or save it as JPEG|it is damaged)"):
        load(str(tmp_path / "a.heic"))


@pytest.mark.parametrize("where", ["first", "later"])
def test_a_tiff_of_many_bands_names_them(tmp_path, where):
    tags = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 5, 134), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 144)]
    tags += [(277, 3, 1, 5), (278, 4, 1, 8), (279, 4, 1, 320), (284, 3, 1, 1)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    content = b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<5H", *[8] * 5) + bytes(320)
    (tmp_path / "a.tif").write_bytes(content)
    if where == "later":
        save(tmp_path / "b.png", gray(8, 8))
        assert "a.tif (a TIFF of 5 channels" in load(str(tmp_path)).notes[0]
        return
    with pytest.raises(ValueError, match=r"a TIFF of 5 channels: save 1 or 3 of them, or an \.npy"):
        load(str(tmp_path / "a.tif"))


def test_what_would_run_a_program_is_no_image(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.eps")
    with pytest.raises(ValueError, match="no image"):
        load(str(tmp_path / "a.eps"))


def test_texts_are_no_images(tmp_path):
    for path in Path(__file__).parent.glob("*.py"):
        (tmp_path / f"{path.stem}.png").write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=r"none of the \d+ files in .* is a picture"):
        load(str(tmp_path))


def test_small_numbers_of_32_bits_are_pixels(tmp_path):
    Image.new("I", (8, 8), 200).save(tmp_path / "a.tif")
    assert load(str(tmp_path / "a.tif")).x.unique().tolist() == [200]


@pytest.mark.parametrize(("channels", "word"), [(None, "color"), (1, "gray")])
def test_mixed_pictures_are_said(tmp_path, channels, word):
    save(tmp_path / "a.png", gray(16, 16))
    save(tmp_path / "b.png", gray(16, 16, 3))
    assert load(str(tmp_path), channels=channels).notes == (f"1 of 2 images is gray: all are taken in {word}",)


def test_heic_is_read_where_its_plugin_is_installed(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    photo = np.full((32, 32, 3), (200, 100, 50), np.uint8)
    pillow_heif.from_bytes("RGB", (32, 32), photo.tobytes()).save(tmp_path / "a.heic", quality=95)
    data = load(str(tmp_path / "a.heic"))
    assert data.shape == (3, 32, 32)
    assert_close(data.x[0].float().mean((1, 2)), torch.tensor([200.0, 100.0, 50.0]), rtol=0, atol=4)
