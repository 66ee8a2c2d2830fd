"""What is examined, and what an examination is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gansmith.chance import Part, keyed
from gansmith.data.dataset import Dataset
from gansmith.data.progress import Progress
from gansmith.drawing.grids import to_uint8
from gansmith.evaluate.classes import ClassJudge, Judge
from gansmith.evaluate.data_features import data_features
from gansmith.evaluate.features import Features, extract
from gansmith.evaluate.random_features import random_features
from gansmith.examinations.table import Table
from gansmith.games.base import Game, Samples

MOST = 2000
"""Samples measured at the end of a run: enough for a first look in seconds."""
FEW = 100
"""Held-out samples below which a distance between distributions is noise."""
HALF = 40
"""Training samples in a half of them, in the place of too few held-out ones, at least; its interval says how little a
distance of so few means."""
KNOWN = 10_000
"""Training samples that principal components, probes and a judge are fitted on, at most."""
PART = 500


@dataclass(frozen=True)
class Subject:
    """A trained game and its data as they are examined; what several examinations need is computed once.

    Attributes:
        game: in evaluation mode.
        data: what it was trained on.
        seed: of the samples and of the choice of real ones.
        device: the game's.
        features: what samples are compared in.
        most: samples of each kind, at most.
    """

    game: Game
    data: Dataset
    seed: int
    device: torch.device
    features: Features
    most: int = MOST

    @property
    def n(self) -> int:
        """How many held-out samples, and as many others, are compared."""
        return min(self.most, len(self.data.held_out), len(self.data.train))

    @property
    def enough(self) -> bool:
        """Whether there are enough held-out ones for a distance between distributions."""
        return self.n >= FEW

    @cached_property
    def halves(self) -> tuple[Tensor, Tensor] | None:
        """Positions of one half of the training samples and of the other, where each has enough."""
        n = min(self.most, MOST, len(self.data.train) // 2)
        order = self.chosen(self.data.train, "halves", 2 * n)
        return None if n < HALF else (order[:n], order[n:])

    @cached_property
    def every(self) -> Tensor:
        """Positions of all training samples (of very many a part), for a copy of any of them is one."""
        return self.chosen(self.data.train, "every", 30 * self.most)

    @cached_property
    def held_out(self) -> Tensor:
        """Positions (n,) of held-out samples."""
        return self.chosen(self.data.held_out, "held out", self.n)

    @cached_property
    def samples(self) -> Tensor:
        """Generated ones less their padding; pictures as uint8, a quarter of the memory, as they would be saved."""
        assert isinstance(self.game, Samples)
        n, parts = max(self.n, min(self.most, MOST)), []
        with Progress("samples to measure", n) as show:
            for start in range(0, n, PART):
                show(start)
                with keyed(Part((self.seed, "measure", start)), self.device):  # each part draws inputs of its own
                    x = self.data.crop(self.game.sample(min(PART, n - start)).float().cpu())
                parts.append(to_uint8(x) if self.data.is_images else x)
        return torch.cat(parts)

    @cached_property
    def sample_features(self) -> Tensor:
        return self.extracted(self.samples)

    @cached_property
    def real_features(self) -> Tensor:
        return self.of_data(self.held_out)

    @cached_property
    def train_features(self) -> Tensor:
        """Of as many training samples."""
        return self.of_data(self.chosen(self.data.train, "train", self.n))

    @cached_property
    def judge(self) -> Judge | None:
        """Names the class of a picture: the features' own judge, or one fitted here; None without two classes.

        The latter sees random features: one that sees principal components, as `ClassJudge` does of images, could not
        be fair to any code but theirs.
        """
        y = self.data.y
        if not self.data.is_images or y is None or len(self.labeled(self.data.held_out, 1)) == 0:
            return None
        if self.features.judge is not None:
            return self.features.judge
        train = self.labeled(self.data.train, KNOWN)
        if len(torch.unique(y[train])) < 2:
            return None
        features = random_features("what the judge of classes sees")
        return _Judge(features, ClassJudge(data_features(features, self.data, train), y[train]))

    def chosen(self, index: Tensor, name: str, n: int) -> Tensor:
        """Up to n of the positions, by the seed."""
        with keyed(Part((self.seed, "measure", name))):
            return index[torch.randperm(len(index))[:n]]

    def labeled(self, index: Tensor, n: int) -> Tensor:
        """Up to n of the positions whose samples have a label; the same for every seed."""
        y = self.data.y
        assert y is not None
        index = index[y[index] >= 0]
        with keyed(Part((0, "judge"))):
            return index[torch.randperm(len(index))[:n]]

    def cropped(self, index: Tensor) -> Tensor:
        """The data's samples, less their padding."""
        return self.data.crop(self.data.values(index))

    def extracted(self, x: Tensor) -> Tensor:
        """Features (n, d) of samples in the size of the data's own pictures; vectors are their own."""
        if not self.data.is_images:
            return x.float()
        return extract(self.features, (as_values(part) for part in torch.split(x, PART)))

    def of_data(self, index: Tensor) -> Tensor:
        """Features of real samples, from the cache where they are known."""
        return data_features(self.features, self.data, index)


@dataclass(frozen=True)
class _Judge:
    """A judge that sees features of pictures."""

    features: Features
    judge: ClassJudge

    def predict(self, x: Tensor) -> Tensor:
        return self.judge.predict(self.features(x))


def no_sentences(numbers: dict[str, Any]) -> list[str]:
    return []


def no_tables(numbers: dict[str, Any]) -> list[Table]:
    return []


@dataclass(frozen=True)
class Examination:
    """Something that is asked of a trained game: one file each, and one line in the list of ``measure.py``.

    Arguments:
        name: in a word or two, for who is told that it failed.
        fits: whether a subject can be asked.
        measure: the numbers, to be merged into ``metrics.json``, each under a key of this examination's own.
        sentences: what ``metrics.json`` says, in words, a line each; nothing where the keys are not there.
        tables: the same as tables.
    """

    name: str
    fits: Callable[[Subject], bool]
    measure: Callable[[Subject], dict[str, Any]]
    sentences: Callable[[dict[str, Any]], list[str]] = no_sentences
    tables: Callable[[dict[str, Any]], list[Table]] = no_tables


def generates(subject: Subject) -> bool:
    return isinstance(subject.game, Samples)


def as_values(x: Tensor) -> Tensor:
    """Pictures of 8 bits as values in [-1, 1]; what is floating stays."""
    return x.float().div_(127.5).sub_(1) if x.dtype == torch.uint8 else x


def finite(value: float) -> float | None:
    """JSON knows neither infinity nor NaN (a divergence of nothing)."""
    return value if math.isfinite(value) else None
