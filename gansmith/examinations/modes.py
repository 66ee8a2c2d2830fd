"""Which modes of a known mixture in the plane are reached."""

from __future__ import annotations

from typing import Any

from gansmith.counting import counted
from gansmith.data.mixtures import grid_modes, ring_modes
from gansmith.evaluate.modes import mode_coverage
from gansmith.examinations.base import Examination, Subject, finite, generates

MIXTURES = {"ring": ring_modes, "grid": grid_modes}


def fits(subject: Subject) -> bool:
    return generates(subject) and subject.data.source in MIXTURES


def measure(subject: Subject) -> dict[str, Any]:
    coverage = mode_coverage(subject.samples, *MIXTURES[subject.data.source]())
    numbers = {
        "captured": coverage.captured,
        "of": coverage.modes,
        "high_quality": coverage.high_quality,
        "reverse_kl": finite(coverage.reverse_kl),
    }
    return {"modes": numbers}


def sentences(numbers: dict[str, Any]) -> list[str]:
    """Example:
    >>> sentences({"modes": {"captured": 7, "of": 8, "high_quality": 0.5}})
    ['7 of 8 modes, 50.0% of samples close to one']
    """
    modes = numbers.get("modes")
    if not modes:
        return []
    captured = f"{modes['captured']} of {counted(modes['of'], 'mode')}"
    return [f"{captured}, {modes['high_quality']:.1%} of samples close to one"]


MODES = Examination("modes", fits, measure, sentences)
