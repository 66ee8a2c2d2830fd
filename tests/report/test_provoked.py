"""Real trainings on the digits: each fault provoked on purpose, and a healthy run that has none."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gansmith.data import Dataset, load
from gansmith.disk.log import read_log
from gansmith.dynamics.pull import Diverged
from gansmith.evaluate import ClassJudge
from gansmith.evaluate.diversity import mean_distance
from gansmith.evaluate.duplicates import duplicates
from gansmith.evaluate.memorization import memorization
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating, Objective, Wasserstein
from gansmith.recipes.pairs import adam
from gansmith.regularizers import R1, GradientPenalty
from gansmith.report.health import Finding, health
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.hooks import Log
from gansmith.training.loop import Training, train
from gansmith.training.monitor import Monitor


class Blind(nn.Module):
    """A generator that does not look at its latents."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z * 0)


@cache
def digits() -> Dataset:
    return load("digits")


@cache
def judge() -> ClassJudge:
    data = digits()
    assert data.y is not None
    return ClassJudge(data.values(data.train), data.y[data.train])


def metrics(training: Training) -> dict[str, Any]:
    """What health reads of metrics.json, in pixels."""
    data = training.stage.data
    torch.manual_seed(0)
    fake = training.average.sample(1000)
    known, unseen = (data.values(index).flatten(1) for index in (data.train, data.held_out))
    labels, names = judge().predict(fake), [str(c) for c in range(10)]
    copies = duplicates(fake.flatten(1)[: len(unseen)], unseen)
    return {
        "samples": len(fake),
        "split": {"train": len(known), "held_out": len(unseen)},
        "metrics": {"diversity": {"value": mean_distance(fake.flatten(1)), "floor": mean_distance(unseen)}},
        "classes": {"names": names, "shares": {c: float((labels == int(c)).double().mean()) for c in names}},
        "duplicates": {"share": copies.share, "floor": copies.floor},
        "memorization": vars(memorization(fake.flatten(1), known, unseen)),
    }


def findings(
    folder: Path,
    objective: Objective,
    steps: int,
    *,
    images: int | None = None,
    rate: float = 1e-3,
    moves: int = 1,
    latent: int = 16,
    blind: bool = False,
) -> dict[str, Finding]:
    data = replace(digits(), train=digits().train[:images])
    torch.manual_seed(0)
    generator: nn.Module = nn.Sequential(MLP(latent, 64), nn.Unflatten(1, (1, 8, 8)), nn.Tanh())
    critic = nn.Sequential(nn.Flatten(), MLP(64, None))
    game = GAN(Blind(generator) if blind else generator, critic, objective, Normal(latent))
    stage = Stage(game, adam(game, steps, rate, moves=moves), data, steps, batch=min(64, len(data.train)))
    training = Training(Experiment([stage]), precision="float32")
    log, monitor = Log(folder / "log.jsonl"), Monitor(folder / "monitor.jsonl")
    record, measured = {"status": "finished"}, {}
    try:
        train(training, [log, monitor])
        measured = metrics(training)
    except Diverged:
        record["status"] = "diverged"
    found = health(read_log(log.path), read_log(monitor.path), measured, record)
    assert all(finding.sentence and finding.remedy for finding in found)
    return {finding.kind: finding for finding in found}


@pytest.mark.parametrize("objective", [NonSaturating() + R1(), Wasserstein() + GradientPenalty(10)])
def test_a_healthy_run_has_no_findings(objective: Objective, tmp_path: Path) -> None:
    assert findings(tmp_path, objective, 700) == {}


def test_a_huge_learning_rate_diverges(tmp_path: Path) -> None:
    found = findings(tmp_path, NonSaturating() + R1(), 100, rate=10.0)
    assert found.keys() == {"diverged"}
    assert "--rate" in found["diverged"].remedy


def test_scores_run_away(tmp_path: Path) -> None:
    found = findings(tmp_path, NonSaturating() + R1(), 200, rate=1.0)
    assert found.keys() == {"diverged"}
    assert "ran away" in found["diverged"].sentence


def test_a_generator_that_ignores_its_latents_has_collapsed(tmp_path: Path) -> None:
    found = findings(tmp_path, NonSaturating() + R1(), 200, blind=True)
    assert found.keys() == {"collapsed", "duplicates"}
    assert "to 1 of 10 classes" in found["collapsed"].sentence


def test_a_generator_of_few_samples_makes_duplicates(tmp_path: Path) -> None:
    found = findings(tmp_path, NonSaturating() + R1(0.1), 600, latent=1)
    assert found.keys() == {"collapsed", "duplicates"}
    assert "of 10 classes" in found["collapsed"].sentence


def test_a_critic_with_many_moves_and_no_penalty_is_saturated(tmp_path: Path) -> None:
    found = findings(tmp_path, NonSaturating(), 200, moves=4, rate=3e-2)
    assert found.keys() >= {"saturated", "collapsed"}
    assert "--gamma" in found["saturated"].remedy


def test_of_forty_images_a_critic_learns_each_by_heart(tmp_path: Path) -> None:
    found = findings(tmp_path, NonSaturating() + R1(), 500, images=40)
    assert {"overfits", "little data"} <= found.keys()
    assert "saturated" not in found
    assert "40 training samples" in found["little data"].sentence


def test_of_eight_images_copies_are_made(tmp_path: Path) -> None:
    found = findings(tmp_path, NonSaturating() + R1(0.1), 800, images=8)
    assert {"overfits", "duplicates", "copies", "little data"} <= found.keys()
    assert "are copies" in found["copies"].sentence
