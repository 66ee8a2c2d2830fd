"""Modules under the names that they had before: recipe files that lie in run folders go on importing them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "atomic": "disk.atomic",
    "average": "games.average",
    "checkpoint": "training.checkpoint",
    "cli": "commands.cli",
    "conflicts": "dynamics.conflicts",
    "critics": "duel.critics",
    "experiment": "training.experiment",
    "finding": "runs.lookup",
    "flags": "runs.flags",
    "folders": "disk.folders",
    "history": "duel.history",
    "hooks": "training.hooks",
    "latents": "games.latents",
    "monitor": "training.monitor",
    "opening": "runs.opening",
    "precision": "training.precision",
    "ranks": "duel.ranks",
    "record": "runs.record",
    "regularizers.places": "regularizers.points",
    "run": "runs.folder",
    "selection": "data.selection",
    "slopes": "duel.slopes",
    "summary": "runs.summary",
    "evaluate.measure": "examinations.measure",
}


class Moved(MetaPathFinder, Loader):
    """Finds ``gansmith.latents`` and the like where they are now, and says where that is.

    Example:
        >>> _ = sys.modules.pop("gansmith.latents", None)
        >>> with warnings.catch_warnings(record=True) as messages:
        ...     warnings.simplefilter("always")
        ...     _ = import_module("gansmith.latents")
        >>> str(messages[0].message)
        'gansmith.latents is gansmith.games.latents now'
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if package == "gansmith" and name in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        now = f"gansmith.{MOVED[module.__name__.partition('.')[2]]}"
        warnings.warn(f"{module.__name__} is {now} now", DeprecationWarning, stacklevel=2)
        vars(module).update({name: value for name, value in vars(import_module(now)).items() if name[:2] != "__"})


def install() -> None:
    """Behind all other finders: it is asked for what nobody else finds."""
    if not any(isinstance(finder, Moved) for finder in sys.meta_path):
        sys.meta_path.append(Moved())
