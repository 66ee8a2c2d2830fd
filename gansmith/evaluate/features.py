"""Features: a function from pictures to vectors, with its name and the reason to use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gansmith.drawing.grids import check_images, to_uint8
from gansmith.evaluate.classes import Judge
from gansmith.transparency import over_white

AT_ONCE = 2**21  # pixels in a forward pass: 32 feature maps of them take 256 MiB
MOST = 2**27  # numbers in all: 65,536 pictures of 2,048 features, 512 MiB
MOST_PIXELS = 2**18  # numbers of a picture that is compared as it is


@dataclass(frozen=True)
class Features:
    r"""Features of pictures: a fixed function. Metrics such as the Frechet distance compare pictures in these features.

    All pictures are rounded to 8 bits first, generated ones too: real ones come from files of 8 bits, and a network
    could see the difference. Transparent ones are seen over white.

    Arguments:
        name: the name on the command line.
        size: the dimension of the vectors.
        why: a sentence on what the features are and why they are used.
        embed: pictures of 8 bits as values in [-1, 1], shape `(n, c, h, w)`, to `(n, size)`, on the same device.
        version: must change whenever the values change; None if that is unknown: then they are never cached.
        judge: the classifier, if the network has one.
        most: the largest batch for `embed`.

    Raises:
        ValueError: on a call, where pictures are not `(n, c, h, w)` with one, three or four channels or contain NaN, or
            where the output of `embed` is not `(n, size)` and finite.

    Example:
        >>> x = torch.tensor([-1.0, 0.001, 1.5, 0.5]).view(1, 1, 2, 2)
        >>> pixels((1, 2, 2))(x)
        tensor([[-1.0000,  0.0039,  1.0000,  0.4980]])
    """

    name: str
    size: int
    why: str
    embed: Callable[[Tensor], Tensor] = field(repr=False)
    version: str | None = "1"
    judge: Judge | None = field(default=None, repr=False)
    most: int = 250

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Features (n, size), float32, on the device of the pictures (n, c, h, w)."""
        check_images(images)
        rows = max(1, min(self.most, AT_ONCE // (images.shape[2] * images.shape[3])))
        seen = (over_white(round_to_8_bits(part)) for part in images.split(rows))
        return torch.cat([self._check(self.embed(part), len(part)) for part in seen])

    def _check(self, output: object, n: int) -> Tensor:
        if not isinstance(output, Tensor) or output.shape != (n, self.size):
            what = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(
                f"needs features {self.name!r} as a tensor of shape {(n, self.size)} for {n} pictures, but got {what}: "
                "return one row a picture"
            )
        if not output.isfinite().all():
            raise ValueError(f"needs finite features {self.name!r}, but got NaN or infinity: look for where they arise")
        return output.detach().float()


def round_to_8_bits(images: Tensor) -> Tensor:
    """Pictures rounded to 8 bits, as values in [-1, 1], float32."""
    return to_uint8(images).float().div_(127.5).sub_(1)


def extract(features: Features, parts: Iterable[Tensor], device: torch.device | None = None) -> Tensor:
    """Features of pictures that come in parts.

    Arguments:
        features: which features.
        parts: pictures with values in [-1, 1], each of shape `(n, c, h, w)`; only one part is in memory at a time.
        device: where to compute; by default the device of each part.

    Returns:
        Features (n, size) of all of them, float32, on the CPU.

    Raises:
        ValueError: where there is no picture, or so many that their features would fill the memory; and as `Features`.

    Example:
        >>> extract(pixels((1, 2, 2)), (torch.zeros(3, 1, 2, 2) for _ in range(2))).shape
        torch.Size([6, 4])
    """
    vectors, count = [], 0
    for part in (part for part in parts if len(part)):
        count += len(part)
        if count * features.size > MOST:
            raise ValueError(
                f"needs at most {MOST // features.size:,} pictures in features {features.name!r}, of which each has "
                f"{features.size:,} numbers: compare fewer pictures, smaller ones (--size), or in other features"
            )
        vectors.append(features(part if device is None else part.to(device)).cpu())
    if not vectors:
        raise ValueError("needs at least one picture, but got none: sample some first")
    return torch.cat(vectors)


def pixels(shape: tuple[int, ...]) -> Features:
    """The pixels themselves, values in [-1, 1]: sensitive to every shift, blind to content.

    Raises:
        ValueError: the pictures are so large that a comparison would take many minutes and gigabytes.
    """
    size = int(torch.Size(shape).numel())
    if size > MOST_PIXELS:
        raise ValueError(
            f"needs pictures of at most {MOST_PIXELS:,} numbers for features 'pixels', but got {shape}, {size:,}: "
            "compare them smaller, by --size 256, or take --features random"
        )
    why = "the values of the pixels in [-1, 1], as asked for"
    return Features("pixels", size, why, lambda x: x.flatten(1), version=None)  # a cache would store the data twice
