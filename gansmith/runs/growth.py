"""How near samples come to the data while a run trains, in the numbers of the judge: one sees it grow."""

from __future__ import annotations

import math
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gansmith.chance import Part, keyed
from gansmith.data import Dataset
from gansmith.disk.json_files import is_number
from gansmith.disk.log import read_log
from gansmith.evaluate.choosing import choose
from gansmith.evaluate.data_features import data_features
from gansmith.evaluate.features import extract
from gansmith.evaluate.frechet import frechet_distance
from gansmith.evaluate.manifold import manifold
from gansmith.games.base import Game, Samples
from gansmith.refusal import out_of_memory
from gansmith.runs.folder import RunFolder
from gansmith.training import checkpoint
from gansmith.training.hooks import Log
from gansmith.training.loop import Training

SHARE = 0.02
"""Part of the time that looks may take."""
LOOKS = 20
"""At most, in all."""
TRIED = 20
"""So many rounds after the first one a look tells how long one takes."""
MOST, FEW = 300, 50
"""Pictures of each kind; of fewer a distance says nothing."""
PART = 100
DISTANCE = "Frechet distance"


@dataclass(frozen=True)
class Best:
    """A step, and how far its samples were from training pictures, in the features of this name."""

    step: int = 0
    distance: float = math.inf
    judge: str = ""


class Growth(Log):
    """A line of JSON now and then: the distance of samples of the average from training pictures, and their coverage.

    Held-out pictures are kept for the numbers at the end. How often it looks follows from the time that the first look
    takes, and stands in the record of the run: a resumed run looks after the same rounds. A look changes nothing in it.

    From half of the rounds on, the state with the lowest distance is kept, too.

    Arguments:
        run: its folder; lines go to ``growth.jsonl``, the state to ``best.pt``.
    """

    def __init__(self, run: RunFolder) -> None:
        super().__init__(run.path / "growth.jsonl")
        self.run = run

    def start(self, training: Training) -> None:
        super().start(training)
        self.rounds_between: int | None = self.run.record.get("looks_every")
        self.since: tuple[int, float] | None = None
        self.pictures: TrainingPictures | None = None
        self.failed = False
        self.best = self._kept(training)

    def step(self, training: Training) -> None:
        if self.since is None:  # what other hooks did at the start is no part of a round
            self.since = training.step, time.monotonic()
        if self.failed:
            return
        if self.rounds_between is not None:
            if training.step % self.rounds_between == 0 or training.step == training.stage.steps:
                self._look(training)
        elif training.step - self.since[0] == TRIED:
            a_round = max(time.monotonic() - self.since[1], 1e-9) / TRIED
            a_look = self._look(training)
            self.rounds_between = max(math.ceil(a_look / SHARE / a_round), training.stage.steps // LOOKS, 1)
            self.run.update(looks_every=self.rounds_between)

    def _look(self, training: Training) -> float:
        """Writes a line; returns the seconds that it took, less those for real pictures."""
        try:
            if self.pictures is None:
                self.pictures = TrainingPictures(training.stage.data, training.seed)
                self.best = Best() if self.best.judge not in ("", self.pictures.features.name) else self.best
            pictures = self.pictures
            began = time.monotonic()
            with keyed(Part((training.seed, "growth")), training.device):  # the same latents at each look
                numbers = pictures.beside(training.average)
        except Exception as error:  # a training is worth more than a number
            if out_of_memory(error):
                raise
            print(f"no numbers during the run: {type(error).__name__}: {error}")
            self.failed = True
            return 0.0
        self.write(training, numbers | {f"{name}, real": value for name, value in pictures.floor.items()})
        found = Best(training.step, numbers[DISTANCE])
        if 2 * training.step >= training.stage.steps and found.distance < self.best.distance:
            self._keep(training, found)
        said = "; ".join(f"{name} {value:.3g} (real: {pictures.floor[name]:.3g})" for name, value in numbers.items())
        print(f"step {training.step:,}: {said}", flush=True)
        return time.monotonic() - began

    def _keep(self, training: Training, found: Best) -> None:
        state = training.state_dict()
        try:
            training.check_finite(state)
            judge = self.pictures.features.name if self.pictures else ""
            checkpoint.save(self.run.best, state | {DISTANCE: found.distance, "judge": judge}, keep=False)
        except ValueError as error:  # a full disk, say: a training is worth more than its best state
            print(f"no best state is kept: {error}")
        else:
            self.best = found

    def _kept(self, training: Training) -> Best:
        """What was kept before a resume; nothing where it is of a step that is to come again."""
        if training.step == 0 or not self.run.best.exists():
            return Best()
        with suppress(ValueError):  # a damaged one is written anew
            state = checkpoint.load(self.run.best)
            step = state.get("step")
            known: dict[Any, Any] = {line["step"]: line.get(DISTANCE) for line in read_log(self.path)}
            distance: Any = state.get(DISTANCE, known.get(step))  # older runs have it in the log alone
            if isinstance(step, int) and step <= training.step and is_number(distance) and distance > -1e-3:
                return Best(step, float(distance), str(state.get("judge", "")))
        return Best()

    def end(self, training: Training, error: BaseException | None) -> None:
        super().end(training, error)
        if error is None and training.done and 0 < self.best.step < training.step:
            print(
                f"nearest to the training pictures at step {self.best.step:,} ({DISTANCE} {self.best.distance:.3g}), "
                f"which is kept: gansmith sample {shlex.quote(str(self.run.path))} --best"
            )


class TrainingPictures:
    """Some of the training pictures, in the features that fit the data, to compare samples with.

    Arguments:
        data: at least two pictures.
        seed: of the choice of pictures.
    """

    def __init__(self, data: Dataset, seed: int) -> None:
        with keyed(Part((seed, "growth", "rows"))):
            order = data.train[torch.randperm(len(data.train))]
        n = min(MOST, len(order) // 2)
        self.data, self.features = data, choose(None, data)
        self.real = data_features(self.features, data, order[:n])
        self.floor = self._numbers(data_features(self.features, data, order[n : 2 * n]))

    def beside(self, game: Game) -> dict[str, float]:
        """The numbers of as many samples."""
        assert isinstance(game, Samples)
        n = len(self.real)
        samples = (game.sample(min(PART, n - start)).float().cpu() for start in range(0, n, PART))
        return self._numbers(extract(self.features, map(self.data.crop, samples)))

    def _numbers(self, fake: Tensor) -> dict[str, float]:
        distance, coverage = frechet_distance(self.real, fake), manifold(self.real, fake).coverage
        return {DISTANCE: distance, "coverage": coverage}


def can_grow(training: Training) -> bool:
    """Whether a run makes pictures, in one stage, and there are enough to compare them with."""
    stage = training.stage
    alone = len(training.experiment.stages) == 1
    return alone and isinstance(stage.game, Samples) and stage.data.is_images and len(stage.data.train) >= 2 * FEW
