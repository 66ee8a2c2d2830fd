"""From a recipe and its arguments to a training, and from a run folder back to one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gansmith.chance import one_at_a_time
from gansmith.data import Dataset
from gansmith.data.files import one_line
from gansmith.data.scale import Scale
from gansmith.data.selection import Selection
from gansmith.data.sources import is_named
from gansmith.disk.folders import folder_of
from gansmith.dynamics.checks import check_players
from gansmith.refusal import Refusal, out_of_memory, refusals
from gansmith.runs import flags, lookup
from gansmith.runs.folder import RunFolder
from gansmith.runs.lookup import AnyRecipe, Recipe
from gansmith.training import checkpoint
from gansmith.training.experiment import Experiment
from gansmith.training.loop import Training
from gansmith.training.state import State

THEN = {"photos": {"every": 1, "adaptive": False}}
"""Of recipes, what was so before there was an argument for it, where its default is another: older records lack it."""
DEVICES = r"auto|cpu|mps|(cuda|xpu)(:\d{1,3})?"


def begin(
    recipe: Recipe, data: Dataset, arguments: Mapping[str, Any], seed: int, device: str, precision: str
) -> Training:
    """A training at its beginning.

    Raises:
        Refusal: arguments that the recipe does not take, or nothing can be built with; too few samples for a batch.
    """
    flags.check(recipe.function, arguments)
    if not re.fullmatch(DEVICES, device):
        raise Refusal(f"no device {device!r}: use auto, cpu, cuda, cuda:1, mps or xpu")
    with _applying(recipe), one_at_a_time:
        torch.manual_seed(seed)
        experiment = recipe.function(data, **arguments)
        if not isinstance(experiment, Experiment) or not experiment.stages:
            raise Refusal(f"a recipe returns an Experiment, but {recipe.name} returned {type(experiment).__name__}")
        for stage in experiment.stages:
            check_players(stage.game.players(), stage.dynamics.optimizers, stage.dynamics.pull)
            if len(stage.data):
                stage.data.batch(seed, 0, stage.batch)  # too few samples for a batch is said now
        return Training(experiment, seed=seed, device=device, precision=precision)


def open_folder(path: str | Path) -> RunFolder:
    """A run folder whose record can be used.

    Raises:
        Refusal: it cannot.
    """
    run = RunFolder.open(folder_of(str(path)))
    if not flags.is_seed(run.record["seed"]):
        raise Refusal(f"{run.path / 'run.json'} is damaged: it needs a proper 'seed'")
    if "file" not in run.record and not run.record.get("python"):
        arguments = run.record["arguments"]
        run.record["arguments"] = THEN.get(run.record["recipe"], {}) | arguments
    return run


def recipe_of(run: RunFolder, trust: bool, source: AnyRecipe | None = None) -> Recipe:
    """The recipe that a run was made with; the user's own file is run only where they trust it.

    Arguments:
        run: its record names the recipe.
        trust: whether a recipe file in the run may run.
        source: taken in its place, where a run was made in Python by code that is in no file.

    Raises:
        Refusal: there is none, it is not trusted, or its file was changed.
    """
    if source is not None:
        return lookup.as_recipe(source)
    record = run.record.get("file")
    if run.record.get("python"):
        raise Refusal(
            f"{run.path} was trained from {run.record['recipe']!r}, which was made in Python: open it there, with the "
            "same code as recipe=... of gansmith.load_run or gansmith.resume"
        )
    if record is None:
        return lookup.built_in(run.record["recipe"])
    file = run.path / "recipe.py"
    if not trust:
        raise Refusal(
            f"{run.path} was made with a recipe file; read {file}, then add --trust (in Python trust=True) to run it"
        )
    return lookup.from_file(file, record["function"], record["sha256"])


def newest(run: RunFolder) -> State:
    """The newest whole state of a run; says where it is not the newest one written.

    Raises:
        Refusal: there is none.
    """
    with refusals():
        state, fell_back = checkpoint.load_newest(run.checkpoint)
    if fell_back:
        print(f"gansmith: {one_line(fell_back)}", file=sys.stderr)
    return state


def steps_done(state: State | None) -> int:
    """The steps of the last stage that a saved state has behind it.

    Raises:
        Refusal: it names no step.
    """
    step = 0 if state is None else state.get("step")
    if type(step) is not int or step < 0:
        raise Refusal(f"the checkpoint is damaged: it names step {step!r:.40}")
    return step


def check_sizes(
    recipe: Recipe, run: RunFolder, arguments: Mapping[str, Any], state: State, file: Path | None = None
) -> None:
    """Before networks are built: a record from anywhere may ask for any size, and the checkpoint tells the right ones.

    A recipe of the user's own, which is trusted, may read more of its data than their shape, and is not tried.

    Raises:
        Refusal: the networks of the record are others than those of the state.
    """
    if not recipe.ours:
        return
    flags.check(recipe.function, arguments)
    with _applying(recipe), torch.device("meta"):
        stages = recipe.function(without_samples(run.record["data"]), **arguments).stages
    number = state.get("stage")
    if type(number) is int and 0 <= number < len(stages):  # another one is told of later
        needed, saved = (_shapes(each) for each in (stages[number].game.state_dict(), state.get("game")))
        if needed != saved:
            file = run.checkpoint if file is None else file
            raise Refusal(f"{file} does not fit {run.path / 'run.json'}: it is of another experiment")


def _shapes(state: object) -> dict[str, tuple[int, ...]]:
    items = state.items() if isinstance(state, Mapping) else ()
    return {str(name): tuple(value.shape) for name, value in items if isinstance(value, torch.Tensor)}


def take_up(training: Training, state: State, run: RunFolder, file: Path | None = None) -> None:
    """Brings a training to a saved state; :func:`check_sizes` comes before it is built.

    Arguments:
        training: at its beginning.
        state: what was saved.
        run: whose it is.
        file: where the state was read (default: the checkpoint).

    Raises:
        Refusal: the state is that of another experiment.
    """
    file = run.checkpoint if file is None else file
    try:
        training.load_state_dict(state)
        fits = training.step >= 0 and 0 <= training.number < len(training.experiment.stages)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
        reason = f" ({one_line(error)})" if isinstance(error, ValueError) else ""
        raise Refusal(f"{file} does not fit {run.path / 'run.json'}: it is of another experiment{reason}") from error
    if not fits:
        raise Refusal(f"{file} is damaged: it names step {training.step} of stage {training.number}")


def best(run: RunFolder) -> State:
    """The state of a run whose samples came nearest to the training pictures.

    Raises:
        Refusal: there is none.
    """
    if not run.best.exists():
        raise Refusal(
            f"{run.path} keeps no best state: one is kept from half of the rounds on, of runs on at least a hundred "
            "pictures; leave --best out"
        )
    with refusals():
        return checkpoint.load(run.best)


def opened(
    run: RunFolder, device: str, trust: bool, source: AnyRecipe | None = None, *, at_best: bool = False
) -> Training:
    """A run's training at its newest state, or its best one, without its data: for what looks at a trained game.

    Raises:
        Refusal: its parts do not fit.
    """
    recipe, state, record = recipe_of(run, trust, source), best(run) if at_best else newest(run), run.record
    data, arguments, file = without_samples(record["data"]), record["arguments"], run.best if at_best else None
    check_sizes(recipe, run, arguments, state, file)
    training = begin(recipe, data, arguments, record["seed"], device, "float32")
    take_up(training, state, run, file)
    return training


def data_of(run: RunFolder, moved: str | None, labels: str | None = None) -> Dataset:
    """The data that a run was trained on.

    Arguments:
        run: its record says what and how.
        moved: where they lie now, if elsewhere; a file of labels that lay among them is looked for there.
        labels: where the file of labels lies now, if elsewhere.

    Raises:
        Refusal: they are not where they were, or their content is another.
    """
    record = run.record["data"]
    selection = Selection.of(record)
    if moved is not None:
        selection = selection.moved(moved)
    if labels is not None:
        selection = replace(selection, labels=labels)
    cure = "" if moved or is_named(selection.source) else " (if the data were moved, name them by --data)"
    python = "; give the dataset that it was trained on, by gansmith.resume(path, data=dataset)"
    with refusals(cure=python if "digest" in record else cure):
        data = selection.load().with_scale(Scale.from_record(record.get("scale")))
    if "digest" in record:
        if data.digest() != record["digest"]:
            raise Refusal(f"{selection.source} as it is loaded is not what {run.path} was trained on{python}")
    elif data.fingerprint != record["fingerprint"]:
        raise Refusal(f"{selection.source} is not what {run.path} was trained on: name the same data by --data")
    return data


def same_data(run: RunFolder, data: Dataset) -> Dataset:
    """A dataset that was made in Python, where a run was trained on it.

    Raises:
        Refusal: the run was trained on another.
    """
    record = run.record["data"]
    data = data.with_scale(Scale.from_record(record.get("scale")))
    same = data.digest() == record["digest"] if "digest" in record else data.fingerprint == record["fingerprint"]
    if not same:
        raise Refusal(f"{run.path} was trained on other data than the dataset that was given: give the same")
    return data


def without_samples(record: dict[str, Any]) -> Dataset:
    """A dataset of the same shape and classes without samples: what a run needs to be opened."""
    shape, none = tuple(record["shape"]), torch.empty(0, dtype=torch.int64)
    return Dataset(
        name=record["name"],
        x=torch.empty(0, *shape, dtype=torch.uint8 if len(shape) == 3 else torch.float32),
        y=None if record.get("classes") is None else none,
        train=none,
        held_out=none,
        content=None if record["content"] is None else tuple(record["content"]),
        source=record["source"],
        fingerprint=record["fingerprint"],
        notes=(),
        class_names=tuple(record.get("class_names", ())),
        classes=record.get("classes"),
        deep_range=record.get("deep_range") and tuple(record["deep_range"]),
        masks=record.get("masks", True),  # older records do not say; then each picture says it
        scale=Scale.from_record(record.get("scale")),
    )


@contextmanager
def _applying(recipe: Recipe) -> Iterator[None]:
    """The seam where a recipe meets its arguments: what a built-in one cannot build, the arguments are to blame for.

    An error in the user's own file is shown as what it is: file, line and message.
    """
    file = None if recipe.source is None else Path(recipe.function.__code__.co_filename)
    try:
        yield
    except Exception as error:
        if out_of_memory(error):
            raise
        line = None if file is None else lookup.line_of(error, file)
        if line is not None and isinstance(error, Refusal):
            raise Refusal(f"{error} ({file}, line {line})") from error
        if line is not None:
            raise Refusal(f"{file}, line {line}: {type(error).__name__}: {error}") from error
        if isinstance(error, ValueError):
            raise error if isinstance(error, Refusal) else Refusal(str(error)) from error
        if not isinstance(error, (RuntimeError, OverflowError)):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Refusal(f"{recipe.name} cannot be built with such numbers, take smaller ones: {reason}") from error
