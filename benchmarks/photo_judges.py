"""Two judges of color pictures that nothing here is trained against, as features for the library's own distances.

`Objects`: what a CIFAR-10 ResNet-20 (``cifar10_resnet`` of the benchmark data) sees: the means over places of its
three stages, pictures of 64 pixels and fewer at their own size, larger ones at 64. `Edges`: histograms of oriented
gradients (OpenCV), in the 64 principal components of the real pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from results import root
from torch import Tensor
from torch.nn import functional

from gansmith.evaluate import frechet_distance, manifold

MEAN, DEVIATION = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
FEW = 435
"""Pictures on each side for edges: as many as there are faces."""
COMPONENTS, FITTED = 64, 1000
MOST, LARGEST = 5000, 64
PLACES = {
    "clothing": "clothing_cc0/clothing64_train.zip",
    "faces": "caltech_faces/caltech_faces435_original.zip",
    "cifar": "cifar10_jpeg/cifar10_jpeg_train.zip",
}


@dataclass(frozen=True)
class Numbers:
    """One judge's numbers for generated pictures against real ones."""

    frechet: float
    coverage: float
    precision: float
    recall: float

    def __str__(self) -> str:
        return f"{self.frechet:.3g} / {self.coverage:.3f} / {self.precision:.3f} / {self.recall:.3f}"


class Judges:
    """Both judges for one collection.

    Arguments:
        real: uint8 ``(n, 3, s, s)``, all pictures of the collection, or the first 5,000.

    Attributes:
        floors: each judge's numbers of one half of the real pictures against the other.
    """

    def __init__(self, real: Tensor) -> None:
        self.objects = Objects()
        self.edges = Edges(real)
        order = torch.from_numpy(np.random.RandomState(3).permutation(len(real)))
        self.seen, gradients = self.objects(real), self.edges(real)
        self.some = gradients[order[:FEW]]
        half, few = len(real) // 2, min(len(real) // 2, FEW)
        self.floors = {
            "objects": numbers(self.seen[order[:half]], self.seen[order[half : 2 * half]]),
            "edges": numbers(gradients[order[:few]], gradients[order[few : 2 * few]]),
        }

    def __call__(self, fake: Tensor) -> dict[str, Numbers]:
        """Numbers of as many generated pictures (uint8) as there are real ones; for edges of the first 435."""
        return {
            "objects": numbers(self.seen, self.objects(fake)[: len(self.seen)]),
            "edges": numbers(self.some, self.edges(fake[: len(self.some)])),
        }


def numbers(real: Tensor, fake: Tensor) -> Numbers:
    found = manifold(real, fake)
    return Numbers(float(frechet_distance(real, fake)), found.coverage, found.precision, found.recall)


class Objects:
    """uint8 (n, 3, h, w) -> (n, 112): the means over places of a CIFAR-10 ResNet-20's three stages."""

    def __init__(self) -> None:
        file = np.load(root() / "cifar10_resnet/resnet20-12fca82f.npz")
        self.weights = {name: torch.from_numpy(file[name]) for name in file.files}

    def __call__(self, pictures: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([self._pooled(part.float() / 255) for part in pictures.split(200)]).double()

    def _pooled(self, x: Tensor) -> Tensor:
        x = functional.interpolate(x, LARGEST, mode="area") if x.shape[-1] > LARGEST else x
        x = functional.relu(self._layer((x - MEAN) / DEVIATION, "conv1", "bn1"))
        means = []
        for stage in (1, 2, 3):
            for block in range(3):
                name, stride = f"layer{stage}.{block}.", 2 if stage > 1 and block == 0 else 1
                y = functional.relu(self._layer(x, f"{name}conv1", f"{name}bn1", stride))
                y = self._layer(y, f"{name}conv2", f"{name}bn2")
                if stride == 2:
                    more = (y.shape[1] - x.shape[1]) // 2
                    x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more, more))
                x = functional.relu(x + y)
            means.append(x.mean((2, 3)))
        return torch.cat(means, 1)

    def _layer(self, x: Tensor, convolution: str, norm: str, stride: int = 1) -> Tensor:
        w = self.weights
        y = functional.conv2d(x, w[f"{convolution}.weight"], stride=stride, padding=1)
        statistics = w[f"{norm}.running_mean"], w[f"{norm}.running_var"]
        return functional.batch_norm(y, *statistics, w[f"{norm}.weight"], w[f"{norm}.bias"], False, 0, 1e-5)


class Edges:
    """uint8 (n, 3, s, s) -> (n, 64): histograms of oriented gradients, in principal components of real pictures.

    Pictures are seen at 64 pixels; blocks of 16 pixels at every eighth, of four cells with nine directions each.
    """

    def __init__(self, real: Tensor) -> None:
        gradients = self._histograms(real)
        self.mean = gradients.mean(0)
        rows = (gradients - self.mean).float()[:FITTED]
        self.axes = torch.linalg.svd(rows, full_matrices=False)[2][:COMPONENTS].T.double()

    def __call__(self, pictures: Tensor) -> Tensor:
        projected: Tensor = (self._histograms(pictures) - self.mean) @ self.axes
        return projected

    @staticmethod
    def _histograms(pictures: Tensor) -> Tensor:
        import cv2

        describe = cv2.HOGDescriptor((64, 64), (16, 16), (8, 8), (8, 8), 9)
        images = (np.ascontiguousarray(x) for x in pictures.permute(0, 2, 3, 1).numpy())
        sized = (x if len(x) == 64 else cv2.resize(x, (64, 64), interpolation=cv2.INTER_AREA) for x in images)
        rows = [np.ravel(describe.compute(x)) for x in sized]
        return torch.from_numpy(np.stack(rows)).double()


def collection(name: str, size: int = 64) -> Tensor:
    """Pictures of a collection, 5,000 at most, uint8 ``(n, 3, size, size)``."""
    from gansmith.data import load

    return load(str(path(name)), size=size, limit=MOST).x[:]


def path(name: str) -> Path:
    """Where a collection lies."""
    return root() / PLACES[name]
