"""Training a new run, and going on with one."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gansmith.data import Dataset
from gansmith.data.selection import Selection
from gansmith.disk.folders import folder_of, refuse_existing
from gansmith.dynamics.pull import Diverged
from gansmith.refusal import Refusal, refusals
from gansmith.report.html import write_report
from gansmith.report.numbers import sentences
from gansmith.runs import summary
from gansmith.runs.folder import RunFolder, machine
from gansmith.runs.lookup import Recipe, digest
from gansmith.runs.opening import begin, data_of, newest, open_run, recipe_of, take_up
from gansmith.training.hooks import Bar, Checkpoint, Log, Pictures, fixed_samples
from gansmith.training.loop import Training, steps_within
from gansmith.training.loop import train as run_training
from gansmith.training.monitor import Monitor


def train(recipe: Recipe, arguments: dict[str, Any], asked: argparse.Namespace) -> int:
    """Trains a recipe into a new run folder."""
    out = None if asked.out is None else folder_of(asked.out)
    if out is not None:
        refuse_existing(out, "--out, or gansmith resume it")
    selection = Selection(
        asked.data, asked.size, asked.labels, asked.limit, asked.crop, flip=asked.flip, shift=asked.shift
    )
    with refusals():
        data = selection.load(asked.strict)
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
        "data": selection.record(data),
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
        data = data_of(run, asked.data, asked.labels)
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
        if asked.data is not None or asked.labels is not None:
            where = Selection.of(run.record["data"]).moved(asked.data or run.record["data"]["source"])
            run.update(data=replace(where, labels=asked.labels or where.labels).record(data))
        return _go(training, run, asked.checkpoint_every)


def _go(training: Training, run: RunFolder, seconds: float) -> int:
    """Trains to the end, and sums up; whatever happens, the record says how the run stands."""
    begun, before = time.perf_counter(), float(run.record.get("seconds", 0))
    try:
        with refusals():
            run_training(training, _hooks(training, run, seconds))
            run.update(seconds=round(before + time.perf_counter() - begun, 1), step=training.step)
            if training.done:
                return _sum_up(training, run)
    except BaseException as error:
        diverged = isinstance(error, Diverged)
        _left(run, "diverged" if diverged else "stopped")
        if diverged:
            kept = f"the last good state is kept in {run.path}"
            raise FloatingPointError(f"{error}; {kept}: try a smaller learning rate") from error
        raise
    _left(run, "stopped")
    print(f"stopped at step {training.step} and saved; go on by: gansmith resume {shlex.quote(str(run.path))}")
    return 130


def _sum_up(training: Training, run: RunFolder) -> int:
    took, where = run.record["seconds"], f"{run.record['device']}, {run.record['precision']}"
    facts = [f"{training.step:,} steps in {took:.0f} s, {where}"]
    for line in [*facts, *sentences(summary.summarize(training, run, facts))]:
        print(line)
    run.update(status="finished")
    print(f"look at {summary.write_page(training, run)}")
    return 0


def _left(run: RunFolder, status: str) -> None:
    """The record and the page of a run that did not come to its end."""
    with suppress(Refusal, OSError):  # where a disk is full, that was said already
        run.update(status=status)
        write_report(run.path)


def _hooks(training: Training, run: RunFolder, seconds: float) -> list[Any]:
    def draw(now: Training) -> None:
        _check_samples(now)
        summary.draw_samples(now, run.path / "samples")
        summary.draw_reconstructions(now, run.path / "reconstructions")

    every = max(1, training.experiment.stages[-1].steps // 1000)
    monitor = Monitor(run.path / "monitor.jsonl")
    return [Bar(), Log(run.log, every=every), monitor, Pictures(draw), Checkpoint(run.checkpoint, seconds)]


def _check_samples(training: Training) -> None:
    """Finite weights can be so large that samples are not: the next loss would be infinite."""
    if not bool(fixed_samples(training, 16).isfinite().all()):
        raise Diverged(["samples"], "generator", training.step)


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
