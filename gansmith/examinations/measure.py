"""What is measured of a trained game against its data: numbers with their provenance."""

from __future__ import annotations

from typing import Any

import torch

from gansmith.chance import Part, keyed
from gansmith.data.dataset import Dataset
from gansmith.evaluate.choosing import choose
from gansmith.evaluate.features import Features
from gansmith.examinations.base import MOST, Examination, Subject
from gansmith.examinations.classes import CLASSES
from gansmith.examinations.copies import COPIES
from gansmith.examinations.distances import DISTANCES
from gansmith.examinations.encoder import ENCODER
from gansmith.examinations.modes import MODES
from gansmith.examinations.table import Table
from gansmith.games.base import Game
from gansmith.networks.feature_critic import Trunk
from gansmith.refusal import out_of_memory

EXAMINATIONS: tuple[Examination, ...] = (DISTANCES, COPIES, MODES, CLASSES, ENCODER)
"""In the order in which their numbers are told."""


def measure(
    game: Game,
    data: Dataset,
    seed: int,
    device: torch.device | None = None,
    *,
    features: Features | None = None,
    most: int = MOST,
    strict: bool = True,
) -> dict[str, Any]:
    """Numbers for a trained game against the held-out part of its data: those of each examination that fits.

    All distances are taken in one feature space, of as many generated as real samples: held-out ones, or half of the
    training ones where few are held out.

    Arguments:
        game: in evaluation mode.
        data: what it was trained on.
        seed: of the samples and of the choice of real ones.
        device: the game's.
        features: what images are compared in; by default what `choose` finds fitting.
        most: samples of each kind, at most.
        strict: an examination that fails is an error; otherwise it is named under ``failed``, and the others go on.
    """
    split = {"train": len(data.train), "held_out": len(data.held_out)}
    if len(data.held_out) < 2 or len(data.train) < 2:
        return {"n": 0, "seed": seed, "split": split, "too_few": "fewer than two samples to measure by: nothing was"}
    subject = Subject(game, data, seed, device or torch.device("cpu"), features or choose(None, data), most)
    numbers: dict[str, Any] = {"n": subject.n, "against": "held-out part of the data", "split": split, "seed": seed}
    numbers["resize"] = next((note for note in data.notes if note.startswith("images ")), "none")
    numbers["features"] = {"name": subject.features.name, "size": subject.features.size, "why": subject.features.why}
    if taught := _taught_by(game, subject.features):
        numbers["taught_by"] = taught
    for examination in EXAMINATIONS:
        try:
            with keyed(Part((seed, "examination")), subject.device):
                numbers |= examination.measure(subject) if examination.fits(subject) else {}
        except Exception as error:
            if strict or out_of_memory(error):
                raise
            numbers.setdefault("failed", []).append(f"{examination.name}: {type(error).__name__}: {error}")
    return numbers


def _taught_by(game: Game, judge: Features) -> list[str]:
    """The frozen networks whose maps the game's critics see; none of them may be its judge.

    Raises:
        ValueError: the judge is one of them.
    """
    seen = sorted({module.sha256 for module in game.modules() if isinstance(module, Trunk)})
    if judge.version is not None and any(sha256[:16] == judge.version for sha256 in seen):
        raise ValueError(
            f"needs a judge that the generator was not trained against, but its critic sees what the features "
            f"{judge.name!r} see: take --features random, or others"
        )
    return seen


def sentences(numbers: dict[str, Any]) -> list[str]:
    """What was measured, in words, a line each; and what could not be."""
    failed = numbers.get("failed", [])
    lines = [f"not measured: {reason}" for reason in failed] if isinstance(failed, list) else []
    return lines + [line for examination in EXAMINATIONS for line in examination.sentences(numbers)]


def tables(numbers: dict[str, Any]) -> list[Table]:
    """What was measured, as tables."""
    return [table for examination in EXAMINATIONS for table in examination.tables(numbers)]
