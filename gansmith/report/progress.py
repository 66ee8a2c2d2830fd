"""How a run went, as charts: what its players lost, and what its critic said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gansmith.report.chart import Chart, Series, chart, gather

AGAINST = "What each player wants small. Neither need fall: they pull against each other."
GROWTH = {
    "Frechet distance": "How far samples are from training pictures, as the judge sees them; from half of the rounds "
    "on the nearest state is kept, for --best.",
    "coverage": "The share of training pictures that have a sample near them.",
}
BESIDE = "As many other training pictures are what a perfect generator would reach."
LOSSES = 4  # curves in one chart
MORE = 24  # charts beyond those that every run has


def charts(
    log: Sequence[Mapping[str, Any]], monitor: Sequence[Mapping[str, Any]], growth: Sequence[Mapping[str, Any]] = ()
) -> tuple[list[Chart], list[Chart]]:
    """Those that every run has, and one for each other number of the log.

    Arguments:
        log: lines of ``log.jsonl``.
        monitor: lines of ``monitor.jsonl``.
        growth: lines of ``growth.jsonl``.
    """
    logged, watched, grown = gather(log), gather(monitor), gather(growth)
    losses = {name: logged.pop(f"{name}/loss") for name in ("critic", "generator") if f"{name}/loss" in logged}
    others = [key for key in logged if key.endswith("/loss")]
    losses |= {key: logged.pop(key) for key in others[: LOSSES - len(losses)]}
    scores = {
        label: watched[key]
        for label, key in (("training", "score/train"), ("held out", "score/held_out"), ("fake", "score/fake"))
        if key in watched
    }
    usual: list[tuple[str, dict[str, Series], str]] = [
        *(
            (name, {"samples": grown[name], "real": grown[f"{name}, real"]}, f"{about} {BESIDE}")
            for name, about in GROWTH.items()
            if name in grown and f"{name}, real" in grown
        ),
        ("losses", losses, AGAINST if len(losses) > 1 else "What the player wants small."),
        ("scores", scores, "What the critic says of samples that are always the same; high means real."),
        ("slope of the critic", _one(watched, "slope"), "Root mean square of its gradient at training samples."),
        (
            "doubt of the critic",
            _one(watched, "doubt"),
            "How much its scores still matter to its loss; near 0 it is saturated.",
        ),
        ("diversity", _one(watched, "diversity"), "How far apart fakes lie, beside training samples; 1 is as far."),
        ("images per second", _one(logged, "images/s"), "Real images seen by the critic."),
    ]
    logged.pop("images/s", None)
    return (
        [chart(title, series, about) for title, series, about in usual if series],
        [chart(key, {key: series}) for key, series in list(logged.items())[:MORE]],
    )


def _one(curves: Mapping[str, Series], key: str) -> dict[str, Series]:
    return {key: curves[key]} if key in curves else {}
