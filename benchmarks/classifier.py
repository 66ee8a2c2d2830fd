"""A digit classifier that others trained: a second opinion on pictures of 28x28 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear, max_pool2d, relu


class Classifier:
    """PyTorch's MNIST example: two convolutions, 500 features, ten classes; 98.95 % right on MNIST's test part."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self.w = {name: torch.from_numpy(arrays[name]) for name in arrays.files}

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """The first fully connected layer after its ReLU, (n, 500), of pictures in [-1, 1], (n, 1, 28, 28).

        Pictures are rounded to 8 bits first, generated and real ones alike.
        """
        return torch.cat([self._features(part) for part in torch.split(x, 500)])

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """The class of each picture, (n,)."""
        return linear(self.features(x), self.w["fc2.weight"], self.w["fc2.bias"]).argmax(1)

    def _features(self, x: Tensor) -> Tensor:
        w = self.w
        h = (((x + 1) * 127.5).round().clamp(0, 255) / 255 - 0.1307) / 0.3081
        h = max_pool2d(relu(conv2d(h, w["conv1.weight"], w["conv1.bias"])), 2)
        h = max_pool2d(relu(conv2d(h, w["conv2.weight"], w["conv2.bias"])), 2)
        return relu(linear(h.flatten(1), w["fc1.weight"], w["fc1.bias"]))
