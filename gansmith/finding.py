"""Finding recipes by name, and reading what they say without running them."""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "recipes"
NOT_RECIPES = {"__init__", "pairs"}

Recipe = Callable[..., Any]


def described() -> dict[str, str]:
    """Each built-in recipe's name on the command line, and the first line of its docstring; nothing is imported.

    Example:
        >>> described()["gan"]
        'The original GAN: the non-saturating loss, with the critic held flat where the data are.'
    """
    found = {}
    for file in sorted(HERE.glob("*.py")):
        if file.stem in NOT_RECIPES:
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name == file.stem:
                found[file.stem.replace("_", "-")] = (ast.get_docstring(node) or "").split("\n")[0]
    return found


def check_name(name: str) -> None:
    """
    Raises:
        ValueError: no built-in recipe of that name; the nearest one is named.
    """
    names = list(described())
    if name not in names:
        near = difflib.get_close_matches(name.lower().replace("_", "-"), names, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}, or path/to/file.py:function"
        raise ValueError(f"no recipe {name!r}: {hint}")


def built_in(name: str) -> Recipe:
    """The function of a built-in recipe.

    Raises:
        ValueError: no such recipe.
    """
    check_name(name)
    function = name.replace("-", "_")
    recipe: Recipe = getattr(importlib.import_module(f"gansmith.recipes.{function}"), function)
    return recipe


def is_file(name: str) -> bool:
    """Whether a recipe is named as ``path/to/file.py:function``."""
    return ".py:" in name


def from_file(name: str) -> tuple[Recipe, Path]:
    """The user's own recipe, ``path/to/file.py:function``. Importing it runs the file.

    Raises:
        ValueError: there is no such file or function, or the file fails when it is run.
    """
    place, _, function = name.rpartition(":")
    path = Path(place)
    if not path.is_file():
        raise ValueError(f"no recipe file {place}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{place} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{place} fails when it is run: {type(error).__name__}: {error}") from error
    recipe = getattr(module, function, None)
    if not callable(recipe):
        raise ValueError(f"{place} holds no function {function!r}")
    return recipe, path


def sha256(path: Path) -> str:
    """The hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
