"""What the commands do."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch

from gansmith import checkpoint, finding, summary
from gansmith.data import Dataset, load
from gansmith.dynamics.pull import Diverged
from gansmith.experiment import Experiment
from gansmith.hooks import Bar, Checkpoint, Log, Pictures
from gansmith.run import RunFolder, free_name
from gansmith.training import Training, steps_within
from gansmith.training import train as run_training


def train(name: str, recipe: finding.Recipe, arguments: dict[str, Any], asked: argparse.Namespace) -> int:
    """Trains a recipe into a new run folder."""
    if asked.out is not None and Path(asked.out).exists():
        raise ValueError(f"{asked.out} exists and is never overwritten: choose another --out, or gansmith resume it")
    data = load(asked.data, asked.size)
    for line in data.notes:
        print(line)
    arguments = arguments | ({} if asked.steps is None else {"steps": asked.steps})
    machine = {"device": asked.device, "precision": asked.precision}
    if asked.minutes is not None:
        arguments["steps"] = _plan(recipe, data, arguments, asked.seed, machine, asked.minutes)
    training = _begin(recipe, data, arguments, asked.seed, machine)
    arguments.setdefault("steps", training.experiment.stages[-1].steps)
    short = name.rpartition(":")[2] if finding.is_file(name) else name
    path = Path(asked.out) if asked.out is not None else free_name(Path("runs"), f"{short}-{data.name}")
    record = {
        "recipe": short,
        "arguments": arguments,
        "seed": asked.seed,
        "data": _describe(data, asked.size),
        "device": str(training.device),
        "precision": _precision(training),
    }
    run = RunFolder.create(path, record)
    if finding.is_file(name):
        source = finding.from_file(name)[1]
        shutil.copyfile(source, run.path / "recipe.py")
        run.update(file={"function": short, "sha256": finding.sha256(run.path / "recipe.py")})
    _say_start(training, run, short, data)
    return _go(training, run, asked.checkpoint_every)


def resume(asked: argparse.Namespace) -> int:
    """Goes on with a run."""
    run = RunFolder.open(Path(asked.run))
    source = asked.data or run.record["data"]["source"]
    state, fell_back = checkpoint.load_newest(run.checkpoint)
    arguments = dict(run.record["arguments"])
    if asked.steps is not None:
        arguments["steps"] = asked.steps
    data = load(source, run.record["data"]["size"])
    if data.fingerprint != run.record["data"]["fingerprint"]:
        raise ValueError(
            f"{source} is not what the run was trained on: its content changed; name the old data by --data"
        )
    machine = {"device": run.record["device"], "precision": run.record["precision"]}
    training = _begin(_recipe(run, asked.trust), data, arguments, run.record["seed"], machine)
    training.load_state_dict(state)
    last = training.experiment.stages[-1].steps
    if training.step > training.stage.steps:
        raise ValueError(f"{run.path} is at step {training.step} already: --steps must not be less")
    if fell_back:
        print(fell_back, file=sys.stderr)
    if training.done and run.record["status"] == "finished":
        print(f"{run.path} is finished, at step {last}; --steps N trains on")
        return 0
    print(f"resumed at step {training.step}")
    _warn_of_another_machine(run)
    run.update(status="running", arguments=arguments)
    return _go(training, run, asked.checkpoint_every)


def sample(asked: argparse.Namespace) -> int:
    """Pictures from a run."""
    from gansmith.report import grid, save_png

    run, training = _opened(asked)
    data = training.stage.data
    folder = _new_folder(run, asked.out, "sampled")
    from gansmith.chance import Part, keyed

    with keyed(Part((asked.seed, "sample")), training.device):
        z = training.average.latent(asked.n, next(training.average.parameters()))
    samples = torch.cat([training.average.decode(part).float().cpu() for part in torch.split(z, 256)])
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
    from gansmith.run import write_json

    run, training = _opened(asked)
    data, game = training.stage.data, training.average
    if not hasattr(game, "reconstruct"):
        raise ValueError(f"needs a game that encodes, but {run.record['recipe']} only generates: train ogan")
    if not data.is_images:
        raise ValueError(f"needs a run on images, but {run.path} was trained on vectors")
    found = load(asked.images, data.shape[-1], data.shape[0])
    folder = _new_folder(run, asked.out, "reconstructed")
    count = min(asked.n, len(found))
    x = found.values(torch.arange(count))
    again = torch.cat(
        [game.reconstruct(p.to(training.device), asked.truncation).float().cpu() for p in torch.split(x, 256)]
    )
    x, again = data.crop(x), data.crop(again)
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
        "psnr": error.psnr,
        "each": {found.sample_name(i): round(value, 6) for i, value in enumerate(each)},
    }
    write_json(folder / "numbers.json", numbers)
    print(f"{count} pairs in {folder / 'pairs.png'}: squared error {error.mse:.4f} a pixel, PSNR {error.psnr:.1f} dB")
    return 0


def _begin(
    recipe: finding.Recipe, data: Dataset, arguments: dict[str, Any], seed: int, machine: dict[str, str]
) -> Training:
    torch.manual_seed(seed)
    experiment = recipe(data, **arguments)
    if not isinstance(experiment, Experiment):
        raise ValueError(f"a recipe returns an Experiment, but {recipe.__name__} returned {type(experiment).__name__}")
    for stage in experiment.stages:
        if len(stage.data):
            stage.data.batch(seed, 0, stage.batch)  # too few samples for a batch is said now
    return Training(experiment, seed=seed, device=machine["device"], precision=machine["precision"])


def _plan(
    recipe: finding.Recipe,
    data: Dataset,
    arguments: dict[str, Any],
    seed: int,
    machine: dict[str, str],
    minutes: float,
) -> int:
    steps = steps_within(_begin(recipe, data, arguments, seed, machine), 60 * minutes)
    print(f"{minutes:g} minutes are about {steps:,} steps here")
    return steps


def _go(training: Training, run: RunFolder, seconds: float) -> int:
    pictures, again = run.path / "samples", run.path / "reconstructions"
    hooks = [
        Bar(),
        Log(run.log, every=max(1, training.experiment.stages[-1].steps // 1000)),
        Pictures(lambda t: summary.draw_samples(t, pictures)),
        Pictures(lambda t: summary.draw_reconstructions(t, again)),
        Checkpoint(run.checkpoint, seconds),
    ]
    begun, before = time.perf_counter(), float(run.record.get("seconds", 0))
    try:
        run_training(training, hooks)
    except Diverged:
        run.update(status="diverged", step=training.step)
        raise
    took = before + time.perf_counter() - begun
    run.update(seconds=round(took, 1), step=training.step)
    if not training.done:
        run.update(status="stopped")
        print(f"stopped at step {training.step} and saved; go on by: gansmith resume {run.path}")
        return 130
    facts = [f"{training.step:,} steps in {took:.0f} s, {run.record['device']}, {run.record['precision']}"]
    for line in [*facts, *summary.sentences(summary.summarize(training, run, facts))]:
        print(line)
    run.update(status="finished")
    print(f"look at {run.path / 'overview.png'}")
    return 0


def _recipe(run: RunFolder, trust: bool) -> finding.Recipe:
    if "file" not in run.record:
        return finding.built_in(run.record["recipe"])
    file = run.path / "recipe.py"
    if not trust:
        raise ValueError(f"{run.path} was made with a recipe file; read {file}, then add --trust to run it")
    if not file.is_file() or finding.sha256(file) != run.record["file"]["sha256"]:
        raise ValueError(f"{file} is not the file that the run was made with")
    return finding.from_file(f"{file}:{run.record['file']['function']}")[0]


def _opened(asked: argparse.Namespace) -> tuple[RunFolder, Training]:
    """A run's training at its newest checkpoint, without its data."""
    run = RunFolder.open(Path(asked.run))
    state, fell_back = checkpoint.load_newest(run.checkpoint)
    if fell_back:
        print(fell_back, file=sys.stderr)
    machine = {"device": asked.device, "precision": "float32"}
    data = _absent(run.record["data"])
    training = _begin(_recipe(run, asked.trust), data, run.record["arguments"], run.record["seed"], machine)
    training.load_state_dict(state)
    return run, training


