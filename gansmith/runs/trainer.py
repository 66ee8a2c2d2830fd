"""Training into a run folder: a new run, and going on with one."""

from __future__ import annotations

import csv
import io
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gansmith.counting import counted
from gansmith.data import Dataset
from gansmith.data.files import one_line
from gansmith.data.selection import Selection
from gansmith.disk.atomic import atomic
from gansmith.disk.parts import remove_parts
from gansmith.dynamics.pull import Diverged
from gansmith.examinations.measure import sentences
from gansmith.exhibits import fixed_samples
from gansmith.games.base import Samples
from gansmith.refusal import Refusal, refusals
from gansmith.report.page import write_report
from gansmith.report.verdict import judged
from gansmith.runs import flags, gallery, packaged, starting, summary
from gansmith.runs.folder import RunFolder, machine
from gansmith.runs.growth import Growth, can_grow
from gansmith.runs.lookup import AnyRecipe, Recipe, as_recipe, digest
from gansmith.runs.opening import (
    begin,
    check_sizes,
    data_of,
    newest,
    open_folder,
    recipe_of,
    same_data,
    steps_done,
    take_up,
)
from gansmith.runs.pace import Pace, can_change, steps_at
from gansmith.runs.pace import planned as planned_rounds
from gansmith.runs.preparation import (
    check_length,
    check_request,
    chosen_data,
    discard,
    fitting_recipe,
    never_saved,
    new_folder,
    planned,
    record_of_data,
    tried_steps,
)
from gansmith.runs.run import Run
from gansmith.training.experiment import Experiment
from gansmith.training.hooks import Bar, Checkpoint, Gallery, Log
from gansmith.training.loop import Hook, Training
from gansmith.training.loop import train as run_training
from gansmith.training.monitor import Monitor


