"""Before a run: which data and how, whether the request can be met, and how many steps fit into a time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gansmith.counting import counted
from gansmith.data import Dataset
from gansmith.data.selection import Selection
from gansmith.disk.folders import folder_of, refuse_existing
from gansmith.disk.log import read_log
from gansmith.exhibits import EXHIBITS
from gansmith.refusal import Refusal, refusals
from gansmith.runs import flags
from gansmith.runs.choosing import OTHERS, PHOTOS, USUAL, other_size, reason, recipe_for, rounds_needed
from gansmith.runs.folder import RunFolder
from gansmith.runs.lookup import Recipe, built_in
from gansmith.runs.opening import begin
from gansmith.runs.starting import usual
from gansmith.sides import MEDIAN, written
from gansmith.training import checkpoint
from gansmith.training.loop import Training
from gansmith.training.planning import steps_within

GRAY = ("digits", "ring", "grid", "mnist", "fashion-mnist")
"""Data without color, of which that is known before they are loaded."""


def fitting_recipe(data: str | Path | Dataset | None, selection: Selection, strict: bool) -> Recipe:
    """The recipe for data where none was named."""
    if isinstance(data, Dataset):
        return built_in(recipe_for(data))
    selection = _named(data, selection)
    if selection.source in GRAY:
        return built_in(OTHERS)
    with refusals():
        return built_in(recipe_for(selection.load(strict, largest=USUAL)))


def new_folder(out: str | Path | None) -> Path | None:
    """The folder that was asked for.

    Raises:
        Refusal: it exists.
    """
    folder = None if out is None else folder_of(str(out))
    if folder is not None:
        refuse_existing(folder, "--out, or gansmith resume it")
    return folder


def chosen_data(
    recipe: Recipe, data: str | Path | Dataset | None, selection: Selection, strict: bool, minutes: float | None = None
) -> tuple[Dataset, Selection | None]:
    """The data to train on, and how they were loaded; None where they were loaded before.

    Pictures whose size nobody said are 64 pixels large for `photos`, and where a size is chosen for the minutes.
    """
    if recipe.experiment is not None and data is not None:
        raise Refusal("needs data or an experiment, but got both: an experiment has data of its own, in its stages")
    made = data if recipe.experiment is None else recipe.experiment.stages[-1].data
    if isinstance(made, Dataset):
        if selection != Selection("digits"):
            raise Refusal(
                "size, labels, limit, crop, flip, shift, held_out and alpha say how data are loaded, but a dataset is "
                "loaded already: give them to gansmith.load, or name the data by their path"
            )
        return made, None
    usual = recipe.name == PHOTOS or (minutes is not None and recipe.ours)
    return _loaded(_named(made, selection), strict, USUAL if usual else None)


def _named(data: object, selection: Selection) -> Selection:
    """The selection of data that are named, where they are."""
    if data is not None and not isinstance(data, (str, Path)):
        raise Refusal(f"needs data as a name, a path or a Dataset, but got {type(data).__name__}: save it as .npy")
    return selection if data is None else replace(selection, source=str(data))


def _loaded(selection: Selection, strict: bool, largest: int | None) -> tuple[Dataset, Selection]:
    """Data, and the selection that loads them again, with the size where that was chosen here."""
    with refusals():
        dataset = selection.load(strict) if largest is None else selection.load(strict, largest)
    chosen = selection.size == MEDIAN or (selection.size is None and largest is not None)
    if dataset.is_images and chosen:
        selection = replace(selection, size=written(dataset.sides))
    return dataset, selection


def record_of_data(data: Dataset, selection: Selection | None) -> dict[str, Any]:
    """What the record of a run says of its data."""
    if selection is None:
        return Selection.like(data).record(data) | {"digest": data.digest()}
    return selection.record(data)


def check_length(steps: int | None, more: int | None, minutes: float | None) -> None:
    """How long a run shall take is said in one way.

    Raises:
        Refusal: in several, or by a number that is none.
    """
    given = {"steps": steps, "more": more, "minutes": minutes}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise Refusal(f"needs one of steps, more and minutes, but got {' and '.join(names)}: each says how long")
    for name in ("steps", "more"):
        value = given[name]
        if value is not None and (type(value) is not int or not 1 <= value <= flags.LARGEST):
            raise Refusal(f"needs a whole number from 1 to {flags.LARGEST:,} for {name}, but got {value!r}")
    if minutes is not None and not 0 < minutes <= flags.LARGEST:
        raise Refusal(f"needs minutes above 0, but got {minutes}")


def check_request(
    recipe: Recipe, steps: int | None, minutes: float | None, seed: int, checkpoint_every: float | None
) -> None:
    """What the command line's flags refuse."""
    check_length(steps, None, minutes)
    if checkpoint_every is not None and not 0 < checkpoint_every <= flags.LARGEST:
        raise Refusal(f"needs checkpoint_every above 0, but got {checkpoint_every}")
    if not flags.is_seed(seed):
        raise Refusal(f"needs a seed from 0 to 2^63 - 1, a whole number, but got {seed!r}")
    if recipe.experiment is not None and any(stage.dynamics.steps for stage in recipe.experiment.stages):
        raise Refusal(
            "needs an experiment at its beginning, but this one was trained already: build it anew, or go on with its "
            "run by gansmith.resume"
        )


