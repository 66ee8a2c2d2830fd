"""gansmith: adversarial objectives whose mathematics is tested, games that generate and encode.

Example:
    >>> import gansmith
    >>> run = gansmith.train("ogan", data="photos/", minutes=10)  # doctest: +SKIP
    >>> run = gansmith.load_run("runs/ogan-photos-1")  # doctest: +SKIP
    >>> pictures, codes = run.sample(16), run.encode("other-photos/")  # doctest: +SKIP

What is named here is imported when it is first used: ``import gansmith`` takes no time, and nothing but Python.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gansmith.moved import install
from gansmith.version import __version__ as __version__

if TYPE_CHECKING:
    from gansmith import data as data
    from gansmith import dynamics as dynamics
    from gansmith import evaluate as evaluate
    from gansmith import games as games
    from gansmith import networks as networks
    from gansmith import objectives as objectives
    from gansmith import recipes as recipes
    from gansmith import regularizers as regularizers
    from gansmith import report as report
    from gansmith import testing as testing
    from gansmith import training as training
    from gansmith.data import Dataset as Dataset
    from gansmith.data import load as load
    from gansmith.dynamics import Alternating as Alternating
    from gansmith.dynamics import Simultaneous as Simultaneous
    from gansmith.games import GAN as GAN
    from gansmith.games import OGAN as OGAN
    from gansmith.games import Normal as Normal
    from gansmith.games import Sphere as Sphere
    from gansmith.games import Uniform as Uniform
    from gansmith.runs.run import Run as Run
    from gansmith.runs.run import load_run as load_run
    from gansmith.runs.trainer import resume as resume
    from gansmith.runs.trainer import train as train
    from gansmith.training import Experiment as Experiment
    from gansmith.training import Stage as Stage

_HOMES = {
    "Alternating": "dynamics",
    "Dataset": "data",
    "Experiment": "training",
    "GAN": "games",
    "Normal": "games",
    "OGAN": "games",
    "Run": "runs.run",
    "Simultaneous": "dynamics",
    "Sphere": "games",
    "Stage": "training",
    "Uniform": "games",
    "load": "data",
    "load_run": "runs.run",
    "resume": "runs.trainer",
    "train": "runs.trainer",
}

__all__ = [
    "GAN",
    "OGAN",
    "Alternating",
    "Dataset",
    "Experiment",
    "Normal",
    "Run",
    "Simultaneous",
    "Sphere",
    "Stage",
    "Uniform",
    "load",
    "load_run",
    "recipes",
    "resume",
    "train",
]


_PACKAGES = {
    *("data", "dynamics", "evaluate", "games", "networks", "objectives", "recipes", "regularizers", "report"),
    *("testing", "training"),
}

if not TYPE_CHECKING:  # a type checker knows the names above, and that there are no others

    def __getattr__(name: str) -> object:
        if name in _PACKAGES:
            return import_module(f"{__name__}.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})


install()
