"""A run's page."""

from __future__ import annotations

import argparse

from gansmith.disk.json_files import read_json
from gansmith.runs import summary
from gansmith.runs.opening import begin, data_of, newest, open_run, recipe_of, take_up


def report(asked: argparse.Namespace) -> int:
    """Writes the page anew: after an update of gansmith, say, or of a run that was killed."""
    run = open_run(asked.run)
    recipe, state = recipe_of(run, asked.trust), newest(run)
    data = data_of(run, asked.data, asked.labels)
    record = run.record
    training = begin(recipe, data, record["arguments"], record["seed"], asked.device, record["precision"])
    take_up(training, state, run)
    if read_json(run.path / "metrics.json").get("step") != training.step:  # none, or of another state
        summary.summarize(training, run, [f"{training.step:,} steps"])
    print(f"look at {summary.write_page(training, run)}")
    return 0
