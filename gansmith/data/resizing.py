"""Fits images to one size: by padding if that keeps every pixel, otherwise by resizing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from operator import lt
from statistics import median_low
from typing import TYPE_CHECKING, Any

from gansmith.counting import counted
from gansmith.data.value_range import Range
from gansmith.sides import LARGEST, SMALLEST, Sides, check_sides, median_sides

# This module must not import torch: the worker processes that decode images have to start fast.
if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image
    from torch import Tensor

    Pixels = npt.NDArray[np.uint8]

CROPS = ("center", "pad", "stretch")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's, by the number of channels."""


@dataclass(frozen=True)
class ImageOptions:
    """How images are to be fitted.

    Attributes:
        size: height and width in pixels; None to choose a square by the images, ``median`` to take their proportions.
        channels: 1, 3, or 4 to keep transparency; None to choose it by the images.
        content: height and width of the picture inside a padding; None to choose it by the images.
        crop: see `Fit`.
        largest: the largest size that is chosen by itself.
        first_page: whether only the first page of a file with several is a picture.
        value_range: which values become 0 and 255; None to choose it by the images.
        deep_range: the same for values of more than 8 bits alone, as it was chosen for other images.
        masks: whether images whose values are all 0 or 1 are masks, of which 1 becomes 255.
    """

    size: Sides | str | None = None
    channels: int | None = None
    content: Sides | None = None
    crop: str = "center"
    largest: int = 128
    first_page: bool = False
    value_range: Range | None = None
    deep_range: Range | None = None
    masks: bool = True


