"""What an encoder is worth: its reconstructions, what lies between its codes, and what its codes know."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gansmith.chance import Part, keyed
from gansmith.counting import counted
from gansmith.evaluate.classes import Judge
from gansmith.evaluate.frechet import frechet_distance
from gansmith.evaluate.metrics import Metric
from gansmith.evaluate.probes import latent_correlation, linear_probe, neighbor_probe
from gansmith.evaluate.reconstruction import (
    PrincipalComponents,
    ReconstructionError,
    reconstruction_error,
    same_class_share,
)
from gansmith.evaluate.sharpness import sharpness
from gansmith.examinations.base import KNOWN, Examination, Subject, finite
from gansmith.examinations.coder import Coder, Crop
from gansmith.examinations.table import Table, short
from gansmith.games.base import Encodes

VALUES = 2**27
"""Values of pictures held as floats at a time, at most: half a gigabyte."""


@dataclass(frozen=True)
class Labeled:
    """Samples (n, ...) and their labels (n,), -1 where there is none; or None."""

    x: Tensor
    y: Tensor | None


@dataclass(frozen=True)
class Trial:
    """What coders are tried on.

    Attributes:
        train: training samples for the probes.
        held_out: held-out samples.
        crop: cuts the padding off pictures.
        features: cropped samples to features (n, d), for the Frechet distances; None where there are too few samples.
        judge: names classes; None without labels.
    """

    train: Labeled
    held_out: Labeled
    crop: Crop
    features: Callable[[Tensor], Tensor] | None
    judge: Judge | None

    def numbers(self, coder: Coder) -> dict[str, float]:
        """Those of `CODE_METRICS` that can be had."""
        coded = Coded(self, coder)
        values = {metric.name: metric.call(coded) for metric in CODE_METRICS}
        return {name: value for name, value in values.items() if value is not None}

    @cached_property
    def real(self) -> Tensor:
        return self.crop(self.held_out.x)

    @cached_property
    def real_features(self) -> Tensor:
        assert self.features is not None
        return self.features(self.real)

    @property
    def teaches(self) -> bool:
        """Whether there are labels that can teach a probe."""
        train, held_out = self.train.y, self.held_out.y
        if train is None or held_out is None or not bool((held_out >= 0).any()):
            return False
        return len(torch.unique(train[train >= 0])) >= 2


@dataclass(frozen=True)
class Coded:
    """What a coder makes of a trial; what several numbers need is computed once."""

    trial: Trial
    coder: Coder

    @cached_property
    def codes(self) -> Tensor:
        return self.coder.encode(self.trial.held_out.x)

    @cached_property
    def reconstructed(self) -> Tensor:
        return self.coder.decode(self.codes)

    @cached_property
    def error(self) -> ReconstructionError:
        return reconstruction_error(self.trial.real, self.reconstructed)

    @cached_property
    def taught(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Codes and labels of training samples, and of held-out ones."""
        train, held_out = self.trial.train, self.trial.held_out
        assert train.y is not None and held_out.y is not None
        known, tested = train.y >= 0, held_out.y >= 0
        return self.coder.encode(train.x[known]), train.y[known], self.codes[tested], held_out.y[tested]


def _sharpness(coded: Coded) -> float | None:
    real = coded.trial.real
    return sharpness(coded.reconstructed) / max(sharpness(real), 1e-12) if real.ndim == 4 else None


def _psnr(coded: Coded) -> float | None:
    return finite(coded.error.psnr) if coded.trial.real.ndim == 4 else None


def _same_class(coded: Coded) -> float | None:
    judge = coded.trial.judge
    return None if judge is None else same_class_share(judge, coded.trial.real, coded.reconstructed)


def _distance(coded: Coded) -> float | None:
    features = coded.trial.features
    return None if features is None else frechet_distance(coded.trial.real_features, features(coded.reconstructed))


def _midpoints(coded: Coded) -> float | None:
    features, x = coded.trial.features, coded.trial.held_out.x
    if features is None:
        return None
    return frechet_distance(coded.trial.real_features, features(coded.coder.middle(x, x.roll(1, 0))))


