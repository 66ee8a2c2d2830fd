"""What a run leaves at its end: overview.png and metrics.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansmith import __version__
from gansmith.chance import Part, keyed
from gansmith.evaluate.measure import measure
from gansmith.hooks import fixed_samples, read_log
from gansmith.report import grid, overview, pairs, save_png
from gansmith.run import RunFolder, write_json
from gansmith.training import Training

SAMPLES, PAIRS = 64, 24


def draw_samples(training: Training, folder: Path) -> None:
    """A grid of samples from the same latents at every step of a run: ``folder/STEP.png``."""
    data = training.stage.data
    if data.is_images:
        folder.mkdir(exist_ok=True)
        samples = data.crop(fixed_samples(training, SAMPLES).float().cpu())
        save_png(folder / f"{training.step:06d}.png", grid(samples))


def draw_reconstructions(training: Training, folder: Path) -> None:
    """Held-out pictures beside their reconstructions, where the game encodes."""
    data = training.stage.data
    if data.is_images and hasattr(training.average, "reconstruct") and len(data.held_out):
        folder.mkdir(exist_ok=True)
        save_png(folder / f"{training.step:06d}.png", pairs(*_pairs(training)))


def summarize(training: Training, run: RunFolder, facts: list[str]) -> dict[str, Any]:
    """Measures, and draws the run at a glance."""
    data, game = training.stage.data, training.average
    found = measure(game, data, training.seed, training.device)
    found = {"gansmith": __version__, "step": training.step, "average": True} | found
    write_json(run.path / "metrics.json", found)
    drawn: dict[str, Any] = {}
    if data.is_images:
        drawn["samples"] = data.crop(fixed_samples(training, SAMPLES).float().cpu())
        if hasattr(game, "reconstruct") and len(data.held_out):
            drawn["originals"], drawn["reconstructions"] = _pairs(training)
    elif data.shape == (2,):
        drawn["points"] = _plane(training)
    title = f"{run.record['recipe']} on {data.name}, step {training.step:,}"
    lines = [*facts, *sentences(found)]
    overview(run.path / "overview.png", title=title, curves=_curves(run), facts=lines, **drawn)
    return found


def sentences(found: dict[str, Any]) -> list[str]:
    """The measured numbers in words, a line each.

    Example:
        >>> sentences({"n": 10, "energy_distance": {"value": 0.5, "floor": 0.01}})
        ['energy distance to 10 held-out samples 0.5 (real against real: 0.01)']
    """
    lines = [found["too_few"]] if "too_few" in found else []
    if "frechet_distance" in found:
        f = found["frechet_distance"]
        lines.append(
            f"Frechet distance to {found['n']:,} held-out images, in pixels: {f['value']:.3g} "
            f"(real against real: {f['floor']:.3g})"
        )
    if "energy_distance" in found:
        e = found["energy_distance"]
        lines.append(
            f"energy distance to {found['n']:,} held-out samples {e['value']:.3g} (real against real: {e['floor']:.3g})"
        )
    if "modes" in found:
        m = found["modes"]
        lines.append(f"{m['captured']} of {m['of']} modes, {m['high_quality']:.1%} of samples close to one")
    if "classes" in found:
        c = found["classes"]
        missing = sum(share == 0 for share in c["shares"].values())
        seen = "all classes appear" if not missing else f"{missing} classes are missing"
        lines.append(f"{seen}, the rarest {c['rarest']:.1%} (judge: {c['judge_accuracy']:.1%} right on real images)")
    if "reconstruction" in found:
        lines += _about_reconstruction(found["reconstruction"])
    return lines


def _about_reconstruction(found: dict[str, Any]) -> list[str]:
    lines = []
    for name, words, code in (
        ("game", "reconstructions", found["code"]),
        ("principal_components", "principal components", found["principal_code"]),
    ):
        r = found[name]
        kept = f", class kept {r['same_class']:.1%}" if "same_class" in r else ""
        lines.append(f"{words} ({code} numbers): squared error {r['mse']:.3g}{kept}")
    return lines


def _pairs(training: Training) -> tuple[Tensor, Tensor]:
    data = training.stage.data
    x = data.values(data.held_out[:PAIRS])
    again = training.average.reconstruct(x.to(training.device)).float().cpu()
    return data.crop(x), data.crop(again)


def _plane(training: Training) -> tuple[Tensor, Tensor, Any]:
    data = training.stage.data
    with keyed(Part((training.seed, "samples")), training.device):
        fake = training.average.sample(2000).float().cpu()
    real = data.values(data.held_out[:2000])

    def level(points: Tensor) -> Tensor:
        scores: Tensor = training.average.score(points.to(training.device))
        return scores.float().cpu()

    return real, fake, level if hasattr(training.average, "score") else None


def _curves(run: RunFolder) -> dict[str, tuple[list[int], list[float]]]:
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for line in read_log(run.log):
        for name, value in line.items():
            if name not in ("stage", "step", "seconds"):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(int(line["step"]))
                values.append(float(value) if value is not None else torch.nan)
    return curves
