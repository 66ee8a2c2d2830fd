"""What a page says of a run's health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansmith.disk.log import read_log
from gansmith.report.cleaning import clean
from gansmith.report.health import Finding, health

Line = Mapping[str, Any]

SOUND = (
    "No fault was found: losses and scores stayed finite, and neither a collapse, a saturated or an overfitting "
    "critic, nor copies were seen."
)


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
    """What `health` finds, and what it had no file for."""
    findings = health(log, monitor, metrics, record)
    unknown = [] if monitor else ["how the critic judges (monitor.jsonl)"]
    if not metrics:
        unknown.append("what was measured at the end (metrics.json)")
    elif "memorization" not in metrics:
        unknown.append("copies of training samples (too few were held out)")
    missing = [f"Nothing is known of {' and of '.join(unknown)}."] if unknown else []
    if findings:
        return Verdict(findings, missing, ill=True)
    if not monitor and not metrics:
        return Verdict([], ["Not known: this run has neither monitor.jsonl nor metrics.json."], ill=True)
    sentence = "No fault was found in what could be looked at." if unknown else SOUND
    return Verdict([], [f"{sentence} Whether samples look right is for you to see.", *missing], ill=False)


def judged(folder: Path, record: Line, metrics: Line) -> Verdict:
    """The verdict on a run by the logs in its folder."""
    return verdict(record, read_lines(folder / "log.jsonl"), read_lines(folder / "monitor.jsonl"), metrics)


def read_lines(path: Path) -> list[dict[str, float]]:
    """A log; of one that is damaged nothing."""
    try:
        return read_log(path)
    except (OSError, ValueError, RecursionError):
        return []
