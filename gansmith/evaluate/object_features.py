"""Features of color pictures that see content: a small classifier of objects, its maps of several stages pooled."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, linear

from gansmith.evaluate.features import Features
from gansmith.shipped import shipped

WEIGHTS = Path(__file__).with_name("objects.safetensors")
SHA256 = "e35cb85b72399a283fae6147b7b17ac6944e19374fdfebfbf803e4d4302d7753"
STRIDES = (1, 2, 1, 2, 1, 2, 1)
POOLED = (2, 4, 6)
"""After which convolutions, from 0, the means over places of a map are features: the last ones of three stages."""
SIZE = 64 + 128 + 168
SIDE, LARGEST = 32, 64


class ObjectClassifier:
    r"""A small convolutional network, trained once on CIFAR-10 as JPEG by `benchmarks/object_classifiers.py`.

    It has seven convolutions of 3x3 with ReLU. The 360 features are the means over places of the maps at a half, a
    quarter and an eighth of the picture's sides; the logits are a linear map of the last ones. Pictures are seen in
    their own size up to 64 pixels, larger ones at 64, smaller ones than 32 at 32; gray ones as gray colors.

    It learned ten kinds of things (airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck): shapes,
    textures and colors that tell them apart. What it does not see: fine detail, such as whether two eyes match; text;
    whether a face is somebody's.

    Attributes:
        accuracy: on 5,000 pictures of CIFAR-10 as JPEG that it did not learn from.

    Raises:
        ValueError: the file of weights is not the one that comes with gansmith.

    References:
        Learning multiple layers of features from tiny images, Krizhevsky, 2009,
        https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf.

    Example:
        >>> ObjectClassifier().embed(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 360])
    """

    accuracy = 0.856

    def __init__(self) -> None:
        self._w = shipped(WEIGHTS, SHA256)

    def embed(self, x: Tensor) -> Tensor:
        """Features (n, 360) of pictures (n, c, h, w), c of 1 or 3, with values in [-1, 1]."""
        return torch.cat([each.mean((2, 3)) for each in self._maps(_seen(x))], 1)

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """Numbers of CIFAR-10's classes (n,), int64, of pictures as `embed` takes them."""
        w, b = self._w["classes.weight"], self._w["classes.bias"]
        last = [self._maps(_seen(part))[-1].mean((2, 3)).cpu() for part in x.split(250)]
        return linear(torch.cat(last), w, b).argmax(1)

    def _maps(self, x: Tensor) -> list[Tensor]:
        h = x.contiguous(memory_format=torch.channels_last)
        maps = []
        for i, stride in enumerate(STRIDES):
            w, b = (self._w[f"conv{i + 1}.{name}"].to(x.device) for name in ("weight", "bias"))
            h = conv2d(h, w, b, stride, 1).relu_()
            if i in POOLED:
                maps.append(h)
        return maps


def object_features(why: str = "") -> Features:
    """The features of the classifier of objects.

    Arguments:
        why: the reason to use them, in words.

    Example:
        >>> object_features().size
        360
    """
    classifier = _classifier()
    what = (
        f"a classifier trained on CIFAR-10 as JPEG that names {classifier.accuracy:.1%} of unseen pictures"
        f"{', ' + why if why else ''}; it sees shapes, textures and colors, no fine detail and no text"
    )
    return Features("objects", SIZE, what, classifier.embed, SHA256[:16])


def _seen(x: Tensor) -> Tensor:
    """Pictures (n, 3, h, w) of 32 to 64 pixels on their shorter side."""
    if x.ndim != 4 or x.shape[1] not in (1, 3):
        raise ValueError(f"needs pictures (n, c, h, w) with one or three channels, but got {tuple(x.shape)}")
    x = x.expand(-1, 3, -1, -1)
    side = min(x.shape[-2:])
    if SIDE <= side <= LARGEST:
        return x
    to = LARGEST if side > LARGEST else SIDE
    if side % to == 0:
        return avg_pool2d(x, side // to)
    height, width = (max(to, round(length * to / side)) for length in x.shape[-2:])
    return interpolate(x, (height, width), mode="bilinear", antialias=side > to, align_corners=False)


@cache
def _classifier() -> ObjectClassifier:
    return ObjectClassifier()