CODE_METRICS: tuple[Metric[Coded], ...] = (
    Metric(
        "mse",
        "squared error",
        "lower",
        "what a pixel of a reconstruction is off, squared; principal components are the best linear code for it",
        lambda coded: coded.error.mse,
    ),
    Metric("psnr", "PSNR, dB", "higher", "the same on the scale of decibels", _psnr, (-math.inf, math.inf)),
    Metric(
        "sharpness",
        "sharpness, of the originals'",
        "as real",
        "how much fine detail there is beside that of the originals, noise counts too; one means as much",
        _sharpness,
    ),
    Metric(
        "same_class",
        "class kept",
        "higher",
        "the share of reconstructions that are still of their original's class",
        _same_class,
        (0.0, 1.0),
    ),
    Metric(
        "frechet_distance",
        "Frechet distance",
        "lower",
        "how far the mean and the spread of reconstructions are from those of their originals",
        _distance,
    ),
    Metric(
        "midpoints_frechet_distance",
        "Frechet distance of midpoints",
        "lower",
        "how real the pictures halfway between two codes look",
        _midpoints,
    ),
    Metric(
        "linear_probe",
        "classes by a linear probe",
        "higher",
        "the share of held-out samples whose class a linear classifier reads from the code",
        lambda coded: linear_probe(*coded.taught) if coded.trial.teaches else None,
        (0.0, 1.0),
    ),
    Metric(
        "neighbor_probe",
        "classes by nearest codes",
        "higher",
        "the share of held-out samples whose class the nearest codes tell",
        lambda coded: neighbor_probe(*coded.taught) if coded.trial.teaches else None,
        (0.0, 1.0),
    ),
)
"""In the order in which they are shown."""


def fits(subject: Subject) -> bool:
    return isinstance(subject.game, Encodes)


def measure(subject: Subject) -> dict[str, Any]:
    """A game's codes beside principal components of the same size."""
    game, data = subject.game, subject.data
    assert isinstance(game, Encodes)
    room = max(2, VALUES // data.x[0].numel())
    known, held_out = subject.chosen(data.train, "known", min(KNOWN, room)), subject.held_out[:room]
    train, unseen = data.select(known), data.select(held_out)
    fitted = data.crop(train.x)
    coder = Coder.of_game(game, data.crop, subject.device)
    code = int(coder.encode(unseen.x[:1]).shape[1])
    linear = min(code, fitted[0].numel() - 1, len(fitted) - 1)
    trial = Trial(
        Labeled(train.x, train.y),
        Labeled(unseen.x, unseen.y),
        data.crop,
        subject.extracted if subject.enough else None,
        subject.judge,
    )
    numbers: dict[str, Any] = {"code": code, "principal_code": linear, "n": len(unseen), "fitted": len(known)}
    numbers["game"] = trial.numbers(coder)
    if linear:
        components = PrincipalComponents(fitted, linear)
        numbers["principal_components"] = trial.numbers(Coder.of_components(components, data.crop))
    with keyed(Part((subject.seed, "measure", "latents")), subject.device):
        z = game.inputs(len(unseen))
    if isinstance(z, Tensor) and z.shape[1:] == (code,):
        z = z.float().cpu()
        numbers["latent_correlation"] = finite(latent_correlation(z, coder.round_trip(z)).per_sample)
    return {"reconstruction": numbers}


def sentences(numbers: dict[str, Any]) -> list[str]:
    codes = numbers.get("reconstruction", {})
    lines = []
    for key, words, code in (
        ("game", "reconstructions", codes.get("code", 0)),
        ("principal_components", "principal components", codes.get("principal_code", 0)),
    ):
        if key in codes:
            values = codes[key]
            kept = f", class kept {values['same_class']:.1%}" if "same_class" in values else ""
            far = f", Frechet distance {values['frechet_distance']:.3g}" if "frechet_distance" in values else ""
            lines.append(f"{words} ({counted(code, 'number')}): squared error {values['mse']:.3g}{kept}{far}")
    return lines


def tables(numbers: dict[str, Any]) -> list[Table]:
    codes = numbers.get("reconstruction", {})
    game, linear = codes.get("game", {}), codes.get("principal_components", {})
    rows = [
        (metric.title, short(game[metric.name]), short(linear.get(metric.name)), metric.better, metric.words)
        for metric in CODE_METRICS
        if metric.name in game
    ]
    if not rows:
        return []
    tie = codes.get("latent_correlation")
    held_out = counted(codes.get("n", numbers.get("n", 0)), "held-out sample")
    components = counted(codes.get("principal_code", 0), "principal component")
    caption = (
        f"Codes of {counted(codes.get('code', 0), 'number')}, beside {components} fitted on "
        f"{counted(codes.get('fitted', 0), 'training sample')} ({held_out}). Principal components are made for a small "
        "squared error; a game is expected to lose to them there."
    )
    if tie is not None:
        caption += f" Latents and the codes of what is made of them: correlation {short(tie)}."
    head = ("number", "this run", "principal components", "better", "in plain words")
    return [Table(caption, head, rows, words=(0, 3, 4), wide=(4,))]


ENCODER = Examination("encoder", fits, measure, sentences, tables)
