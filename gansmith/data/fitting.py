"""Bringing images to squares of one size: by padding where that keeps every pixel, else by resizing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gansmith.data.channels import with_channels

if TYPE_CHECKING:
    from PIL import Image

SIZES = (8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Form:
    """What was asked of images: side in pixels, channels, side inside a padding; None for what the images suggest."""

    size: int | None = None
    channels: int | None = None
    content: int | None = None


@dataclass(frozen=True)
class Fit:
    """How images become ``(c, size, size)``.

    With ``side`` the images are squares of that side and are padded to ``size``, centered, by repeating their
    edges; no pixel is changed. Without it the center square is cut out and resized (bicubic, antialiased). With both
    ``side`` and ``resized`` the center square is resized to ``side``, and padded.
    """

    size: int
    side: int | None = None
    resized: bool = False

    @property
    def content(self) -> tuple[int, int] | None:
        """Height and width of the picture inside its padding; None where nothing is padded."""
        return None if self.side is None or self.side == self.size else (self.side, self.side)

    @property
    def note(self) -> tuple[str, ...]:
        """What was done, for the user."""
        if self.side == self.size and not self.resized:
            return ()
        padded = () if self.side is None else (f"{self.side}x{self.side} padded to {self.size}x{self.size}",)
        if self.side is not None and not self.resized:
            return padded
        side = self.side or self.size
        return (f"images cut to their center square and resized to {side}x{side}", *padded)

    def stack(self, x: Tensor, channels: int) -> Tensor:
        """Images of one size, uint8 ``(n, c, h, w)``, to ``(n, channels, size, size)``."""
        if self.side is not None and not self.resized:
            return with_channels(self._pad(x), channels).contiguous()
        out = x.new_empty(len(x), channels, self.size, self.size)
        for row, image in enumerate(x):
            out[row] = self.picture(_to_pillow(image), channels)
        return out

    def picture(self, image: Image.Image, channels: int) -> Tensor:
        """One Pillow image of mode L or RGB to uint8 ``(channels, size, size)``."""
        from PIL.Image import Resampling

        if self.side is None or self.resized:
            side, inside = min(image.size), self.side or self.size
            left, top = (image.width - side) // 2, (image.height - side) // 2
            # Cutting before resizing: a picture of 1 x 100,000 pixels would otherwise grow to gigabytes.
            image = image.crop((left, top, left + side, top + side))
            image = image.resize((inside, inside), Resampling.BICUBIC)
        elif image.size != (self.side, self.side):
            raise ValueError(f"its pixels are {image.width}x{image.height}, other than its header said")
        return self._pad(_from_pillow(image.convert("L" if channels == 1 else "RGB"))[None])[0]

    def _pad(self, x: Tensor) -> Tensor:
        if self.side is None or self.side == self.size:
            return x
        first = (self.size - self.side) // 2
        place = (torch.arange(self.size) - first).clamp(0, self.side - 1)
        return x[..., place[:, None], place]


def plan(shapes: Collection[tuple[int, int]], size: int | None, content: int | None = None) -> Fit:
    """How to fit images of these ``(height, width)`` to ``size``.

    Without a size it is the median shorter side, up to the next power of two, within 8..128. Squares of one
    side are padded where ``size`` is the next power of two. With ``content`` the pictures get that side inside a
    padding to ``size``, whatever they have: as the data of a run that were padded.

    Raises:
        ValueError: ``size`` is no power of two from 8 to 128.

    Example:
        >>> plan([(28, 28)], None)
        Fit(size=32, side=28, resized=False)
        >>> plan([(300, 200), (90, 70)], None).size
        128
    """
    if size is None:
        size = min(max(_next_power(median_low([min(shape) for shape in shapes])), SIZES[0]), SIZES[-1])
    check_size(size)
    sides = {side for shape in shapes for side in shape}
    if content is not None:
        return Fit(size, content, resized=sides != {content})
    side = sides.pop()
    return Fit(size, side) if not sides and _next_power(side) == size else Fit(size)


def check_size(size: int) -> None:
    """Refuses a size that is no power of two from 8 to 128, naming the nearest ones that are."""
    if size in SIZES:
        return
    below, above = [s for s in SIZES if s < size], [s for s in SIZES if s > size]
    near = " or ".join(str(s) for s in below[-1:] + above[:1])
    raise ValueError(f"needs an image size that is a power of two from 8 to 128, but got {size}: use {near}")


def _next_power(side: int) -> int:
    return int(1 << (side - 1).bit_length())


def _to_pillow(image: Tensor) -> Image.Image:
    from PIL import Image

    pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    return Image.fromarray(pixels.contiguous().numpy())


def _from_pillow(image: Image.Image) -> Tensor:
    import numpy as np

    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