@dataclass(frozen=True)
class Fit:
    """How images become ``(c, *size)``; sides are heights and widths.

    With ``kept``, images have these sides; they are padded to ``size``, centered, by repeating their edges, and no
    pixel is changed. Without it, images are brought to its proportions by ``crop`` and resized (bicubic, antialiased):
    ``center`` cuts out the center, ``pad`` keeps the whole picture and repeats its edges, ``stretch`` changes its
    proportions. With both ``kept`` and ``resized``, images are resized to these sides and then padded.
    """

    size: Sides
    kept: Sides | None = None
    resized: bool = False
    crop: str = "center"

    @property
    def content(self) -> Sides | None:
        """Height and width of the picture inside its padding; None without padding."""
        return None if self.kept == self.size else self.kept

    @property
    def target(self) -> Sides | None:
        """What images are resized to; None if their pixels are kept."""
        return (self.kept or self.size) if self.kept is None or self.resized else None

    @property
    def note(self) -> tuple[str, ...]:
        """Notes for the user on how images are changed."""
        padded = () if self.content is None else (f"{_named(self.content)} padded to {_named(self.size)}",)
        if self.target is None:
            return padded
        center = "center square" if self.target[0] == self.target[1] else "center"
        change = {
            "center": f"cut to their {center} and resized to",
            "pad": "resized, their edges repeated, to",
            "stretch": "stretched to",
        }[self.crop]
        return (f"images {change} {_named(self.target)}", *padded)

    def enlarged(self, shapes: Collection[Sides]) -> tuple[str, ...]:
        """A note if some images of these ``(height, width)`` are smaller than what they are resized to."""
        target, side = self.target, all if self.crop == "pad" else any
        few = 0 if target is None else sum(side(map(lt, shape, target)) for shape in shapes)
        if few == 0:
            return ()
        are = "is" if few == 1 else "are"
        return (f"{few:,} of {counted(len(shapes), 'image')} {are} smaller than that and {are} enlarged",)

    def stack(self, x: Tensor, channels: int) -> Tensor:
        """Images of one size, uint8 ``(n, c, h, w)``, to ``(n, channels, *size)``."""
        import torch

        from gansmith.data.channels import check_alpha, with_channels

        check_alpha(x, channels)
        if self.target is None:
            if self.content is not None:
                rows, columns = map(torch.from_numpy, self._places())
                x = x[..., rows[:, None], columns]
            return with_channels(x, channels).contiguous()
        out = x.new_empty(len(x), channels, *self.size)
        pictures = out.numpy()
        for row, image in enumerate(x):
            pictures[row] = self.picture(_to_pillow(image), channels)
        return out

    def picture(self, image: Image.Image, channels: int) -> Pixels:
        """One Pillow image of mode L, RGB or RGBA to uint8 ``(channels, *size)``; what is not seen is white."""
        import numpy as np

        if self.target is not None:
            image = self._resized(image, self.target)
        elif (image.height, image.width) != self.kept:
            raise ValueError(f"its pixels are {image.width}x{image.height}, not of the size in its header")
        pixels = np.asarray(image.convert(MODES[channels]))
        pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        if channels == 4:
            pixels = np.concatenate([np.where(pixels[3] == 0, np.uint8(255), pixels[:3]), pixels[3:]])
        if self.content is not None:
            rows, columns = self._places()
            pixels = pixels[:, rows[:, None], columns]
        return np.ascontiguousarray(pixels)

    def _resized(self, image: Image.Image, target: Sides) -> Image.Image:
        import numpy as np
        from PIL import Image

        height, width = target
        if self.crop == "pad":
            if image.width * height > image.height * width:
                height = max(1, round(image.height * width / image.width))
            else:
                width = max(1, round(image.width * height / image.height))
        elif self.crop == "center":
            # Crop before resizing: an image of 1 x 100,000 pixels would otherwise grow to gigabytes.
            image = image.crop(_middle(image, target))
        image = image.resize((width, height), Image.Resampling.BICUBIC)
        if (height, width) == target:
            return image
        rows, columns = _centered(height, target[0]), _centered(width, target[1])
        return Image.fromarray(np.asarray(image)[rows[:, None], columns])

    def _places(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        (height, width), kept = self.size, self.kept or self.size
        return _centered(kept[0], height), _centered(kept[1], width)


def plan(
    shapes: Collection[Sides],
    size: Sides | str | None,
    content: Sides | None = None,
    crop: str = "center",
    largest: int = 128,
) -> Fit:
    """Chooses how to fit images of these ``(height, width)`` to ``size``.

    Without ``size``, it is a square of the median shorter side, rounded up to a power of two within 8..``largest``;
    with ``median`` that is the shorter side, and the proportions are the median ones. Images that have the size, and
    squares of which it is the next power of two, keep their pixels. With ``content``, all images are resized to those
    sides and padded to ``size``, as in a run whose data were padded.

    Raises:
        ValueError: a size that networks are not made for.

    Example:
        >>> plan([(28, 28)], None)
        Fit(size=(32, 32), kept=(28, 28), resized=False, crop='center')
        >>> plan([(300, 200), (90, 70)], None).size, plan([(300, 200), (90, 60)], "median").size
        ((128, 128), (96, 64))
    """
    if not isinstance(size, tuple):
        shorter = min(max(_next_power(median_low([min(shape) for shape in shapes])), SMALLEST), largest)
        size = (shorter, shorter) if size is None else median_sides(shapes, shorter, max(largest, LARGEST))
    check_sides(size, largest)
    found = set(shapes)
    if content is not None:
        return Fit(size, content, resized=found != {content}, crop=crop)
    shape = found.pop()
    square = size[0] == size[1] and shape[0] == shape[1] and _next_power(shape[0]) == size[0]
    return Fit(size, shape, crop=crop) if not found and (square or shape == size) else Fit(size, crop=crop)


def _next_power(side: int) -> int:
    return int(1 << (side - 1).bit_length())


def _middle(image: Image.Image, target: Sides) -> tuple[int, int, int, int]:
    """The largest box of the proportions of ``target`` in the middle of an image: left, top, right, bottom."""
    height, width = target
    if image.width * height > image.height * width:
        high, wide = image.height, max(1, image.height * width // height)
    else:
        high, wide = max(1, image.width * height // width), image.width
    left, top = (image.width - wide) // 2, (image.height - high) // 2
    return left, top, left + wide, top + high


def _named(sides: Sides) -> str:
    return f"{sides[1]}x{sides[0]}"


def _centered(side: int, size: int) -> npt.NDArray[np.intp]:
    """For each of ``size`` positions, the source position in ``side``: centered, with repeated edges."""
    import numpy as np

    return (np.arange(size) - (size - side) // 2).clip(0, side - 1)


def _to_pillow(image: Tensor) -> Image.Image:
    from PIL import Image

    pixels: Any = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    return Image.fromarray(pixels.contiguous().numpy())
