"""What a page says of a run's health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
