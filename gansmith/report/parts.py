"""The parts of a run's page: pictures and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gansmith.report import chart, embedding
from gansmith.report.markup import absent
from gansmith.report.reading import Pictures, thinned

FRAME_BYTES, OTHER_BYTES = 4_500_000, 900_000  # of all frames together, and of each other picture


def show_samples(pictures: Pictures) -> str:
    if pictures.plane is not None:
        alt = "real and fake points in the plane, over the level sets of the critic's score"
        return f'<figure class="wide">{embedding.tag(pictures.plane, alt, OTHER_BYTES)}</figure>'
    if not pictures.samples:
        if pictures.overview is not None:
            return (
                f'<figure class="wide">{embedding.tag(pictures.overview, "the run at a glance", OTHER_BYTES)}</figure>'
            )
        return absent("There are no pictures of samples in this run.")
    frames = thinned(pictures.samples)
    last = len(frames) - 1
    images = [
        embedding.tag(
            image,
            f"samples at step {step:,}",
            FRAME_BYTES // len(frames),
            f' data-step="{step}"' + ("" if i == last else " hidden"),
        )
        for i, (step, image) in enumerate(frames)
    ]
    slide = (
        '<div class="slide" hidden><label for="step">Training step</label>'
        f'<input id="step" type="range" min="0" max="{last}" value="{last}" step="1"><output for="step"></output></div>'
    )
    said = "<figcaption><p>Each place in the grid has the same latent at every step.</p></figcaption>"
    figure = f'<figure id="time">{slide}<div class="frames">{"".join(images)}</div>{said}</figure>'
    if pictures.real is None:
        return figure
    real = embedding.tag(pictures.real, "samples of the data", OTHER_BYTES)
    said = "<figcaption><p>Real pictures, from the data.</p></figcaption>"
    return f'<div class="beside">{figure}<figure class="frames">{real}{said}</figure></div>'


def show_pairs(pictures: Pictures) -> str:
    alt = "pairs of pictures: at the left a held-out original, at the right its reconstruction"
    said = "Held-out originals, each beside what the generator makes of its code."
    return _wide(pictures.reconstructions, alt, said)


def show_between(pictures: Pictures) -> str:
    alt = "rows of pictures: at both ends a held-out picture, between them the pictures of the codes between theirs"
    said = "Each row leads from one held-out picture to another, by a straight line between their codes."
    return _wide(pictures.interpolations, alt, said)


def _wide(picture: Any, alt: str, said: str) -> str:
    if picture is None:
        return ""
    return f'<p>{said}</p><figure class="wide">{embedding.tag(picture, alt, OTHER_BYTES)}</figure>'


def show_curves(log: Sequence[Mapping[str, Any]], monitor: Sequence[Mapping[str, Any]]) -> str:
    logged, watched = chart.gather(log), chart.gather(monitor)
    losses = {name: logged.pop(f"{name}/loss") for name in ("critic", "generator") if f"{name}/loss" in logged}
    losses |= {key: logged.pop(key) for key in list(logged) if key.endswith("/loss") and len(losses) < 4}
    scores = {
        label: watched[key]
        for label, key in (("training", "score/train"), ("held out", "score/held_out"), ("fake", "score/fake"))
        if key in watched
    }
    wanted = [
        ("losses", losses, "What each player wants small. Neither need fall: they pull against each other."),
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
    drawn = [chart.chart(title, series, about) for title, series, about in wanted if series]
    more = [chart.chart(key, {key: series}) for key, series in list(logged.items())[:24]]
    if not drawn and not more:
        return absent("Nothing was logged.")
    rest = f'<details><summary>{len(more)} more curves</summary><div class="charts">{"".join(more)}</div></details>'
    return f'<div class="charts">{"".join(drawn)}</div>{rest if more else ""}'


def _one(curves: Mapping[str, chart.Series], key: str) -> dict[str, chart.Series]:
    return {key: curves[key]} if key in curves else {}