def train(
    recipe: AnyRecipe | None = None,
    data: str | Path | Dataset | None = None,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    checkpoint_every: float | None = None,
    size: int | str | None = None,
    labels: str | None = None,
    label_column: str | None = None,
    limit: int | None = None,
    crop: str = "center",
    value_range: tuple[float, float] | None = None,
    first_page: bool = False,
    strict: bool = False,
    flip: bool = False,
    shift: int = 0,
    held_out: float | None = None,
    alpha: bool = False,
    start_from: str | Path | None = None,
    **arguments: int | float | str | bool | None,
) -> Run:
    """Trains a recipe or an experiment into a new run folder; the same as ``gansmith train``.

    Ctrl-C stops after the step and returns: what was trained is saved, ``finished`` is False; :func:`resume` goes on.

    Arguments:
        recipe: a name from ``gansmith recipes``, ``path/to/file.py:function``, a function that returns an
            :class:`Experiment`, or an experiment, which has data and steps of its own (default: ``photos`` for color
            pictures, ``ogan`` for others).
        data: a name or path, as :func:`load` takes it, or a dataset (default: ``digits``).
        steps: rounds (default: the recipe's).
        minutes: train about this long instead; the steps are planned from some, and for ``photos`` the size of the
            pictures, too.
        seed: of all randomness.
        out: the run folder, a new one (default: ``runs/RECIPE-DATA-1``, ``-2``, ...).
        device: ``auto``, ``cpu``, ``cuda``, ...
        precision: ``auto``, ``float32`` or ``bfloat16``.
        checkpoint_every: seconds between checkpoints (default: 20; more where they are so large that more than 2 GB an
            hour would be written).
        size: side of the pictures in pixels, or width and height, as ``96x64``, or ``median``, see :func:`load`.
        labels: a file of labels by file name.
        label_column: the name of its column of labels, where it has several.
        limit: take at most so many samples.
        crop: how pictures get that shape: ``center``, ``pad`` or ``stretch``.
        value_range: the values that become black and white, see :func:`load`.
        first_page: take the first page of a TIFF alone.
        strict: refuse data with files that cannot be used.
        flip: mirror training pictures at random.
        shift: move training pictures by up to so many pixels at random.
        held_out: the share of samples that are kept for the numbers, see :func:`load`.
        alpha: keep transparency as a fourth channel; by default pictures are put on white.
        start_from: a run whose networks this one begins with: its recipe and size (by default) and its widths, other
            data; or ``clothes``, networks that come with gansmith; or ``scratch``, none (default: ``clothes`` for
            ``photos`` of 64 pixels in color, otherwise none).
        arguments: the recipe's own.

    Raises:
        ValueError: data, arguments or folder cannot be used; what is needed, what came, and the cure. Before the first
            step no folder is left.
        FloatingPointError: training diverged; the last good state is kept.

    Example:
        ``gansmith.train("ogan", data="photos/", minutes=10, gamma=0.1).sample(16)``
    """
    starting.check_word(start_from)
    if starting.is_given(start_from):
        recipe = starting.recipe_of(start_from) if recipe is None else recipe
        loaded_already = isinstance(data, Dataset) or isinstance(recipe, Experiment)
        size, alpha = (size, alpha) if loaded_already else starting.form_of(start_from, size, alpha)
    selection = Selection(
        "digits", size, labels, limit, crop, flip, shift, label_column, value_range, first_page, held_out, alpha
    )
    folder = new_folder(out)
    recipe = fitting_recipe(data, selection, strict) if recipe is None else as_recipe(recipe)
    check_request(recipe, steps, minutes, seed, checkpoint_every)
    dataset, loaded = chosen_data(recipe, data, selection, strict, minutes)
    own = flags.defaults(recipe.function) | flags.chosen(recipe.function, arguments)
    if steps is not None:
        own["steps"] = steps
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    if minutes is not None:
        free = loaded if size is None else None
        plan = planned(recipe, dataset, free, own, (seed, device, precision), minutes, strict, start_from)
        dataset, loaded, own["steps"] = plan.data, plan.selection or loaded, plan.steps
    for line in dataset.notes:
        print(line)
    training = begin(recipe, dataset, own, seed, str(device), precision)
    record: dict[str, Any] = {
        "recipe": recipe.name,
        "arguments": {"steps": training.experiment.stages[-1].steps} | own,
        "seed": seed,
        "data": record_of_data(dataset, loaded),
        "device": str(training.device),
        "precision": _precision(training),
    }
    with refusals():
        begun_with = starting.usual(training, recipe) if start_from is None else start_from
        if begun_with is not None and starting.is_given(begun_with):
            record["from"] = starting.start_from(training, begun_with)
    if recipe.python:
        record["python"] = True
    if recipe.source is not None:
        record["file"] = {"function": recipe.name, "sha256": digest(recipe.source)}
    if folder is None:
        run = RunFolder.create_numbered(Path("runs"), f"{recipe.name}-{dataset.name}", record, recipe.source)
    else:
        run = RunFolder.create(folder, record, recipe.source)
    _print_start(training, run, dataset)
    with run.held():
        try:
            _list_skipped(run, dataset)
            return _go_on(training, run, checkpoint_every, deadline)
        except FloatingPointError:
            raise
        except Exception:
            if (training.number, training.step) == (0, 0):
                discard(run)
            raise


def _plain(data: Dataset) -> int:
    """How many pictures show nothing; only those whose corners are alike are looked at."""
    if not data.is_images:
        return 0
    alike = (data.x[..., 0, 0] == data.x[..., -1, -1]).all(1).nonzero()[:, 0]
    parts = (data.x[index] for index in alike.split(500))
    return sum(int((part == part[..., :1, :1]).flatten(1).all(1).sum()) for part in parts)


def _list_skipped(run: RunFolder, data: Dataset) -> None:
    """Names every file that could not be used, with the reason, in a table of the run."""
    if not data.skipped:
        return
    text, path = io.StringIO(newline=""), run.path / "skipped.csv"
    csv.writer(text).writerows([("file", "reason"), *data.skipped.items()])
    try:
        with atomic(path) as file:
            file.write(text.getvalue().encode("utf-8", "replace"))
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror}") from error


