"""What the commands do."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from gansmith import summary
from gansmith.data import Dataset, load
from gansmith.dynamics.pull import Diverged
from gansmith.finding import Recipe, digest
from gansmith.folders import folder_of, make_folder, make_numbered, refuse_existing
from gansmith.hooks import Bar, Checkpoint, Log, Pictures, fixed_samples
from gansmith.opening import BUILT_IN_DATA, begin, describe, newest, open_run, opened, recipe_of, take_up
from gansmith.refusal import Refusal, refusals
from gansmith.run import RunFolder, machine, write_json
from gansmith.training import Training, steps_within
from gansmith.training import train as run_training


def train(recipe: Recipe, arguments: dict[str, Any], asked: argparse.Namespace) -> int:
    """Trains a recipe into a new run folder."""
    out = None if asked.out is None else folder_of(asked.out)
    if out is not None:
        refuse_existing(out, "--out, or gansmith resume it")
    with refusals():
        data = load(asked.data, asked.size)
    for line in data.notes:
        print(line)
    if asked.steps is not None:
        arguments["steps"] = asked.steps
    if asked.minutes is not None:
        trial = begin(recipe, data, arguments, asked.seed, asked.device, asked.precision)
        with refusals():
            arguments["steps"] = steps_within(trial, 60 * asked.minutes)
        print(f"{asked.minutes:g} minutes are about {arguments['steps']:,} steps here")
    training = begin(recipe, data, arguments, asked.seed, asked.device, asked.precision)
    record = {
        "recipe": recipe.name,
        "arguments": {"steps": training.experiment.stages[-1].steps} | arguments,
        "seed": asked.seed,
        "data": describe(data, asked.size),
        "device": str(training.device),
        "precision": _precision(training),
    }
    if recipe.source is not None:
        record["file"] = {"function": recipe.name, "sha256": digest(recipe.source)}
    if out is None:
        run = RunFolder.create_numbered(Path("runs"), f"{recipe.name}-{data.name}", record, recipe.source)
    else:
        run = RunFolder.create(out, record, recipe.source)
    _say_start(training, run, data)
    with run.held():
        return _go(training, run, asked.checkpoint_every)


def resume(asked: argparse.Namespace) -> int:
    """Goes on with a run."""
    run = open_run(asked.run)
    with run.held():
        recipe, arguments = recipe_of(run, asked.trust), dict(run.record["arguments"])
        if asked.steps is not None:
            arguments["steps"] = asked.steps
        state = newest(run)
        data = _same_data(run, asked.data)
        device = run.record["device"] if asked.device is None else asked.device
        training = begin(recipe, data, arguments, run.record["seed"], device, run.record["precision"])
        take_up(training, state, run)
        last = training.experiment.stages[-1].steps
        if training.step > training.stage.steps:
            raise Refusal(f"{run.path} is at step {training.step:,} already: it needs --steps of at least that")
        if training.done and run.record["status"] == "finished":
            print(f"{run.path} is finished, at step {last:,}; --steps N trains on")
            return 0
        print(f"resumed at step {training.step}")
        _warn_of_another_machine(run)
        run.update(status="running", arguments=arguments, device=str(training.device))
        if asked.data is not None:
            run.update(data=run.record["data"] | {"source": describe(data, None)["source"]})
        return _go(training, run, asked.checkpoint_every)


def sample(asked: argparse.Namespace) -> int:
    """Pictures from a run."""
    from gansmith.chance import Part, keyed
    from gansmith.report import grid, save_png

    out = _wanted(asked)
    run, training = opened(asked.run, asked.device, asked.trust)
    data, game = training.stage.data, training.average
    if not (hasattr(game, "latent") and hasattr(game, "decode")):
        raise Refusal(f"needs a game that generates from latents, but {run.record['recipe']} makes none")
    with keyed(Part((asked.seed, "sample")), training.device):
        z = game.latent(asked.n, next(game.parameters()))
    samples = torch.cat([game.decode(part).float().cpu() for part in torch.split(z, 256)])
    folder = _new_folder(run, out, "sampled")
    if not data.is_images:
        import numpy as np

        np.savez(folder / "samples.npz", samples=samples.numpy())
        print(f"{asked.n} samples in {folder / 'samples.npz'}")
        return 0
    samples = data.crop(samples)
    for i, one in enumerate(samples):
        save_png(folder / f"{i:06d}.png", grid(one[None], padding=0, scale=1))
    save_png(folder / "grid.png", grid(samples))
    print(f"{asked.n} pictures in {folder}, and all of them in {folder / 'grid.png'}")
    return 0


def reconstruct(asked: argparse.Namespace) -> int:
    """Images beside their reconstructions."""
    from gansmith.evaluate import reconstruction_error
    from gansmith.report import pairs, save_png

    out = _wanted(asked)
    run, training = opened(asked.run, asked.device, asked.trust)
    data, game = training.stage.data, training.average
    if not hasattr(game, "reconstruct"):
        raise Refusal(f"needs a game that encodes, but {run.record['recipe']} only generates: train ogan")
    if not data.is_images:
        raise Refusal(f"needs a run on images, but {run.path} was trained on vectors")
    with refusals(f"needs images for {run.path}: "):
        found = load(asked.images, data.shape[-1], data.shape[0], data.content)
    for line in found.notes:
        print(line)
    count = min(asked.n, len(found))
    x = found.values(torch.arange(count))
    again = torch.cat(
        [game.reconstruct(p.to(training.device), asked.truncation).float().cpu() for p in torch.split(x, 256)]
    )
    x, again = data.crop(x), data.crop(again)
    folder = _new_folder(run, out, "reconstructed")
    save_png(folder / "pairs.png", pairs(x, again))
    for i in range(count):
        save_png(folder / f"{i:06d}.png", pairs(x[i : i + 1], again[i : i + 1], scale=1))
    error = reconstruction_error(x, again)
    each = ((x - again) ** 2).flatten(1).mean(1).tolist()
    numbers = {
        "n": count,
        "truncation": asked.truncation,
        "step": training.step,
        "mse": error.mse,
        "psnr": error.psnr if math.isfinite(error.psnr) else None,  # of a perfect copy; JSON knows no infinity
        "each": {found.sample_name(i): round(value, 6) for i, value in enumerate(each)},
    }
    write_json(folder / "numbers.json", numbers)
    print(f"{count} pairs in {folder / 'pairs.png'}: squared error {error.mse:.4f} a pixel, PSNR {error.psnr:.1f} dB")
    return 0


def _go(training: Training, run: RunFolder, seconds: float) -> int:
    """Trains to the end, and sums up; whatever happens, the record says how the run stands."""
    begun, before = time.perf_counter(), float(run.record.get("seconds", 0))
    try:
        with refusals():
            run_training(training, _hooks(training, run, seconds))
    except BaseException as error:
        diverged = isinstance(error, Diverged)
        with suppress(Refusal):  # where a disk is full, that was said already
            run.update(status="diverged" if diverged else "stopped")
        if diverged:
            kept = f"the last good state is kept in {run.path}"
            raise FloatingPointError(f"{error}; {kept}: try a smaller learning rate") from error
        raise
    took = before + time.perf_counter() - begun
    run.update(seconds=round(took, 1), step=training.step)
    if not training.done:
        run.update(status="stopped")
        print(f"stopped at step {training.step} and saved; go on by: gansmith resume {shlex.quote(str(run.path))}")
        return 130
    facts = [f"{training.step:,} steps in {took:.0f} s, {run.record['device']}, {run.record['precision']}"]
    for line in [*facts, *summary.sentences(summary.summarize(training, run, facts))]:
        print(line)
    run.update(status="finished")
    print(f"look at {run.path / 'overview.png'}")
    return 0


def _hooks(training: Training, run: RunFolder, seconds: float) -> list[Any]:
    def draw(now: Training) -> None:
        _check_samples(now)
        summary.draw_samples(now, run.path / "samples")
        summary.draw_reconstructions(now, run.path / "reconstructions")

    every = max(1, training.experiment.stages[-1].steps // 1000)
    return [Bar(), Log(run.log, every=every), Pictures(draw), Checkpoint(run.checkpoint, seconds)]


def _check_samples(training: Training) -> None:
    """Finite weights can be so large that samples are not: the next loss would be infinite."""
    if not bool(fixed_samples(training, 16).isfinite().all()):
        raise Diverged(["samples"], "generator", training.step)


def _same_data(run: RunFolder, moved: str | None) -> Dataset:
    """The data that a run was trained on.

    Raises:
        Refusal: they are not where they were, or their content is another.
    """
    record = run.record["data"]
    source = record["source"] if moved is None else moved
    with refusals(cure="" if moved or source in BUILT_IN_DATA else " (if the data were moved, name them by --data)"):
        data = load(source, record["size"])
    if data.fingerprint != record["fingerprint"]:
        raise Refusal(f"{source} is not what {run.path} was trained on: name the same data by --data")
    return data


def _wanted(asked: argparse.Namespace) -> Path | None:
    """The folder that was asked for; that it is free is said before the work is done."""
    out = None if asked.out is None else folder_of(asked.out)
    if out is not None:
        refuse_existing(out, "-o")
    return out


def _new_folder(run: RunFolder, wanted: Path | None, name: str) -> Path:
    return make_numbered(run.path, name) if wanted is None else make_folder(wanted, "-o")


def _precision(training: Training) -> str:
    return "float32" if training.autocast is None else "bfloat16"


def _say_start(training: Training, run: RunFolder, data: Dataset) -> None:
    what, shape = "images" if data.is_images else "vectors", "x".join(map(str, data.shape))
    split = f"{len(data.train):,} training {what} of {shape}, {len(data.held_out):,} held out"
    print(f"{run.record['recipe']} on {data.name}: {split}")
    print(f"{training.device}, {_precision(training)}, {torch.get_num_threads()} threads; into {run.path}")


def _warn_of_another_machine(run: RunFolder) -> None:
    before, now = run.record["machine"], machine()
    other = [key for key in ("torch", "processor", "threads", "gpu") if before.get(key) != now[key]]
    if other:
        print(f"{', '.join(other)} changed since the run began: it goes on, but not to the same bits", file=sys.stderr)
