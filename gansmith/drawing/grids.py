"""From tensors to picture files: gray levels, grids, pairs, and an atomic save."""

from __future__ import annotations

from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from gansmith.disk.atomic import atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture: TypeAlias = NDArray[np.uint8]

CHECKERS = 153, 204, 8
"""Gray levels of the board under what is transparent, and pixels of its fields at most."""
VISIBLE = 48  # pixels: the side below which an image is magnified
GAP = 160  # gray that neither black-edged digits nor white-edged photographs have


def to_uint8(x: Tensor) -> Tensor:
    r"""Values in [-1, 1] as gray levels.

    .. math::
        \operatorname{clamp}(\operatorname{round}(127.5\,(x + 1)),\ 0,\ 255)

    The result is a new tensor: a buffer that is turned into gray levels in place cuts off everything
    that is written into it later, and every later picture is a uniform gray.

    Arguments:
        x: floating values, any shape; beyond [-1, 1] they become black or white.

    Returns:
        Gray levels, uint8, same shape and device. `to_uint8(levels / 127.5 - 1)` gives back `levels`.

    Raises:
        ValueError: where a value is NaN, or `x` holds integers, which are gray levels already or wrong.

    Example:
        >>> to_uint8(torch.tensor([-1.0, -0.5, 0.0, 1.0, 7.0]))
        tensor([  0,  64, 128, 255, 255], dtype=torch.uint8)
    """
    if not x.is_floating_point():
        raise ValueError(f"needs floating values in [-1, 1], but got {x.dtype}: give x / 127.5 - 1 for gray levels")
    bad = int(x.isnan().sum())
    if bad:
        raise ValueError(f"needs values in [-1, 1], but got {bad} NaN of {x.numel()}: look for where they arose")
    return ((x.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def grid(
    images: Tensor,
    columns: int | None = None,
    *,
    padding: int = 2,
    scale: int | None = None,
    fill: int = GAP,
) -> Picture:
    r"""Images in rows and columns, in reading order, with gaps around each.

    Arguments:
        images: values in [-1, 1], shape `(n, c, h, w)` with one or three channels, or four: the last is how little
            transparent a pixel is, and a checkerboard is seen through.
        columns: images in a row; by default as many as make the grid about square.
        padding: width of the gaps, in pixels of the result.
        scale: every pixel becomes `scale` times `scale` pixels; by default as many as make an image at least 48
            pixels high or wide, so that an 8x8 digit can be seen.
        fill: gray level of the gaps and of places without an image.

    Returns:
        A numpy array of uint8, shape `(H, W)` for one channel, `(H, W, 3)` for three.

    Raises:
        ValueError: where the shape is another, a number is out of range, or a value is NaN.

    Example:
        >>> grid(torch.ones(2, 1, 2, 2), columns=2, padding=1, scale=1, fill=0)
        array([[  0,   0,   0,   0,   0,   0,   0],
               [  0, 255, 255,   0, 255, 255,   0],
               [  0, 255, 255,   0, 255, 255,   0],
               [  0,   0,   0,   0,   0,   0,   0]], dtype=uint8)
    """
    tiles = _tiles(images, scale)
    columns = ceil(sqrt(len(tiles))) if columns is None else columns
    return _arrange(tiles, columns, padding, fill)


def pairs(
    originals: Tensor,
    reconstructions: Tensor,
    columns: int | None = None,
    *,
    padding: int = 2,
    scale: int | None = None,
    fill: int = GAP,
) -> Picture:
    r"""Each original with its reconstruction at its right: the two touch but for a line, pairs stand apart.

    Arguments:
        originals: values in [-1, 1], shape `(n, c, h, w)` as `grid` takes them.
        reconstructions: same shape.
        columns: pairs in a row; by default as many as make the picture about square.
        padding: the line within a pair, in pixels of the result; between pairs there are four times as many.
        scale: as in `grid`.
        fill: gray level of the gaps.

    Returns:
        A numpy array of uint8, shape `(H, W)` or `(H, W, 3)`.

    Raises:
        ValueError: where the shapes differ, and as `grid`.

    Example:
        >>> x = torch.ones(1, 1, 1, 1)
        >>> pairs(x, -x, padding=1, scale=2, fill=9)[4]
        array([  9,   9,   9,   9, 255, 255,   9,   0,   0,   9,   9,   9,   9], dtype=uint8)
    """
    if originals.shape != reconstructions.shape:
        raise ValueError(
            f"needs originals and reconstructions of one shape, but got {tuple(originals.shape)} and "
            f"{tuple(reconstructions.shape)}: give each original its reconstruction"
        )
    left, right = _tiles(originals, scale), _tiles(reconstructions, scale)
    line = torch.full((*left.shape[:3], padding), fill, dtype=torch.uint8)
    tiles = torch.cat([left, line, right], dim=3)
    columns = max(1, round(sqrt(len(tiles) / 2))) if columns is None else columns
    return _arrange(tiles, columns, 4 * padding, fill)


def save_png(path: str | Path, picture: Picture) -> None:
    """Writes a picture under a temporary name in the same folder, then renames it: whoever opens `path` finds
    the old picture or the new one, never a part. A missing folder is made.

    Arguments:
        path: where to; an existing file is replaced.
        picture: array of uint8, shape `(H, W)`, `(H, W, 3)` or `(H, W, 4)`.

    Raises:
        ValueError: where the array is another.
        OSError: where it cannot be written; the old picture stays and no temporary file is left.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_png(f"{folder}/one.png", grid(torch.zeros(1, 1, 8, 8)))
        ...     [file.name for file in Path(folder).iterdir()]
        ['one.png']
    """
    from PIL import Image

    check_picture(picture, channels=(3, 4))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as file:
        Image.fromarray(picture).save(file, format="PNG")


def check_picture(picture: Picture, channels: tuple[int, ...] = (3,)) -> None:
    """Refuses what is no picture.

    Raises:
        ValueError: the array is not of uint8, shape `(H, W)` or `(H, W, c)` of so many channels, with a pixel at least.
    """
    known = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in channels)
    if str(picture.dtype) != "uint8" or not known or not picture.size:
        raise ValueError(
            f"needs a picture of uint8, shape (H, W) or (H, W, {channels[0]}), but got {picture.dtype} "
            f"{picture.shape}: make it by grid or to_uint8"
        )


def check_images(images: Tensor) -> None:
    """Refuses what cannot be shown as images.

    Raises:
        ValueError: where the shape is not `(n, c, h, w)` with an image at least and one, three or four channels.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3, 4) or images.numel() == 0:
        raise ValueError(
            f"needs images of shape (n, c, h, w), n at least 1, c one, three or four, but got {tuple(images.shape)}: "
            "reshape them, or leave channels out"
        )


def single(image: Tensor) -> Picture:
    """One image as it is, its transparency too.

    Arguments:
        image: values in [-1, 1], shape `(c, h, w)` with one, three or four channels.

    Example:
        >>> single(torch.ones(4, 8, 9)).shape
        (8, 9, 4)
    """
    check_images(image[None])
    levels = to_uint8(image).cpu()
    picture: Picture = (levels[0] if len(levels) == 1 else levels.permute(1, 2, 0).contiguous()).numpy()
    return picture


def _over_checkers(levels: Tensor) -> Tensor:
    """Levels (n, 4, h, w) as colors (n, 3, h, w) over a checkerboard."""
    dark, light, field = CHECKERS
    height, width = levels.shape[2:]
    field = max(1, min(field, height // 4))
    rows, columns = torch.arange(height) // field, torch.arange(width) // field
    board = torch.where((rows[:, None] + columns) % 2 == 0, dark, light).float()
    opaque = levels[:, 3:].float() / 255
    return (opaque * levels[:, :3] + (1 - opaque) * board).round().to(torch.uint8)


def _tiles(images: Tensor, scale: int | None) -> Tensor:
    """Gray levels (n, c, scale h, scale w) on the CPU."""
    check_images(images)
    if scale is None:
        scale = max(1, ceil(VISIBLE / max(images.shape[2:])))
    if scale < 1:
        raise ValueError(f"needs a scale of at least 1, but got {scale}: make smaller images beforehand")
    levels = to_uint8(images).cpu()
    levels = _over_checkers(levels) if levels.shape[1] == 4 else levels
    return levels.repeat_interleave(scale, 2).repeat_interleave(scale, 3)


def _arrange(tiles: Tensor, columns: int, padding: int, fill: int) -> Picture:
    """Gray levels (n, c, h, w) to (H, W) or (H, W, 3)."""
    if columns < 1 or padding < 0 or not 0 <= fill <= 255:
        raise ValueError(
            f"needs columns >= 1, padding >= 0 and fill in 0..255, but got {columns}, {padding} and {fill}: "
            "change the one that is out of range"
        )
    n, c, h, w = tiles.shape
    rows = ceil(n / columns)
    canvas = torch.full((c, rows * (h + padding) + padding, columns * (w + padding) + padding), fill, dtype=torch.uint8)
    for i, tile in enumerate(tiles):
        top = padding + i // columns * (h + padding)
        left = padding + i % columns * (w + padding)
        canvas[:, top : top + h, left : left + w] = tile
    picture: Picture = (canvas[0] if c == 1 else canvas.permute(1, 2, 0).contiguous()).numpy()
    return picture
