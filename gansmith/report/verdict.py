"""What a page says of a run's health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansmith.disk.json_files import is_number
from gansmith.disk.log import read_log
from gansmith.report.cleaning import clean
from gansmith.report.health import Finding, health

Line = Mapping[str, Any]

MOST = 8
"""Failed examinations that are named."""


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a run, and in sentences what is not, and what is not known."""

    findings: list[Finding]
    sentences: list[str]
    ill: bool

    def lines(self) -> list[str]:
        """The same for a terminal."""
        return [clean(f"{finding.sentence} {finding.remedy}") for finding in self.findings] + self.sentences


def verdict(record: Line, log: Sequence[Line], monitor: Sequence[Line], metrics: Line) -> Verdict:
    """What `health` finds, and what it had no file for, or none of this step."""
    step = latest(record, log, "step")
    record = {**record, "step": int(step)} if step else record
    measured = metrics.get("step", step)
    old = bool(step) and is_number(measured) and measured != step
    metrics = {} if old else metrics
    findings = health(log, monitor, metrics, record)
    unknown = [] if monitor else ["how the critic judges (monitor.jsonl)"]
    failed = metrics.get("failed")
    failed = [str(each).split(":")[0] for each in failed[:MOST]] if isinstance(failed, list) else []
    if old:
        unknown.append(f"what samples are worth now (metrics.json is of step {measured:,})")
    elif not metrics:
        unknown.append("what was measured at the end (metrics.json)")
    elif failed:
        unknown.append(f"what could not be measured ({', '.join(failed)})")
    elif "memorization" not in metrics:
        unknown.append("copies of training samples (too few were held out)")
    missing = [f"Nothing is known of {' and of '.join(unknown)}."] if unknown else []
    if findings:
        return Verdict(findings, missing, ill=True)
    if not monitor and not metrics:
        return Verdict([], ["Not known: this run has neither monitor.jsonl nor metrics.json."], ill=True)
    sentence = "No fault was found in what could be looked at." if unknown else _sound(monitor)
    return Verdict([], [f"{sentence} Whether samples look right is for you to see.", *missing], ill=False)


def _sound(monitor: Sequence[Line]) -> str:
    """What was looked at: of some objectives there are no scores, or no doubt, to look at."""
    seen = {key for line in monitor for key in line}
    critics = [
        *(["a saturated"] if "doubt" in seen else []),
        *(["an overfitting"] if "score/held_out" in seen else []),
    ]
    critic = f"a collapse, {' or '.join(critics)} critic," if critics else "a collapse"
    return f"No fault was found: losses and scores stayed finite, and neither {critic} nor copies were seen."


def latest(record: Line, log: Sequence[Line], key: str) -> float:
    """Of a run that was killed the record is older than the log."""
    values: list[float] = [line[key] for line in (record, *log[-1:]) if is_number(line.get(key))]
    return max(values, default=0)


def judged(folder: Path, record: Line, metrics: Line, step: int | None = None) -> Verdict:
    """The verdict on a run by the logs in its folder.

    Arguments:
        folder: of the run.
        record: ``run.json``.
        metrics: what was measured.
        step: leave out what came after it.
    """
    log, monitor = (read_lines(folder / f"{name}.jsonl") for name in ("log", "monitor"))
    if step is not None:
        record = {**record, "step": step}
        log, monitor = ([line for line in lines if line.get("step", 0) <= step] for lines in (log, monitor))
    return verdict(record, log, monitor, metrics)


def read_lines(path: Path) -> list[dict[str, float]]:
    """A log; of one that is damaged nothing."""
    try:
        return read_log(path)
    except (OSError, ValueError, RecursionError):
        return []
