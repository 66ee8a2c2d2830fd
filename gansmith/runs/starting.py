"""Beginning a run with the networks of another one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from torch import Tensor

from gansmith.data.files import one_line
from gansmith.games.base import Game
from gansmith.refusal import Refusal
from gansmith.runs import packaged
from gansmith.runs.lookup import Recipe
from gansmith.runs.opening import newest, open_folder, steps_done
from gansmith.sides import written
from gansmith.training import checkpoint
from gansmith.training.loop import Training
from gansmith.training.state import State, versioned

HISTORY = re.compile(r"(beside\.\d+\.)?objective\.|augment\.")
"""Entries of a game that belong to its loss or to its augmentation, which begin anew."""
PREFIX = "module."
"""Of the entries of a saved average."""


def recipe_of(path: str | Path) -> str:
    """The name of the recipe of a run that another one begins with.

    Raises:
        Refusal: there is no such run, or its recipe comes from a file or from Python.
    """
    if path == packaged.NAME:
        return packaged.RECIPE
    run = open_folder(path)
    if "file" in run.record or run.record.get("python"):
        raise Refusal(
            f"{run.path} was trained from {run.record['recipe']!r}, a recipe of your own: name it, as in "
            "gansmith train path/to/file.py:function --from RUN"
        )
    return str(run.record["recipe"])


def is_given(path: str | Path | None) -> TypeGuard[str | Path]:
    """Whether a run is named to begin with, and not that there shall be none."""
    return path is not None and path != packaged.SCRATCH


def check_word(path: str | Path | None) -> None:
    """What was asked for means one thing.

    Raises:
        Refusal: it is one of our words, and there is a run folder of this name.
    """
    if path in (packaged.NAME, packaged.SCRATCH) and (Path(path) / "run.json").exists():
        raise Refusal(f"{str(path)!r} is a word of --from, and a run folder here: name the folder ./{path}")


def usual(training: Training, recipe: Recipe) -> str | None:
    """What a run begins with where nothing was said: the networks of clothes where it has the same, or nothing."""
    if not recipe.ours or recipe.name != packaged.RECIPE or training.stage.data.shape != packaged.SHAPE:
        return None
    fits = _shapes(_networks(training.game.state_dict())) == _shapes(packaged.networks()[0])
    return packaged.NAME if fits else None


def form_of(path: str | Path, size: int | str | None, alpha: bool) -> tuple[int | str | None, bool]:
    """Size and alpha of pictures, where none was asked for those of the run that another one begins with."""
    if path == packaged.NAME:
        return packaged.SIZE if size is None else size, alpha
    shape = open_folder(path).record["data"]["shape"]
    if len(shape) != 3:
        return size, alpha
    return written((shape[1], shape[2])) if size is None else size, alpha or shape[0] == 4


def start_from(training: Training, path: str | Path) -> dict[str, Any]:
    """Gives a training at its beginning the weights of another run's networks: of its game, and of its average.

    Optimizers, rates and the objective's history begin anew; the average begins there, and from the first step on it
    follows the game as that of any new run does. Nothing of the other run is executed.

    Arguments:
        training: at its beginning.
        path: the folder of a run, or ``clothes`` for the networks that come with gansmith.

    Returns:
        What the record says of it: where it lies, the digest of what was taken, and how many pictures it had seen.

    Raises:
        Refusal: there is no such run, or its networks are others.
    """
    taken: dict[str, State]
    versions: Mapping[str, Any] | None = None
    if path == packaged.NAME:
        networks, seen = packaged.networks()
        where, taken = packaged.NAME, {"game": networks, "average": networks}
    else:
        run = open_folder(path)
        where, state = str(run.path.resolve()), newest(run)
        seen, versions = _seen(run.record, steps_done(state)), state.get("versions")
        taken = {"game": _networks(state.get("game")), "average": _networks(state.get("average"), PREFIX)}
    for name, game in (("game", training.game), ("average", training.average)):
        _fill(game, taken[name], where, versions)
    return {"run": where, "sha256": checkpoint.digest(taken), "pictures": seen}


def start_again(training: Training, record: Mapping[str, Any]) -> None:
    """The same for a run that was killed before its first checkpoint.

    Raises:
        Refusal: the other run is not what it was.
    """
    if start_from(training, record["run"])["sha256"] != record["sha256"]:
        raise Refusal(f"{record['run']} is not what this run began with (it was trained on): begin a new run")


def _seen(record: Mapping[str, Any], steps: int) -> int:
    """How many pictures the networks of a run had seen; 0 where the recipe does not say how many a step takes."""
    batch, before = record["arguments"].get("batch"), record.get("from", {}).get("pictures", 0)
    return int(before) + steps * (batch if type(batch) is int else 0)


def _networks(state: object, prefix: str = "") -> State:
    """The entries under a prefix that are no history."""
    items = state.items() if isinstance(state, Mapping) else ()
    named = {str(name).removeprefix(prefix): value for name, value in items if str(name).startswith(prefix)}
    return {name: value for name, value in named.items() if not HISTORY.match(name)}


def _fill(game: Game, taken: State, where: str, versions: Mapping[str, Any] | None) -> None:
    own = game.state_dict()
    needed = _shapes(_networks(own))
    found = _shapes(taken)
    if needed != found:
        name = next(name for name in {**needed, **found} if needed.get(name) != found.get(name))
        page = "take its recipe, size, channels, widths and other flags (its page names them)"
        cure = (
            "that is 'photos' of 64 pixels in color, with its usual widths; leave --from out"
            if where == packaged.NAME
            else page
        )
        raise Refusal(
            f"needs a run of the same networks to begin from, but {name} is {found.get(name, 'nothing')} in {where} "
            f"and {needed.get(name, 'nothing')} here: {cure}"
        )
    try:
        game.load_state_dict(versioned({**own, **taken}, versions))
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise Refusal(f"{where} holds no networks to begin from: {one_line(error)}") from error


def _shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items() if isinstance(value, Tensor)}
