"""Fits images to squares of one size: by padding if that keeps every pixel, otherwise by resizing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING, Any

from gansmith.counting import counted
from gansmith.data.value_range import Range

# This module must not import torch: the worker processes that decode images have to start fast.
if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image
    from torch import Tensor

    Pixels = npt.NDArray[np.uint8]

CROPS = ("center", "pad", "stretch")
SMALLEST = 8
ASKED = 256  # pixels: the largest side that may be asked for, which networks have


@dataclass(frozen=True)
class ImageOptions:
    """How images are to be fitted.

    Attributes:
        size: side in pixels; None to choose it by the images.
        channels: 1 or 3; None to choose it by the images.
        content: side of the picture inside a padding; None to choose it by the images.
        crop: see `Fit`.
        largest: the largest size that is chosen by itself.
        first_page: whether only the first page of a file with several is a picture.
        value_range: which values become 0 and 255; None to choose it by the images.
        deep_range: the same for values of more than 8 bits alone, as it was chosen for other images.
        masks: whether images whose values are all 0 or 1 are masks, of which 1 becomes 255.
    """

    size: int | None = None
    channels: int | None = None
    content: int | None = None
    crop: str = "center"
    largest: int = 128
    first_page: bool = False
    value_range: Range | None = None
    deep_range: Range | None = None
    masks: bool = True


@dataclass(frozen=True)
class Fit:
    """How images become ``(c, size, size)``.

    With ``side``, images are squares of that side; they are padded to ``size``, centered, by repeating their edges, and
    no pixel is changed. Without it, images are made square by ``crop`` and resized (bicubic, antialiased): ``center``
    cuts out the center square, ``pad`` keeps the whole picture and repeats its edges, ``stretch`` changes its
    proportions. With both ``side`` and ``resized``, images are resized to a square of that side and then padded.
    """

    size: int
    side: int | None = None
    resized: bool = False
    crop: str = "center"

    @property
    def content(self) -> tuple[int, int] | None:
        """Height and width of the picture inside its padding; None without padding."""
        return None if self.side is None or self.side == self.size else (self.side, self.side)

    @property
    def target(self) -> int | None:
        """The side that images are resized to; None if their pixels are kept."""
        return (self.side or self.size) if self.side is None or self.resized else None

    @property
    def note(self) -> tuple[str, ...]:
        """Notes for the user on how images are changed."""
        padded = () if self.content is None else (f"{self.side}x{self.side} padded to {self.size}x{self.size}",)
        if self.target is None:
            return padded
        change = {
            "center": "cut to their center square and resized to",
            "pad": "resized, their edges repeated, to",
            "stretch": "stretched to",
        }[self.crop]
        return (f"images {change} {self.target}x{self.target}", *padded)

    def enlarged(self, shapes: Collection[tuple[int, int]]) -> tuple[str, ...]:
        """A note if some images of these ``(height, width)`` are smaller than the side that they are resized to."""
        target, side = self.target, max if self.crop == "pad" else min
        few = 0 if target is None else sum(side(shape) < target for shape in shapes)
        if few == 0:
            return ()
        are = "is" if few == 1 else "are"
        return (f"{few:,} of {counted(len(shapes), 'image')} {are} smaller than that and {are} enlarged",)

    def stack(self, x: Tensor, channels: int) -> Tensor:
        """Images of one size, uint8 ``(n, c, h, w)``, to ``(n, channels, size, size)``."""
        import torch

        from gansmith.data.channels import with_channels

        if self.target is None:
            if self.content is not None:
                place = torch.from_numpy(self._places())
                x = x[..., place[:, None], place]
            return with_channels(x, channels).contiguous()
        out = x.new_empty(len(x), channels, self.size, self.size)
        rows = out.numpy()
        for row, image in enumerate(x):
            rows[row] = self.picture(_to_pillow(image), channels)
        return out

    def picture(self, image: Image.Image, channels: int) -> Pixels:
        """One Pillow image of mode L or RGB to uint8 ``(channels, size, size)``."""
        import numpy as np

        if self.target is not None:
            image = self._square(image, self.target)
        elif image.size != (self.side, self.side):
            raise ValueError(f"its pixels are {image.width}x{image.height}, not of the size in its header")
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
        pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        if self.content is not None:
            place = self._places()
            pixels = pixels[:, place[:, None], place]
        return np.ascontiguousarray(pixels)

    def _square(self, image: Image.Image, target: int) -> Image.Image:
        import numpy as np
        from PIL import Image

        width, height = target, target
        if self.crop == "pad":
            longer = max(image.size)
            width, height = (max(1, round(side * target / longer)) for side in image.size)
        elif self.crop == "center":
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            # Crop before resizing: an image of 1 x 100,000 pixels would otherwise grow to gigabytes.
            image = image.crop((left, top, left + side, top + side))
        image = image.resize((width, height), Image.Resampling.BICUBIC)
        if image.size == (target, target):
            return image
        rows, columns = (_centered(side, target) for side in (height, width))
        return Image.fromarray(np.asarray(image)[rows[:, None], columns])

    def _places(self) -> npt.NDArray[np.intp]:
        return _centered(self.side or self.size, self.size)


def plan(
    shapes: Collection[tuple[int, int]],
    size: int | None,
    content: int | None = None,
    crop: str = "center",
    largest: int = 128,
) -> Fit:
    """Chooses how to fit images of these ``(height, width)`` to ``size``.

    Without ``size``, it is the median shorter side, rounded up to a power of two within 8..``largest``. Squares of one
    side are padded if ``size`` is the next power of two. With ``content``, all images are resized to that side and
    padded to ``size``, as in a run whose data were padded.

    Raises:
        ValueError: ``size`` is no power of two from 8 to 256, or to ``largest`` if that is larger.

    Example:
        >>> plan([(28, 28)], None)
        Fit(size=32, side=28, resized=False, crop='center')
        >>> plan([(300, 200), (90, 70)], None).size
        128
    """
    if size is None:
        size = min(max(_next_power(median_low([min(shape) for shape in shapes])), SMALLEST), largest)
    check_size(size, largest)
    sides = {side for shape in shapes for side in shape}
    if content is not None:
        return Fit(size, content, resized=sides != {content}, crop=crop)
    side = sides.pop()
    return Fit(size, side, crop=crop) if not sides and _next_power(side) == size else Fit(size, crop=crop)


def check_size(size: int, largest: int = 128) -> None:
    """Raises a ValueError for a size that is no power of two from 8 to 256 or ``largest``, with the nearest."""
    largest = max(largest, ASKED)
    sizes = [1 << power for power in range(3, largest.bit_length())]
    if size in sizes:
        return
    below, above = [s for s in sizes if s < size], [s for s in sizes if s > size]
    near = " or ".join(str(s) for s in below[-1:] + above[:1])
    raise ValueError(f"needs an image size that is a power of two from 8 to {largest}, but got {size}: use {near}")


def _next_power(side: int) -> int:
    return int(1 << (side - 1).bit_length())


def _centered(side: int, size: int) -> npt.NDArray[np.intp]:
    """For each of ``size`` positions, the source position in ``side``: centered, with repeated edges."""
    import numpy as np

    return (np.arange(size) - (size - side) // 2).clip(0, side - 1)


def _to_pillow(image: Tensor) -> Image.Image:
    from PIL import Image

    pixels: Any = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    return Image.fromarray(pixels.contiguous().numpy())