@dataclass(frozen=True)
class Plan:
    """A recipe on data, for so many rounds."""

    data: Dataset
    selection: Selection | None
    steps: int
    learned: bool = False
    """Whether its networks begin with what others have learned."""

    @property
    def enough(self) -> bool:
        """Whether so many rounds make something of pictures of this size."""
        return self.steps >= rounds_needed(self.data.shape[-1], self.learned)

    def other_size(self) -> int | None:
        """The side to try instead, if any."""
        return other_size(self.data.shape[-1], self.steps, self.learned)


def planned(
    recipe: Recipe,
    data: Dataset,
    selection: Selection | None,
    arguments: dict[str, Any],
    how: tuple[int, str, str],
    minutes: float,
    strict: bool = False,
    start_from: str | Path | None = None,
) -> Plan:
    """How many rounds of a recipe fit into minutes on this machine, by a trial that is thrown away.

    Where a recipe of ours was given no size of pictures, one is chosen for which they are enough.

    Arguments:
        recipe: what to train.
        data: on what.
        selection: how they were loaded; None where a size cannot be chosen any more.
        arguments: the recipe's.
        how: seed, device and precision.
        minutes: the time there is.
        strict: whether files that cannot be decoded are errors.
        start_from: what the networks shall begin with, where something was said.
    """

    def fitting(data: Dataset, selection: Selection | None) -> Plan:
        trial, steps = tried_steps(recipe, data, arguments, how, minutes)
        with refusals():
            return Plan(data, selection, steps, start_from is None and usual(trial, recipe) is not None)

    first = fitting(data, selection)
    if not recipe.ours or selection is None or not data.is_images:
        return first
    tried = {data.shape[-1]: first}
    size = first.other_size()
    while size is not None and size not in tried:
        if size > max(tried) and max(tried) < USUAL:  # the pictures are no larger
            break
        try:
            data, chosen = _loaded(replace(selection, size=None), strict, size)
            if data.shape[-1] in tried:  # the pictures are no larger
                break
            print(f"{size} px instead:")
            tried[size] = fitting(data, chosen)
        except Refusal as refusal:
            print(f"{size} px cannot be tried: {refusal}")
            break
        size = tried[size].other_size()
    fits = [size for size, plan in tried.items() if plan.enough]
    best = max(fits) if fits else min(tried)
    if len(tried) > 1 or max(tried) >= USUAL:
        print(reason(best, tried[best].steps, minutes, tried[best].learned))
    return tried[best]


def tried_steps(
    recipe: Recipe, data: Dataset, arguments: dict[str, Any], how: tuple[int, str, str], minutes: float
) -> tuple[Training, int]:
    """How many steps of a recipe fit into minutes on this machine, and the trial that told, which is thrown away."""
    if recipe.experiment is not None:
        raise Refusal("minutes plan the steps of a recipe, but an experiment has steps of its own: set those")
    print(f"a few rounds to plan {counted(minutes, 'minute')}:", flush=True)
    trial = begin(recipe, data, arguments, *how)
    with refusals():
        steps = steps_within(trial, 60 * minutes)
    print(f"{counted(minutes, 'minute')} {'is' if minutes == 1 else 'are'} about {counted(steps, 'step')} here")
    return trial, steps


def never_saved(run: RunFolder) -> bool:
    """Whether a run was killed before its first checkpoint: it begins anew, as its record says."""
    files = (run.checkpoint, checkpoint.previous(run.checkpoint))
    return "step" not in run.record and not any(file.exists() for file in files) and not read_log(run.log)


OWN_FILES = (
    *("run.json", "recipe.py", "log.jsonl", "monitor.jsonl", "growth.jsonl", "checkpoint.pt"),
    *("checkpoint.previous.pt", "report.html", "skipped.csv", *(f"{exhibit.name}/000000.png" for exhibit in EXHIBITS)),
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