def _describe(data: Dataset, size: int | None) -> dict[str, Any]:
    return {
        "source": data.source if data.source in ("digits", "ring", "grid") else str(Path(data.source).resolve()),
        "name": data.name,
        "size": size,
        "n": len(data),
        "shape": list(data.shape),
        "content": data.content,
        "classes": data.classes,
        "fingerprint": data.fingerprint,
        "notes": list(data.notes),
    }


def _absent(record: dict[str, Any]) -> Dataset:
    """A dataset of the same shape without samples: what a run needs to be opened."""
    shape, none = tuple(record["shape"]), torch.empty(0, dtype=torch.int64)
    return Dataset(
        name=record["name"],
        x=torch.empty(0, *shape, dtype=torch.uint8 if len(shape) == 3 else torch.float32),
        y=None,
        train=none,
        held_out=none,
        content=None if record["content"] is None else tuple(record["content"]),
        source=record["source"],
        fingerprint=record["fingerprint"],
        notes=(),
    )


def _new_folder(run: RunFolder, wanted: str | None, name: str) -> Path:
    folder = free_name(run.path, name) if wanted is None else Path(wanted)
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ValueError(f"{folder} exists and is never overwritten: choose another -o") from None
    except OSError as error:
        raise ValueError(f"cannot make {folder}: {error.strerror}") from None
    return folder


def _precision(training: Training) -> str:
    return "float32" if training.autocast is None else "bfloat16"


def _say_start(training: Training, run: RunFolder, name: str, data: Dataset) -> None:
    what = "images" if data.is_images else "vectors"
    shape = "x".join(map(str, data.shape))
    print(f"{name} on {data.name}: {len(data.train):,} training {what} of {shape}, {len(data.held_out):,} held out")
    print(f"{training.device}, {_precision(training)}, {torch.get_num_threads()} threads; into {run.path}")


def _warn_of_another_machine(run: RunFolder) -> None:
    from gansmith.run import machine

    before, now = run.record["machine"], machine()
    other = [key for key in ("torch", "processor", "threads", "gpu") if before.get(key) != now[key]]
    if other:
        print(f"{', '.join(other)} changed since the run began: it goes on, but not to the same bits", file=sys.stderr)
