"""What a run leaves at its end: metrics.json, its pictures and overview.png."""

from __future__ import annotations

from typing import Any

from gansmith.disk.json_files import write_json
from gansmith.disk.log import read_log
from gansmith.examinations.measure import measure, sentences
from gansmith.report.chart import gather
from gansmith.report.overview import overview
from gansmith.runs.folder import RunFolder
from gansmith.runs.gallery import draw_exhibits
from gansmith.training.loop import Training
from gansmith.version import __version__

OVERVIEW = 2  # pictures for which an overview has room


def summarize(training: Training, run: RunFolder, facts: list[str]) -> dict[str, Any]:
    """Measures, and draws what the run can show and the run at a glance; returns the numbers."""
    data = training.stage.data
    numbers = measure(training.average, data, training.seed, training.device, strict=False)
    numbers = {"gansmith": __version__, "step": training.step, "average": True} | numbers
    write_json(run.path / "metrics.json", numbers)
    pictures = draw_exhibits(training, run.path)
    overview(
        run.path / "overview.png",
        title=f"{run.record['recipe']} on {data.name}, step {training.step:,}",
        pictures=pictures[:OVERVIEW],
        curves=gather(read_log(run.log)),
        facts=[*facts, *sentences(numbers)],
    )
    return numbers
