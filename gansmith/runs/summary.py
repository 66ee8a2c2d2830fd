"""What a run leaves at its end: overview.png, metrics.json and report.html."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansmith import __version__
from gansmith.batch import Batch
from gansmith.chance import Part, keyed
from gansmith.disk.folders import sub_folder
from gansmith.disk.json_files import write_json
from gansmith.disk.log import read_log
from gansmith.duel.scores import score
from gansmith.duel.slopes import NoWitness
from gansmith.examinations.measure import measure
from gansmith.games.base import Game
from gansmith.objectives import Objective
from gansmith.report import grid, overview, pairs, save_png
from gansmith.report.numbers import sentences
from gansmith.runs.folder import RunFolder
from gansmith.training.hooks import fixed_samples
from gansmith.training.loop import Training

SAMPLES, PAIRS = 64, 24
WAYS, BETWEEN = 6, 8  # interpolations, and pictures on the way


def draw_samples(training: Training, folder: Path) -> None:
    """A grid of samples from the same latents at every step of a run: ``folder/STEP.png``."""
    data = training.stage.data
    if data.is_images:
        sub_folder(folder.parent, folder.name)
        samples = data.crop(fixed_samples(training, SAMPLES).float().cpu())
        save_png(folder / f"{training.step:06d}.png", grid(samples))


def draw_reconstructions(training: Training, folder: Path) -> None:
    """Held-out pictures beside their reconstructions, where the game encodes."""
    data = training.stage.data
    if data.is_images and hasattr(training.average, "reconstruct") and len(data.held_out):
        sub_folder(folder.parent, folder.name)
        save_png(folder / f"{training.step:06d}.png", pairs(*_pairs(training)))


def draw_interpolations(training: Training, folder: Path) -> None:
    """Ways between held-out pictures, a row each with the pictures at its ends, where the game encodes."""
    data, game = training.stage.data, training.average
    if data.is_images and hasattr(game, "interpolate") and len(data.held_out) >= 2 * WAYS:
        sub_folder(folder.parent, folder.name)
        ends = data.values(_spread(data.held_out, 2 * WAYS))
        a, b = ends[:WAYS], ends[WAYS:]
        between = game.interpolate(a.to(training.device), b.to(training.device), BETWEEN).float().cpu()
        rows = torch.cat([a[:, None], between, b[:, None]], 1).flatten(0, 1)
        save_png(folder / f"{training.step:06d}.png", grid(data.crop(rows), BETWEEN + 2))


def summarize(training: Training, run: RunFolder, facts: list[str]) -> dict[str, Any]:
    """Measures, and draws the run at a glance."""
    data, game = training.stage.data, training.average
    found = measure(game, data, training.seed, training.device)
    found = {"gansmith": __version__, "step": training.step, "average": True} | found
    write_json(run.path / "metrics.json", found)
    draw_interpolations(training, run.path / "interpolations")
    drawn: dict[str, Any] = {}
    if data.is_images:
        drawn["samples"] = data.crop(fixed_samples(training, SAMPLES).float().cpu())
        drawn["real"] = data.crop(data.values(_spread(data.train, SAMPLES)))
        save_png(run.path / "real.png", grid(drawn["real"]))
        if hasattr(game, "reconstruct") and len(data.held_out):
            drawn["originals"], drawn["reconstructions"] = _pairs(training)
    elif data.shape == (2,):
        drawn["points"] = _plane(training)
    title = f"{run.record['recipe']} on {data.name}, step {training.step:,}"
    lines = [*facts, *sentences(found)]
    overview(run.path / "overview.png", title=title, curves=_curves(run), facts=lines, **drawn)
    return found


def write_page(training: Training, run: RunFolder) -> Path:
    """Writes the run's report.html anew, with a map of held-out codes where the game encodes."""
    from gansmith.report.codes import MOST, Codes
    from gansmith.report.html import write_report

    data, game = training.stage.data, training.average
    codes = plane = None
    if data.is_images and hasattr(game, "encode") and len(data.held_out) >= 3:
        index = _spread(data.held_out, MOST)
        found = [game.encode(data.values(part).to(training.device)).float().cpu() for part in torch.split(index, 250)]
        codes = Codes(torch.cat(found), None if data.y is None else data.y[index], data.class_names)
    elif data.shape == (2,) and len(data.held_out):
        plane = _plane(training)
    return write_report(run.path, codes=codes, plane=plane)


def _spread(index: Tensor, n: int) -> Tensor:
    """Some of the positions, evenly spaced: the first of a folder of class folders are all of one class.

    Example:
        >>> _spread(torch.arange(10), 4).tolist()
        [0, 3, 6, 9]
    """
    if len(index) <= n:
        return index
    return index[torch.linspace(0, len(index) - 1, n).round().long()]


def _pairs(training: Training) -> tuple[Tensor, Tensor]:
    data = training.stage.data
    x = data.values(_spread(data.held_out, PAIRS))
    again = training.average.reconstruct(x.to(training.device)).float().cpu()
    return data.crop(x), data.crop(again)


def _plane(training: Training) -> tuple[Tensor, Tensor, Any]:
    data = training.stage.data
    with keyed(Part((training.seed, "samples")), training.device):
        fake = training.average.sample(2000).float().cpu()
        level = _level(training.average, data.values(data.held_out[:2000]).to(training.device))
    return data.values(data.held_out[:2000]), fake, level


def _level(game: Any, real: Tensor) -> Any:
    """Points (k, d) -> what the critic, or the best function of its features, says of them (k,); None without one."""
    objective = getattr(game, "objective", None)
    if not isinstance(objective, Objective) or type(game).duel is Game.duel:
        own = getattr(game, "score", None)
        return None if own is None else lambda points: own(points.to(real.device)).float().cpu()
    with game.looking():
        duel = game.duel(Batch(real, None, torch.arange(len(real))))
    witness = objective.witness(*duel)
    if isinstance(witness, NoWitness):
        return None

    def level(points: Tensor) -> Tensor:
        with game.looking():
            return score(witness, points.to(real.device)).float().cpu()

    return level


def _curves(run: RunFolder) -> dict[str, tuple[list[int], list[float]]]:
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for line in read_log(run.log):
        for name, value in line.items():
            if name not in ("stage", "step", "seconds"):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(int(line["step"]))
                values.append(float(value) if value is not None else torch.nan)
    return curves