def resume(
    path: str | Path,
    *,
    steps: int | None = None,
    more: int | None = None,
    minutes: float | None = None,
    data: str | Path | Dataset | None = None,
    labels: str | None = None,
    device: str | None = None,
    checkpoint_every: float | None = None,
    trust: bool = False,
    recipe: AnyRecipe | None = None,
) -> Run:
    """Goes on where a run stopped or was killed, to the same bits; the same as ``gansmith resume``.

    Arguments:
        path: the run folder.
        steps: go on to this step instead of the one that was asked for.
        more: go on for so many steps from here instead.
        minutes: go on about this long from here instead; the steps are planned from some that are thrown away.
        data: where the data lie now, if they were moved; or the dataset, where it was made in Python.
        labels: where the file of labels lies now, if it was moved.
        device: in place of the one that the run began on.
        checkpoint_every: seconds between checkpoints (default: 20; more where they are so large that more than 2 GB an
            hour would be written).
        trust: run the recipe file that the run was made with.
        recipe: what the run was trained from, where that was made in Python.

    Raises:
        ValueError: the run or its data cannot be used.
        FloatingPointError: training diverged; the last good state is kept.
    """
    check_length(steps, more, minutes)
    run = open_folder(path)
    with run.held():
        remove_parts(run.path)
        source, arguments = recipe_of(run, trust, recipe), dict(run.record["arguments"])
        state = None if never_saved(run) else newest(run)
        given = data if source.experiment is None else source.experiment.stages[-1].data
        moved = None if given is None or isinstance(given, Dataset) else str(given)
        dataset = same_data(run, given) if isinstance(given, Dataset) else data_of(run, moved, labels)
        device = run.record["device"] if device is None else device
        if state is not None:
            check_sizes(source, run, arguments, state)
        how = run.record["seed"], device, run.record["precision"]
        deadline = None if minutes is None else time.monotonic() + 60 * minutes
        if minutes is not None:
            _, more = tried_steps(source, dataset, arguments, how, minutes)
        if more is not None:
            steps = steps_done(state) + more
        arguments["steps"] = steps_at(run, steps_done(state)) if steps is None else steps
        training = begin(source, dataset, arguments, *how)
        if state is not None:
            take_up(training, state, run)
        elif "from" in run.record:
            starting.start_again(training, run.record["from"])
        if more is not None and training.number < len(training.experiment.stages) - 1:
            raise Refusal(f"more and minutes are of the last stage, but {run.path} is in an earlier one: give steps")
        last = training.experiment.stages[-1].steps
        if training.step > training.stage.steps:
            raise Refusal(f"{run.path} is at step {training.step:,} already: it needs --steps of at least that")
        if training.done and run.record["status"] == "finished":
            print(f"{run.path} is finished, at step {last:,}; --more N or --minutes M trains on")
            return Run(run, training)
        print(f"resumed at step {training.step}")
        _warn_of_another_machine(run)
        pace: dict[str, Any] = {} if steps is None else {"pace": []}
        run.update(status="running", arguments=arguments, device=str(training.device), **pace)
        if moved is not None or labels is not None:
            where = Selection.of(run.record["data"]).moved(moved or run.record["data"]["source"])
            run.update(data=replace(where, labels=labels or where.labels).record(dataset))
        with _blaming_the_checkpoint(training, run, source):
            return _go_on(training, run, checkpoint_every, deadline)


@contextmanager
def _blaming_the_checkpoint(training: Training, run: RunFolder, recipe: Recipe) -> Iterator[None]:
    """What fails in the first step after a resume, in a recipe that is ours, fails by what the checkpoint holds.

    Only steps tell whether an optimizer takes a state: each kind has its own. An error in the user's own recipe is
    shown as what it is.
    """
    begun = training.number, training.step
    try:
        yield
    except (AssertionError, TypeError, ValueError, RuntimeError, LookupError, AttributeError, ArithmeticError) as error:
        ours = recipe.ours and not isinstance(error, torch.OutOfMemoryError)
        if isinstance(error, (Refusal, FloatingPointError)) or not ours or (training.number, training.step) != begun:
            raise
        raise Refusal(
            f"{run.checkpoint} cannot be gone on from ({one_line(error)}): it is damaged, or of another torch"
        ) from error


