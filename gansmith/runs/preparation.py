"""Before a run: which data and how, whether the request can be met, and how many steps fit into a time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from gansmith.counting import counted
from gansmith.data import Dataset
from gansmith.data.selection import Selection
from gansmith.disk.log import read_log
from gansmith.exhibits import EXHIBITS
from gansmith.refusal import Refusal, refusals
from gansmith.runs import flags
from gansmith.runs.folder import RunFolder
from gansmith.runs.lookup import Recipe
from gansmith.runs.opening import begin
from gansmith.training import checkpoint
from gansmith.training.planning import steps_within


def chosen_data(
    recipe: Recipe, data: str | Path | Dataset | None, selection: Selection, strict: bool
) -> tuple[Dataset, dict[str, Any]]:
    """The data to train on, and what the record says of them."""
    if recipe.experiment is not None and data is not None:
        raise Refusal("needs data or an experiment, but got both: an experiment has data of its own, in its stages")
    made = data if recipe.experiment is None else recipe.experiment.stages[-1].data
    if isinstance(made, Dataset):
        if selection != Selection("digits"):
            raise Refusal(
                "size, labels, limit, crop, flip and shift say how data are loaded, but a dataset is loaded already: "
                "give them to gansmith.load, or name the data by their path"
            )
        return made, Selection.like(made).record(made) | {"digest": made.digest()}
    if made is not None and not isinstance(made, (str, Path)):
        raise Refusal(f"needs data as a name, a path or a Dataset, but got {type(made).__name__}: save it as .npy")
    if made is not None:
        selection = replace(selection, source=str(made))
    with refusals():
        dataset = selection.load(strict)
    return dataset, selection.record(dataset)


def check_request(recipe: Recipe, steps: int | None, minutes: float | None, seed: int, checkpoint_every: float) -> None:
    """What the command line's flags refuse."""
    if steps is not None and minutes is not None:
        raise Refusal("needs steps or minutes, but got both: minutes plan the steps")
    for name, value in (("minutes", minutes), ("checkpoint_every", checkpoint_every)):
        if value is not None and not 0 < value <= flags.LARGEST:
            raise Refusal(f"needs {name} above 0, but got {value}")
    if not flags.is_seed(seed):
        raise Refusal(f"needs a seed from 0 to 2^63 - 1, a whole number, but got {seed!r}")
    if recipe.experiment is not None and any(stage.dynamics.steps for stage in recipe.experiment.stages):
        raise Refusal(
            "needs an experiment at its beginning, but this one was trained already: build it anew, or go on with its "
            "run by gansmith.resume"
        )


def planned_steps(
    recipe: Recipe, data: Dataset, arguments: dict[str, Any], how: tuple[int, str, str], minutes: float
) -> int:
    """How many steps of a recipe fit into minutes on this machine, by a trial that is thrown away."""
    if recipe.experiment is not None:
        raise Refusal("minutes plan the steps of a recipe, but an experiment has steps of its own: set those")
    trial = begin(recipe, data, arguments, *how)
    with refusals():
        steps = steps_within(trial, 60 * minutes)
    print(f"{counted(minutes, 'minute')} {'is' if minutes == 1 else 'are'} about {counted(steps, 'step')} here")
    return steps


def never_saved(run: RunFolder) -> bool:
    """Whether a run was killed before its first checkpoint: it begins anew, as its record says."""
    files = (run.checkpoint, checkpoint.previous(run.checkpoint))
    return "step" not in run.record and not any(file.exists() for file in files) and not read_log(run.log)


OWN_FILES = (
    *("run.json", "recipe.py", "log.jsonl", "monitor.jsonl", "checkpoint.pt", "checkpoint.previous.pt"),
    *("report.html", "skipped.csv", *(f"{exhibit.name}/000000.png" for exhibit in EXHIBITS)),
)
"""What a run writes before its first step."""


def discard(run: RunFolder) -> None:
    """Removes a run that was refused before its first step; a folder stays where something of the user's is in it."""
    for name in OWN_FILES:
        with suppress(OSError):
            (run.path / name).unlink()
    for folder in (*(run.path / exhibit.name for exhibit in EXHIBITS), run.path):
        with suppress(OSError):
            folder.rmdir()
