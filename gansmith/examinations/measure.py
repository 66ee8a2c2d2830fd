"""What is measured of a trained game against its data: numbers with their provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gansmith.chance import Part, keyed
from gansmith.data.dataset import Dataset
from gansmith.data.mixtures import grid_modes, ring_modes
from gansmith.drawing.grids import to_uint8
from gansmith.evaluate.classes import ClassJudge, Judge
from gansmith.evaluate.compare import compare
from gansmith.evaluate.coverage import class_coverage
from gansmith.evaluate.duplicates import duplicates
from gansmith.evaluate.features import Features, choose, extract
from gansmith.evaluate.memorization import memorization
from gansmith.evaluate.modes import mode_coverage
from gansmith.evaluate.probes import latent_correlation
from gansmith.evaluate.random_features import random_features
from gansmith.evaluate.reconstruction import PrincipalComponents
from gansmith.examinations.data_features import data_features
from gansmith.examinations.encoders import Coder, Trial

MOST = 2000
"""Samples measured at the end of a run: enough for a first look in seconds."""
FEW = 100
"""Held-out samples below which a distance between distributions is noise."""
KNOWN = 10_000
"""Training samples that principal components, probes and a judge are fitted on, at most."""
VALUES = 2**27
"""Values of pictures held as floats at a time, at most: half a gigabyte."""
PART = 500


def measure(
    game: Any,
    data: Dataset,
    seed: int,
    device: torch.device | None = None,
    *,
    features: Features | None = None,
    most: int = MOST,
) -> dict[str, Any]:
    """Numbers for a trained game against the held-out part of its data.

    All distances are taken in one feature space, of as many generated as held-out samples, beside their floor: as many
    training samples in the place of the generated ones. With labels the classes among the samples are counted; a game
    that encodes is tried beside principal components of the same code size; on the ring and the grid modes are counted.

    Arguments:
        game: samples, and perhaps encodes; in evaluation mode.
        data: what it was trained on.
        seed: of the samples and of the choice of real ones.
        device: the game's.
        features: what images are compared in; by default what `choose` finds fitting.
        most: samples of each kind, at most.
    """
    if len(data.held_out) < 2 or len(data.train) < 2:
        split = {"train": len(data.train), "held_out": len(data.held_out)}
        return {"n": 0, "seed": seed, "split": split, "too_few": "fewer than two samples to measure by: nothing was"}
    look = _Look(data, seed, features or choose(None, data))
    n = min(most, len(data.held_out), len(data.train))
    held_out, train = look.chosen(data.held_out, "held out", n), look.chosen(data.train, "train", n)
    fake = _samples(game, data, max(n, min(most, MOST)), seed, device or torch.device("cpu"))
    found: dict[str, Any] = {
        "n": n,
        "samples": len(fake),
        "against": "held-out part of the data",
        "split": {"train": len(data.train), "held_out": len(data.held_out)},
        "content": list(fake.shape[1:]),
        "resize": next((note for note in data.notes if note.startswith("images ")), "none"),
        "seed": seed,
        "features": {"name": look.features.name, "size": look.features.size, "why": look.features.why},
    }
    seen, real = look.extracted(fake), look.of_data(held_out)
    if n < FEW:
        found["too_few"] = f"{n} held-out samples are too few to measure a distance by (needs {FEW})"
    else:
        found["metrics"] = compare(real, seen[:n], look.of_data(train), seed=seed)
    found["duplicates"] = duplicates(seen[:n], real).as_dict()
    every = look.of_data(look.chosen(data.train, "every", 30 * most))  # a part of them would hide copies of the rest
    copied = memorization(seen[: max(n, FEW)], every, real)
    found["memorization"] = {"train": len(every)} | {k: _finite(v) for k, v in vars(copied).items()}
    judge = look.judge() if data.is_images else None
    if judge is not None:
        found["classes"] = look.classes(judge, fake)
    modes = {"ring": ring_modes, "grid": grid_modes}.get(data.source)
    if modes is not None:
        found["modes"] = _modes(fake, *modes())
    if hasattr(game, "reconstruct"):
        found["reconstruction"] = look.reconstruction(game, held_out, judge, device or torch.device("cpu"), n >= FEW)
    return found


@dataclass(frozen=True)
class _Look:
    """Data as they are looked at: in which features, chosen by which seed."""

    data: Dataset
    seed: int
    features: Features

    def chosen(self, index: Tensor, name: str, n: int) -> Tensor:
        with keyed(Part((self.seed, "measure", name))):
            return index[torch.randperm(len(index))[:n]]

    def cropped(self, index: Tensor) -> Tensor:
        return self.data.crop(self.data.values(index))

    def extracted(self, x: Tensor) -> Tensor:
        """Features (n, d) of samples in the size of the data's own pictures; vectors are their own."""
        if not self.data.is_images:
            return x.float()
        return extract(self.features, (_values(part) for part in torch.split(x, PART)))

    def of_data(self, index: Tensor) -> Tensor:
        """Features of real samples, from the cache where they are known."""
        return data_features(self.features, self.data, index)

    def labeled(self, index: Tensor, n: int) -> Tensor:
        y = self.data.y
        assert y is not None
        index = index[y[index] >= 0]
        with keyed(Part((0, "judge"))):
            return index[torch.randperm(len(index))[:n]]

    def judge(self) -> Judge | None:
        """Names the class of an image: the features' own judge, or one fitted here; None without two classes.

        The latter sees random features: one that sees principal components, as `ClassJudge` does of images, could not
        be fair to any code but theirs.
        """
        y = self.data.y
        if y is None or len(self.labeled(self.data.held_out, 1)) == 0:
            return None
        if self.features.judge is not None:
            return self.features.judge
        train = self.labeled(self.data.train, KNOWN)
        if len(torch.unique(y[train])) < 2:
            return None
        seen = random_features("what the judge of classes sees")
        return _Judge(seen, ClassJudge(data_features(seen, self.data, train), y[train]))

    def classes(self, judge: Judge, fake: Tensor) -> dict[str, Any]:
        """How classes appear to a judge among samples, and among held-out ones."""
        y = self.data.y
        assert y is not None
        held_out = self.labeled(self.data.held_out, MOST)
        parts = torch.split(held_out, PART)
        said = torch.cat([judge.predict(self.cropped(part)) for part in parts])
        labels = torch.cat([judge.predict(_values(part)) for part in torch.split(fake, PART)])
        known = [int(c) for c in torch.unique(torch.cat([y[held_out], said]))]
        real = {c: float((said == c).double().mean()) for c in known}
        seen = class_coverage(labels, real)
        return {
            "judge_accuracy": float((said == y[held_out]).double().mean()),
            "names": [self.data.class_name(c) for c in known],
            "shares": {str(c): float((labels == c).double().mean()) for c in known},
            "real_shares": {str(c): share for c, share in real.items()},
            "rarest": seen.rarest,
            "covered": seen.covered,
            "of": seen.of,
            "kl": _finite(seen.kl),
        }

    def reconstruction(
        self, game: Any, held_out: Tensor, judge: Judge | None, device: torch.device, enough: bool
    ) -> dict[str, Any]:
        """A game's codes beside principal components of the same size."""
        data, size = self.data, int(game.latent.size)
        room = max(2, VALUES // data.x[0].numel())
        known, held_out = self.chosen(data.train, "known", min(KNOWN, room)), held_out[:room]
        train, y = data.values(known), data.y
        fitted = data.crop(train)
        code = min(size, fitted[0].numel() - 1, len(train) - 1)
        trial = Trial(
            (train, None if y is None else y[known]),
            (data.values(held_out), None if y is None else y[held_out]),
            data.crop,
            self.extracted if enough else None,
            judge,
        )
        found: dict[str, Any] = {"code": size, "principal_code": code, "n": len(held_out), "fitted": len(known)}
        coder = Coder.of_game(game, data.crop, device)
        found["game"] = trial.numbers(coder)
        if code:
            components = PrincipalComponents(fitted, code)
            found["principal_components"] = trial.numbers(Coder.of_components(components, data.crop))
        with keyed(Part((self.seed, "measure", "latents")), device):
            z = game.latent(len(held_out), next(game.parameters())).float().cpu()
        found["latent_correlation"] = _finite(latent_correlation(z, coder.round_trip(z)).per_sample)
        return found


@dataclass(frozen=True)
class _Judge:
    """A judge that sees features of pictures."""

    features: Features
    judge: ClassJudge

    def predict(self, x: Tensor) -> Tensor:
        return self.judge.predict(self.features(x))


def _samples(game: Any, data: Dataset, n: int, seed: int, device: torch.device) -> Tensor:
    """Samples less their padding; images as uint8, a quarter of the memory, as they would be saved."""
    drawn = []
    for start in range(0, n, PART):
        with keyed(Part((seed, "measure", start)), device):  # each part draws latents of its own
            x = data.crop(game.sample(min(PART, n - start)).float().cpu())
        drawn.append(to_uint8(x) if data.is_images else x)
    return torch.cat(drawn)


def _values(x: Tensor) -> Tensor:
    return x.float().div_(127.5).sub_(1) if x.dtype == torch.uint8 else x


def _finite(value: float) -> float | None:
    """JSON knows neither infinity nor NaN (a divergence of nothing)."""
    return value if math.isfinite(value) else None


def _modes(fake: Tensor, centers: Tensor, sd: float) -> dict[str, Any]:
    seen = mode_coverage(fake, centers, sd)
    return {
        "captured": seen.captured,
        "of": seen.modes,
        "high_quality": seen.high_quality,
        "reverse_kl": _finite(seen.reverse_kl),
    }
