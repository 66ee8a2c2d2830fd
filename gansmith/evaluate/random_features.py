"""Features of a convolutional network with fixed random weights, for pictures without a fitting classifier."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate

from gansmith.evaluate.features import Features

CHANNELS = (3, 24, 40, 64)
SIZE = 2 * sum(CHANNELS[1:])
LEAST = 8  # pixels; smaller pictures are enlarged
SEED = 20140610


def random_features(why: str) -> Features:
    r"""Means and standard deviations of the feature maps of a random convolutional network, at three scales.

    .. math::
        h_0 = x, \quad h_i = \operatorname{relu}(W_i * h_{i-1}), \quad
        F(x) = (\operatorname{mean} h_i, \operatorname{std} h_i)_{i = 1, 2, 3}

    It has three convolutions of 3x3 with 24, 40 and 64 channels, the second and third with stride 2, with zero padding
    and no bias. Weights are uniform with variance 2 / fan-in. Mean and deviation are over all positions: 256 numbers
    for pictures of any size. Gray pictures are repeated to three channels.

    These features are good for texture, sharpness, noise, contrast and color: more blur, more noise and fewer classes
    give a larger Frechet distance on digits, MNIST and photographs of clothing. They are not good for content: the
    network is not trained, positions of objects hardly matter, and a missing class shows far less than in features of a
    classifier. Compare values only between runs on the same data, never with published numbers.

    Arguments:
        why: the sentence in reports on why these features are used.

    References:
        On random weights and unsupervised feature learning, Saxe, Koh, Chen, Bhand, Suresh, Ng, 2011,
        https://icml.cc/2011/papers/551_icmlpaper.pdf.

    Example:
        >>> random_features("as asked for")(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 256])
    """
    return Features("random", SIZE, why, _embed)


def _embed(x: Tensor) -> Tensor:
    x = x.expand(-1, 3, -1, -1)
    if min(x.shape[2:]) < LEAST:
        x = interpolate(x, [max(LEAST, side) for side in x.shape[2:]], mode="nearest")
    h = x.contiguous(memory_format=torch.channels_last)
    statistics = []
    for i, w in enumerate(_weights()):
        h = conv2d(h, w.to(h.device), padding=1, stride=1 if i == 0 else 2).relu_()
        mean = h.mean((2, 3), keepdim=True)
        statistics += [mean.flatten(1), (h - mean).square_().mean((2, 3)).sqrt()]
    return torch.cat(statistics, 1)


@cache
def _weights() -> tuple[Tensor, ...]:
    """Random weights from the raw bits of NumPy's PCG64, which are the same on every machine and in every version."""
    import numpy as np

    bits = np.random.PCG64(SEED)
    weights = []
    for inner, outer in pairwise(CHANNELS):
        shape, fan_in = (outer, inner, 3, 3), inner * 9
        unit = (bits.random_raw(outer * fan_in) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        w = torch.from_numpy((unit * 2 - 1) * (6 / fan_in) ** 0.5).float().reshape(shape)
        weights.append(w.contiguous(memory_format=torch.channels_last))
    return tuple(weights)