def _go_on(training: Training, run: RunFolder, seconds: float | None, deadline: float | None = None) -> Run:
    """Trains to the end, and sums up; whatever happens, the record says how the run stands."""
    begun, before = time.perf_counter(), float(run.record.get("seconds", 0))
    try:
        with refusals():
            run_training(training, _hooks(training, run, seconds, deadline))
            run.update(seconds=round(before + time.perf_counter() - begun, 1), step=training.step)
            if training.done:
                _sum_up(training, run)
                return Run(run, training)
    except BaseException as error:
        diverged = isinstance(error, Diverged)
        _leave(run, "diverged" if diverged else "stopped")
        if diverged:
            kept = f"; the last good state is kept in {run.path}" if run.checkpoint.exists() else ""
            raise FloatingPointError(f"{error}{kept}: try a smaller learning rate") from error
        raise
    _leave(run, "stopped")
    print(f"stopped at step {training.step} and saved; go on by: gansmith resume {shlex.quote(str(run.path))}")
    return Run(run, training)


def _sum_up(training: Training, run: RunFolder) -> None:
    print(f"measuring, with {counted(len(training.stage.data.held_out), 'held-out sample')} ...", flush=True)
    seconds, where = run.record["seconds"], f"{run.record['device']}, {run.record['precision']}"
    facts = [f"{counted(training.step, 'step')} in {seconds:.0f} s, {where}"]
    numbers = summary.summarize(training, run, facts)
    run.update(status="finished")
    for line in [*facts, *sentences(numbers), *judged(run.path, run.record, numbers).lines()]:
        print(line)
    print(f"look at {write_report(run.path)}")


def _leave(run: RunFolder, status: str) -> None:
    """The record and the page of a run that did not come to its end."""
    with suppress(Refusal, OSError):  # where a disk is full, that was said already
        run.update(status=status)
        write_report(run.path)


def _hooks(training: Training, run: RunFolder, seconds: float | None, deadline: float | None) -> list[Hook]:
    def draw(now: Training) -> None:
        _check_samples(now)
        gallery.draw_exhibits(now, run.path, during=True)

    every = max(1, planned_rounds(run, sum(stage.steps for stage in training.experiment.stages)) // 1000)
    monitor = Monitor(run.path / "monitor.jsonl")
    hooks: list[Hook] = [Bar(), Log(run.log, every=every), monitor, Gallery(draw), Checkpoint(run.checkpoint, seconds)]
    hooks = [Growth(run), *hooks] if can_grow(training) else hooks
    return [Pace(run, deadline), *hooks] if can_change(training, run) else hooks


def _check_samples(training: Training) -> None:
    """Finite weights can be so large that samples are not: the next loss would be infinite.

    A game that cannot be looked at trains on; that is said where its pictures are drawn.
    """
    if not isinstance(training.average, Samples):
        return
    try:
        finite = bool(fixed_samples(training, 16).isfinite().all())
    except Exception:
        return
    if not finite:
        raise Diverged(["samples"], "generator", training.step)


def _precision(training: Training) -> str:
    return "float32" if training.autocast is None else "bfloat16"


def _print_start(training: Training, run: RunFolder, data: Dataset) -> None:
    what, shape = "image" if data.is_images else "vector", "x".join(map(str, data.shape))
    split = f"{counted(len(data.train), f'training {what}')} of {shape}, {len(data.held_out):,} held out"
    print(f"{run.record['recipe']} on {data.name}: {split}")
    if len(data) > 1 and all(bool((part == data.x[:1]).all()) for part in data.x.split(500)):
        print(f"all {counted(len(data), what)} are the same: there is nothing to learn but to repeat it")
    elif plain := _plain(data):
        print(f"{plain:,} of {counted(len(data), 'image')} {'is' if plain == 1 else 'are'} of one color all over")
    if run.record.get("from", {}).get("run") == packaged.NAME:
        print("begins with networks that have learned clothes; --from scratch begins without them")
    print(f"{training.device}, {_precision(training)}, {counted(torch.get_num_threads(), 'thread')}; into {run.path}")


DECIDES = ("torch", "processor", "instructions", "onednn", "threads", "gpu")
"""What of a machine changes bits; of an older run some of it is not known."""


def _warn_of_another_machine(run: RunFolder) -> None:
    before, now = run.record["machine"], machine()
    other = [f"{key} ({before[key]}, now {now[key]})" for key in DECIDES if key in before and before[key] != now[key]]
    if other:
        line = f"{', '.join(other)} changed since the run began: it goes on, but not to the same bits"
        print(one_line(line), file=sys.stderr)
