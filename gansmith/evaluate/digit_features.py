"""Features of handwritten digits by two classifiers: one for MNIST's size, one for 8x8 pixels."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, linear

from gansmith.evaluate.features import Features, round_to_8_bits
from gansmith.shipped import shipped

WEIGHTS = Path(__file__).with_name("digits.safetensors")
SHA256 = "56fae416a744a65327e85bf782235faaa7640e892001b5d06187cf39961a7014"
STRIDES = (1, 2, 1, 2, 1, 2)
SIDE = 28


class DigitClassifier:
    r"""A small convolutional network, trained once on MNIST's training part by `benchmarks/digit_classifier.py`.

    It has six convolutions of 3x3 with ReLU. The 96 features are the means of the last feature maps; the logits are a
    linear map of them. It expects white digits on black, as in MNIST. Square gray pictures of another size are brought
    to 28x28: 32x32, which is MNIST with padding, by cropping two pixels on each side; others by bilinear interpolation
    with antialiasing.

    Attributes:
        accuracy: on MNIST's 10,000 test images.

    Raises:
        ValueError: the file of weights is not the one that comes with gansmith.

    References:
        Gradient-based learning applied to document recognition, LeCun, Bottou, Bengio, Haffner, 1998,
        https://doi.org/10.1109/5.726791.

    Example:
        >>> DigitClassifier().predict(torch.full((2, 1, 28, 28), -1.0)).shape
        torch.Size([2])
    """

    accuracy = 0.9971

    def __init__(self) -> None:
        self._w = shipped(WEIGHTS, SHA256)

    def embed(self, x: Tensor) -> Tensor:
        """Features (n, 96) of pictures (n, 1, s, s) with values in [-1, 1]."""
        h = (_resize(x) + 1) / 2
        for i, stride in enumerate(STRIDES, 1):
            w, b = (self._w[f"conv{i}.{name}"].to(x.device) for name in ("weight", "bias"))
            h = conv2d(h, w, b, stride, 1).relu_()
        return h.mean((2, 3))

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """Labels (n,), int64, on the CPU, of pictures (n, 1, s, s) with values in [-1, 1]; rounded to 8 bits first."""
        if not len(x):
            return torch.zeros(0, dtype=torch.int64)
        w, b = self._w["classes.weight"], self._w["classes.bias"]
        return torch.cat([linear(self.embed(round_to_8_bits(part)).cpu(), w, b).argmax(1) for part in x.split(250)])


class SmallDigitClassifier:
    r"""A support-vector machine on the 64 pixels of 8x8 digits, fitted on the training part of the embedded digits.

    The 45 features are its signed distances from the boundary between each pair of classes. The optimization problem is
    convex, so every machine finds the same solution; it takes some hundredths of a second.

    Attributes:
        accuracy: on the held-out embedded digits.

    References:
        LIBSVM: a library for support vector machines, Chang, Lin, 2011, https://doi.org/10.1145/1961189.1961199.

    Example:
        >>> SmallDigitClassifier().accuracy > 0.98
        True
    """

    def __init__(self) -> None:
        from sklearn.svm import SVC

        from gansmith.data.loading import load

        data = load("digits")
        assert data.y is not None
        x, y = (data.values(data.train), data.y[data.train])
        self._model: Any = SVC(C=10.0, decision_function_shape="ovo").fit(_columns(x), y.numpy())
        predicted = self.predict(data.values(data.held_out))
        self.accuracy = float((predicted == data.y[data.held_out]).double().mean())

    def embed(self, x: Tensor) -> Tensor:
        """Features (n, 45) of pictures (n, 1, 8, 8) with values in [-1, 1]."""
        return torch.from_numpy(self._model.decision_function(_columns(x))).float().to(x.device)

    def predict(self, x: Tensor) -> Tensor:
        """Labels (n,), int64, on the CPU, of pictures (n, 1, 8, 8) with values in [-1, 1]; rounded to 8 bits first."""
        if not len(x):
            return torch.zeros(0, dtype=torch.int64)
        labels: Tensor = torch.from_numpy(self._model.predict(_columns(round_to_8_bits(x))))
        return labels


def digit_features(shape: tuple[int, ...]) -> Features:
    """The features of the digit classifier for pictures of this shape.

    Arguments:
        shape: of one picture, `(1, s, s)`.

    Raises:
        ValueError: where the pictures are not gray and square.

    Example:
        >>> digit_features((1, 8, 8)).size, digit_features((1, 28, 28)).size
        (45, 96)
    """
    if len(shape) != 3 or shape[0] != 1 or shape[1] != shape[2]:
        raise ValueError(
            f"needs gray square pictures for features 'digits', but got {shape}: take --features random for others"
        )
    if shape[1] == 8:
        small = _small()
        why = f"a support-vector machine that names {small.accuracy:.1%} of the held-out 8x8 digits"
        return Features("digits", 45, why, small.embed, f"svm-{_sklearn()}", small)
    classifier = _classifier()
    why = f"a classifier trained on MNIST's training images that names {classifier.accuracy:.2%} of its test images"
    return Features("digits", 96, why, classifier.embed, SHA256[:16], classifier)


def _resize(x: Tensor) -> Tensor:
    """Pictures (n, 1, s, s) as (n, 1, 28, 28)."""
    if x.ndim != 4 or x.shape[1] != 1 or x.shape[2] != x.shape[3]:
        raise ValueError(f"needs gray square pictures of shape (n, 1, s, s), but got {tuple(x.shape)}: crop them")
    if x.shape[2] == 32:
        return x[..., 2:30, 2:30]
    if x.shape[2] == SIDE:
        return x
    return interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)


def _columns(x: Tensor) -> Any:
    """A numpy array (n, 64) in float64."""
    if x.shape[1:] != (1, 8, 8):
        raise ValueError(f"needs pictures of shape (n, 1, 8, 8), but got {tuple(x.shape)}: resize them by --size 8")
    return x.detach().cpu().double().flatten(1).numpy()


@cache
def _classifier() -> DigitClassifier:
    return DigitClassifier()


@cache
def _small() -> SmallDigitClassifier:
    return SmallDigitClassifier()


def _sklearn() -> str:
    from sklearn import __version__

    return str(__version__)
