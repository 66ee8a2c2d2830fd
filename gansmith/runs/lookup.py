"""Finding recipes by name, and reading what they say without running them."""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import inspect
import shlex
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from gansmith.disk.folders import read_file
from gansmith.refusal import Refusal

if TYPE_CHECKING:
    from gansmith.training.experiment import Experiment

AnyRecipe: TypeAlias = "str | Callable[..., Experiment] | Experiment | Recipe"
"""A recipe's name or ``path/to/file.py:function``, a function that returns an experiment, or an experiment."""

HERE = Path(__file__).parents[1] / "recipes"


@dataclass(frozen=True)
class Recipe:
    """A function that makes an experiment.

    Arguments:
        name: as in a run's record: a built-in recipe's, or the function's.
        function: data, steps and its own arguments -> Experiment.
        source: the content of the user's file that it came from; None for a built-in one.
        experiment: what the function returns, where it was made before.
        python: it was made in Python by code that is in no file of the run: only that code opens the run again.
    """

    name: str
    function: Callable[..., Any]
    source: bytes | None = None
    experiment: Experiment | None = None
    python: bool = False

    @property
    def ours(self) -> bool:
        """Whether it is a built-in one."""
        return self.source is None and not self.python


def described() -> dict[str, str]:
    """Each built-in recipe's name on the command line, and the first line of its docstring; nothing is imported.

    Example:
        >>> described()["gan"]
        "A good first choice, and the plainest: the original GAN's loss, with the critic held flat where the data are."
    """
    recipes = {}
    for file in sorted(HERE.glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name == file.stem:
                recipes[file.stem.replace("_", "-")] = (ast.get_docstring(node) or "").split("\n")[0]
    return recipes


def as_recipe(recipe: AnyRecipe) -> Recipe:
    """What is trained from, in any of its forms.

    Raises:
        Refusal: there is no such recipe, or this is no recipe.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, str):
        return find(recipe)
    if inspect.isfunction(recipe):
        if recipe.__module__.startswith("gansmith.recipes."):
            return built_in(recipe.__name__.replace("_", "-"))
        return Recipe(recipe.__name__, recipe, python=True)
    from gansmith.training.experiment import Experiment

    if not isinstance(recipe, Experiment):
        raise Refusal(f"needs a recipe's name, a function or an Experiment, but got {type(recipe).__name__}")
    if not isinstance(recipe.stages, list) or not recipe.stages:
        raise Refusal("needs an Experiment with a list of stages, as Experiment([Stage(...)])")

    def function(data: object, steps: int = recipe.stages[-1].steps) -> Experiment:
        recipe.stages[-1].steps = steps
        return recipe

    return Recipe("experiment", function, experiment=recipe, python=True)


def find(name: str) -> Recipe:
    """A built-in recipe by its name, or the user's own as ``path/to/file.py:function``, whose file is run.

    Raises:
        Refusal: there is none; the nearest one is named.
    """
    place, _, function = name.rpartition(":")
    return from_file(Path(place), function) if place.endswith(".py") else built_in(name)


def built_in(name: str) -> Recipe:
    """A built-in recipe.

    Raises:
        Refusal: no such recipe; the nearest one is named.
    """
    names = list(described())
    if name not in names:
        near = difflib.get_close_matches(name.lower().replace("_", "-"), names, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}, or path/to/file.py:function"
        if name.endswith(".py"):
            hint = f"name its function too, as in {name}:function"
        elif Path(name).exists():
            hint = f"to train on it, gansmith train --data {shlex.quote(name)}"
        raise Refusal(f"no recipe {name!r}: {hint}")
    function = name.replace("-", "_")
    return Recipe(name, getattr(importlib.import_module(f"gansmith.recipes.{function}"), function))


def from_file(path: Path, function: str, sha256: str | None = None) -> Recipe:
    """A function of the user's file. Calling this runs the file.

    What runs is the very content that was hashed, never bytecode that lies beside the file.

    Arguments:
        path: the file; it must stand alone, because a run keeps a copy of it.
        function: its name in the file.
        sha256: what the file's hash must be.

    Raises:
        Refusal: there is no such file or function, its hash is another, or the file fails when it is run.
    """
    try:
        source = path.read_bytes() if sha256 is None else read_file(path)  # that of a run: no link, no pipe
    except OSError as error:
        raise Refusal(f"cannot read the recipe file {path}: {error.strerror}") from None
    if sha256 is not None and digest(source) != sha256:
        raise Refusal(f"{path} is not the file that the run was made with: its content changed")
    module = ModuleType("gansmith_recipe_file")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look up the module that they are in
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        raise Refusal(f"{path} fails when it is run: {describe_error(error, path)}") from error
    own = {key: f for key, f in vars(module).items() if inspect.isfunction(f)}
    if function not in own:
        near = difflib.get_close_matches(function, own, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"its functions are {', '.join(own) or 'none'}"
        raise Refusal(f"{path} holds no function {function!r}: {hint}")
    return Recipe(function, own[function], source)


def describe_error(error: BaseException, path: Path) -> str:
    """What an error in a user's file says, and in which line it arose."""
    line = error.lineno if isinstance(error, SyntaxError) else line_of(error, path)
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{'' if line is None else f'line {line}: '}{type(error).__name__}: {message}"


def line_of(error: BaseException, path: Path) -> int | None:
    """The line of a file that was last entered before an error; None if the file had no part in it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None


def digest(source: bytes) -> str:
    """The hash of a file's content."""
    return hashlib.sha256(source).hexdigest()
