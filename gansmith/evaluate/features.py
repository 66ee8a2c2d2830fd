"""What pictures are compared in: a function from pictures to vectors, with its name and the reason for it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gansmith.data.dataset import Dataset
from gansmith.drawing.grids import check_images, to_uint8
from gansmith.evaluate.classes import Judge

AT_ONCE = 2**21  # pixels through a network at a time: 32 maps of them take 256 MiB
ENOUGH = 0.95  # of labeled pictures that a classifier must name before its features are chosen
NAMES = ("pixels", "random", "digits", "inception", "dinov2")


@dataclass(frozen=True)
class Features:
    r"""Features of pictures: a fixed function, whose distances are what a number such as the Frechet distance means.

    Pictures are rounded to 8 bits first, generated and real ones alike: real ones come from files of 8 bits, and a
    network would see the difference.

    Arguments:
        name: as on the command line.
        size: how many numbers a picture becomes.
        why: one sentence: what they are and for what they are chosen.
        embed: pictures of 8 bits as values in [-1, 1], shape `(n, c, h, w)`, to `(n, size)`, on the same device.
        version: changes whenever values would; None where that cannot be known: they are never kept then.
        judge: names the class of a picture, where the network also classifies.
        most: pictures through `embed` at a time.

    Raises:
        ValueError: on a call, where pictures are not `(n, c, h, w)` with one or three channels or hold NaN, or what
            `embed` returns is not `(n, size)` and finite.

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
        return torch.cat([self._checked(self.embed(rounded(part)), len(part)) for part in images.split(rows)])

    def _checked(self, found: object, n: int) -> Tensor:
        if not isinstance(found, Tensor) or found.shape != (n, self.size):
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(
                f"needs features {self.name!r} as a tensor of shape {(n, self.size)} for {n} pictures, but got {what}: "
                "return one row a picture"
            )
        if not found.isfinite().all():
            raise ValueError(f"needs finite features {self.name!r}, but got NaN or infinity: look for where they arise")
        return found.detach().float()


def rounded(images: Tensor) -> Tensor:
    """Pictures as they are after a file of 8 bits: values in [-1, 1], float32."""
    return to_uint8(images).float().div_(127.5).sub_(1)


def extract(features: Features, parts: Iterable[Tensor], device: torch.device | None = None) -> Tensor:
    """Features of pictures that come in parts.

    Arguments:
        features: what to extract.
        parts: pictures with values in [-1, 1], each of shape `(n, c, h, w)`; only one part is held at a time.
        device: where to compute; by default where each part lies.

    Returns:
        Features (n, size) of all of them, float32, on the CPU.

    Raises:
        ValueError: where there is no picture, and as `Features`.

    Example:
        >>> extract(pixels((1, 2, 2)), (torch.zeros(3, 1, 2, 2) for _ in range(2))).shape
        torch.Size([6, 4])
    """
    found = [features(part if device is None else part.to(device)).cpu() for part in parts if len(part)]
    if not found:
        raise ValueError("needs at least one picture, but got none: sample some first")
    return torch.cat(found)


def pixels(shape: tuple[int, ...]) -> Features:
    """The pictures themselves, values in [-1, 1]: sees every shift, and no content."""
    size = int(torch.Size(shape).numel())
    why = "the values of the pixels in [-1, 1], as asked for"
    return Features("pixels", size, why, lambda x: x.flatten(1), version=None)  # to keep them would keep the data twice


def choose(name: str | None, data: Dataset, *, trust: bool = False) -> Features:
    """Features by their name, or those that fit the data.

    Without a name: those of a digit classifier where it fits, which is decided by trying, not by the data's name: the
    pictures are gray and square, their labels are 0..9, and the classifier names more than 95 % of the held-out ones
    (2,000 at most). Otherwise a network with random weights. Nothing is downloaded by itself.

    Arguments:
        name: `pixels`, `random`, `digits`, `inception`, `dinov2`, or the user's own as `module:callable` or
            `path/to/file.py:callable`; None for the default.
        data: what is to be compared; padding is cut off first.
        trust: whether code of the user's may run.

    Raises:
        ValueError: no such features, they do not fit the pictures, they would run code without trust, or weights that
            they need are not there.

    Example:
        >>> from gansmith.data import load
        >>> choose(None, load("digits")).name
        'digits'
    """
    if not data.is_images:
        if name is not None:
            raise ValueError(f"needs pictures for features {name!r}, but {data.source} holds vectors: leave them away")
        why = "the samples are vectors, and are compared as they are"
        return Features("vectors", data.shape[0], why, lambda x: x, version=None)
    shape = tuple(data.crop(data.x[:1]).shape[1:])
    if name is None:
        return _default(data, shape)
    if ":" in name:
        from gansmith.evaluate.own_features import own_features

        return own_features(name, shape, trust=trust)
    if name == "pixels":
        return pixels(shape)
    if name == "digits":
        from gansmith.evaluate.digit_features import digit_features

        return digit_features(shape)
    return _network(name)


def _network(name: str) -> Features:
    if name == "random":
        from gansmith.evaluate.random_features import random_features

        return random_features("a convolutional network with fixed random weights, as asked for")
    if name == "inception":
        from gansmith.evaluate.inception import inception

        return inception()
    if name == "dinov2":
        from gansmith.evaluate.dinov2 import dinov2

        return dinov2()
    near = difflib.get_close_matches(name.lower(), NAMES, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}, or module:callable"
    raise ValueError(f"no features {name!r}: {hint}")


def _default(data: Dataset, shape: tuple[int, ...]) -> Features:
    from gansmith.evaluate.random_features import random_features

    if shape == (1, shape[1], shape[1]) and data.y is not None and data.classes == 10:
        from gansmith.evaluate.digit_features import digit_features

        features = digit_features(shape)
        index = data.held_out[data.y[data.held_out] >= 0][:2000]
        if len(index) and features.judge is not None:
            said = features.judge.predict(data.crop(data.values(index)))
            if float((said == data.y[index]).double().mean()) > ENOUGH:
                return features
    return random_features(
        "a convolutional network with fixed random weights, because no classifier that comes with gansmith fits these "
        "pictures"
    )
