"""A run's page."""

from __future__ import annotations

import argparse
from contextlib import suppress

from gansmith.counting import counted
from gansmith.disk.folders import folder_of, refuse_existing
from gansmith.disk.json_files import read_json
from gansmith.refusal import Refusal
from gansmith.report.animation import write_growth
from gansmith.report.page import write_report
from gansmith.runs import gallery, summary
from gansmith.runs.opening import begin, check_sizes, data_of, newest, open_folder, recipe_of, take_up


def report(args: argparse.Namespace) -> int:
    """Writes the page anew: after an update of gansmith, say, or of a run that was killed."""
    run = open_folder(args.run)
    gif = None if args.gif is None else folder_of(args.gif)
    if gif is not None:
        refuse_existing(gif, "--gif")
        print(f"how it grew: {write_growth(run.path, gif)}")
        return 0
    recipe, state = recipe_of(run, args.trust), newest(run)
    data = data_of(run, args.data, args.labels)
    record = run.record
    check_sizes(recipe, run, record["arguments"], state)
    training = begin(recipe, data, record["arguments"], record["seed"], args.device, record["precision"])
    take_up(training, state, run)
    if read_json(run.path / "metrics.json").get("step") != training.step:  # none, or of another state
        summary.summarize(training, run, [counted(training.step, "step")])
    else:
        gallery.draw_exhibits(training, run.path)
    with suppress(Refusal), run.held():  # who trains it meanwhile writes its record
        open_folder(args.run).save()  # with what an older record lacks
    print(f"look at {write_report(run.path)}")
    return 0
