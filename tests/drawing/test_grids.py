import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.testing import assert_close

from gansmith.report import grid, pairs, save_png, to_uint8


def ramp(n: int, c: int = 1, side: int = 4) -> Tensor:
    return torch.linspace(-1, 1, n * c * side * side).reshape(n, c, side, side)


def test_every_gray_level_survives_there_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    for dtype in (torch.float32, torch.float64):
        assert_close(to_uint8(levels.to(dtype) / 127.5 - 1), levels, rtol=0, atol=0)


def test_rounds_to_the_nearest_level_and_clamps() -> None:
    x = torch.tensor([-1.1, -1, 0.6 / 127.5 - 1, 1.4 / 127.5 - 1, 0.999, 1, 1.1, torch.inf, -torch.inf])
    assert to_uint8(x).tolist() == [0, 0, 1, 1, 255, 255, 255, 255, 0]


def test_a_picture_buffer_that_is_used_again_does_not_turn_gray() -> None:
    # A public O-GAN port turned its one buffer into uint8 in place: from the second save on, values in
    # (-1, 1) written into it became 0, and each picture one gray of 128.
    buffer = torch.empty(4, 1, 4, 4)
    shown = []
    for images in (ramp(4), ramp(4).flip(0)):
        buffer.copy_(images)
        before = buffer.clone()
        shown.append((to_uint8(buffer), grid(buffer), pairs(buffer, buffer)))
        assert buffer.dtype == torch.float32
        assert_close(buffer, before, rtol=0, atol=0)
        assert len(shown[-1][0].unique()) == 64
    again = (to_uint8(ramp(4)), grid(ramp(4)), pairs(ramp(4), ramp(4)))
    for first, third in zip(shown[0], again, strict=True):
        assert np.array_equal(first, third)
    assert_close(shown[0][0].flip(0), shown[1][0], rtol=0, atol=0)
    assert not np.array_equal(shown[0][1], shown[1][1])


def test_a_buffer_of_integers_is_refused_not_truncated() -> None:
    buffer = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    buffer[:] = torch.full((4, 4), 0.9)
    with pytest.raises(ValueError, match=r"floating values in \[-1, 1\], but got torch.uint8"):
        grid(buffer)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="2 NaN of 3"):
        to_uint8(torch.tensor([0.0, torch.nan, torch.nan]))


def test_the_result_shares_no_memory_and_needs_no_graph() -> None:
    x = torch.zeros(1, 1, 2, 2, requires_grad=True)
    picture = grid(x, scale=1, padding=0)
    picture[:] = 7
    assert x.detach().eq(0).all()


def test_grid_places_every_pixel() -> None:
    images = torch.tensor([-1.0, 1.0, 0.0]).reshape(3, 1, 1, 1).expand(3, 1, 1, 2)
    o = 9
    expected = [
        [o, o, o, o, o, o, o, o, o, o, o],
        [o, 0, 0, 0, 0, o, 255, 255, 255, 255, o],
        [o, 0, 0, 0, 0, o, 255, 255, 255, 255, o],
        [o, o, o, o, o, o, o, o, o, o, o],
        [o, 128, 128, 128, 128, o, o, o, o, o, o],
        [o, 128, 128, 128, 128, o, o, o, o, o, o],
        [o, o, o, o, o, o, o, o, o, o, o],
    ]
    assert grid(images, 2, padding=1, scale=2, fill=o).tolist() == expected


def test_grid_of_colors() -> None:
    red, blue = torch.tensor([1.0, -1, -1]), torch.tensor([-1.0, -1, 1])
    picture = grid(torch.stack([red, blue])[:, :, None, None], 2, padding=1, scale=1, fill=0)
    assert picture.shape == (3, 5, 3)
    assert picture[1].tolist() == [[0, 0, 0], [255, 0, 0], [0, 0, 0], [0, 0, 255], [0, 0, 0]]
    assert picture.flags.c_contiguous


def test_small_images_are_magnified_and_the_grid_is_about_square() -> None:
    assert grid(ramp(9, side=8), padding=0).shape == (3 * 48, 3 * 48)
    assert grid(ramp(10, 3, side=64), padding=0).shape == (3 * 64, 4 * 64, 3)


def test_pairs_stand_left_original_right_reconstruction() -> None:
    x = torch.tensor([-1.0, 0.0]).reshape(2, 1, 1, 1)
    picture = pairs(x, torch.ones_like(x), columns=2, padding=1, scale=1, fill=9)
    assert picture.shape == (9, 18)
    assert picture[4].tolist() == [9, 9, 9, 9, 0, 9, 255, 9, 9, 9, 9, 128, 9, 255, 9, 9, 9, 9]
    assert set(np.delete(picture, 4, axis=0).ravel().tolist()) == {9}


def test_a_picture_comes_back_from_the_file_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "grid.png"
    for images in (ramp(2, 3), ramp(3)):
        save_png(path, grid(images))
        with Image.open(path) as picture:
            assert np.array_equal(np.asarray(picture), grid(images))
    assert [file.name for file in path.parent.iterdir()] == ["grid.png"]


def test_equal_pictures_are_equal_files_readable_as_any_other(tmp_path: Path) -> None:
    save_png(tmp_path / "a.png", grid(ramp(2)))
    save_png(tmp_path / "b.png", grid(ramp(2)))
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_full_disk_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "grid.png"
    save_png(path, grid(ramp(2)))
    old = path.read_bytes()

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_png(path, grid(ramp(3)))
    assert path.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["grid.png"]


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="c one, three or four, but got"):
        grid(torch.zeros(2, 5, 3, 3))
    with pytest.raises(ValueError, match="n at least 1"):
        grid(torch.zeros(0, 1, 3, 3))
    with pytest.raises(ValueError, match="columns >= 1"):
        grid(ramp(2), 0)
    with pytest.raises(ValueError, match="scale of at least 1"):
        grid(ramp(2), scale=0)
    with pytest.raises(ValueError, match="one shape"):
        pairs(ramp(2), ramp(3))
    with pytest.raises(ValueError, match="needs a picture of uint8"):
        save_png(tmp_path / "x.png", np.zeros((3, 3)))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
