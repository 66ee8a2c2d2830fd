"""What measures is fitted on training samples alone: on noise, whoever saw held-out ones gets another number."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from gansmith.data.dataset import assemble
from gansmith.data.raw_data import RawData
from gansmith.evaluate import ClassJudge
from gansmith.evaluate.random_features import random_features
from gansmith.examinations.base import Subject
from gansmith.examinations.encoder import ENCODER
from gansmith.games import Encodes
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import Array

DERIVATION = "derivation"

D, CODE, CLASSES = 12, 8, 3

_rng = np.random.default_rng(61)
X, LABELS = _rng.normal(size=(160, D)).astype(np.float32), _rng.integers(0, CLASSES, 160)
HELD_OUT = np.arange(0, 160, 4)
TRAIN = np.setdiff1d(np.arange(160), HELD_OUT)
"""Vectors and labels without any rule: a label cannot be told from a vector that was not learned."""


class FirstNumbers(Encodes):
    """Codes are the first numbers of a vector."""

    def inputs(self, n: int, y: Tensor | None = None) -> Tensor:
        return torch.rand(n, CODE)

    def encode(self, x: Tensor) -> Tensor:
        return x[:, :CODE]

    def decode(self, inputs: Any) -> Tensor:
        codes: Tensor = inputs
        return torch.cat([codes, torch.zeros(len(codes), D - CODE)], 1)


def _measured() -> dict[str, Any]:
    """The numbers of an encoder and of principal components."""
    raw = RawData(torch.as_tensor(X), torch.as_tensor(LABELS), torch.as_tensor(HELD_OUT))
    data = assemble(raw, "noise", "noise")
    subject = Subject(FirstNumbers(), data, 0, torch.device("cpu"), random_features("vectors have none"))
    numbers: dict[str, Any] = ENCODER.measure(subject)["reconstruction"]
    return numbers


def _components() -> tuple[Array, Array]:
    """The mean and the first principal directions of the training vectors."""
    mean = X[TRAIN].astype(float).mean(0)
    return mean, np.linalg.svd(X[TRAIN] - mean, full_matrices=False)[2][:CODE]


def _nearest(codes: Array) -> float:
    """How often the five nearest training codes tell a held-out label; the smallest of equally frequent ones."""
    rows = cdist(codes[HELD_OUT], codes[TRAIN]).argsort(1)[:, :5]
    votes = np.stack([np.bincount(row, minlength=CLASSES) for row in LABELS[TRAIN][rows]])
    return float((votes.argmax(1) == LABELS[HELD_OUT]).mean())


@claim(
    "held-out samples: principal components beside a game are numpy's of the training samples, and lose on noise",
    source=DERIVATION,
    tolerance=1e-6,
)
def _() -> Pair:
    numbers, (mean, directions) = _measured(), _components()
    left = X[HELD_OUT] - mean
    lost = ((left - left @ directions.T @ directions) ** 2).mean()
    measured = [numbers["principal_components"]["mse"], numbers["game"]["mse"]]
    return np.array(measured), np.array([lost, (X[HELD_OUT, CODE:].astype(float) ** 2).mean() * (D - CODE) / D])


@claim(
    "held-out samples: probes are taught with training codes alone, by scikit-learn's regression and scipy's distances",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    from sklearn.linear_model import LogisticRegression

    numbers, (mean, directions) = _measured(), _components()
    codes = X[:, :CODE].astype(float)
    codes = (codes - codes[TRAIN].mean(0)) / codes[TRAIN].std(0)
    linear = LogisticRegression(max_iter=500).fit(codes[TRAIN], LABELS[TRAIN])
    measured = [
        numbers["game"]["linear_probe"],
        numbers["game"]["neighbor_probe"],
        numbers["principal_components"]["neighbor_probe"],
    ]
    expected = [linear.score(codes[HELD_OUT], LABELS[HELD_OUT]), _nearest(X[:, :CODE])]
    return np.array(measured), np.array([*expected, _nearest((X - mean) @ directions.T)])


@claim(
    "held-out samples: a judge of classes is the support vector machine of the training samples, and its accuracy is "
    "that on held-out ones",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    from sklearn.svm import SVC

    x, y = torch.as_tensor(X), torch.as_tensor(LABELS)
    judge = ClassJudge(x[TRAIN], y[TRAIN], held_out=(x[HELD_OUT], y[HELD_OUT]))
    centered = X - X[TRAIN].mean(0)  # all components are a rotation, which the kernel does not see
    named = SVC(C=10.0).fit(centered[TRAIN], LABELS[TRAIN]).predict(centered)
    measured = np.append(judge.predict(x).numpy(), [judge.accuracy or 0.0])
    return measured, np.append(named, (named[HELD_OUT] == LABELS[HELD_OUT]).mean())
