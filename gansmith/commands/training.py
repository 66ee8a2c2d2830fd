"""Training a new run, and going on with one."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from gansmith.data.selection import Selection
from gansmith.runs import starting, trainer
from gansmith.runs.lookup import Recipe
from gansmith.runs.preparation import fitting_recipe, new_folder
from gansmith.runs.run import Run

FLAGS = (
    *("data", "steps", "minutes", "seed", "out", "start_from", "device", "precision", "checkpoint_every"),
    *("size", "labels", "label_column", "limit", "crop", "value_range", "first_page", "strict", "flip", "shift"),
    *("held_out", "alpha"),
)
"""Those of ``train`` that are not the recipe's own."""


def fitting(args: argparse.Namespace) -> str:
    """The name of the recipe for the run or the data that flags name."""
    if starting.is_given(args.start_from):
        return starting.recipe_of(args.start_from)
    new_folder(args.out)  # refused before data are loaded
    names = [field.name for field in fields(Selection) if field.name != "source"]
    selection = Selection(args.data, **{name: getattr(args, name) for name in names})
    return fitting_recipe(None, selection, args.strict).name


def train(recipe: Recipe, arguments: dict[str, Any], args: argparse.Namespace) -> int:
    """Trains a recipe into a new run folder."""
    return _code(trainer.train(recipe, **{name: getattr(args, name) for name in FLAGS}, **arguments))


def resume(args: argparse.Namespace) -> int:
    """Goes on with a run."""
    run = trainer.resume(
        args.run,
        steps=args.steps,
        more=args.more,
        minutes=args.minutes,
        data=args.data,
        labels=args.labels,
        device=args.device,
        checkpoint_every=args.checkpoint_every,
        trust=args.trust,
    )
    return _code(run)


def _code(run: Run) -> int:
    return 130 if run.folder.record["status"] == "stopped" else 0
