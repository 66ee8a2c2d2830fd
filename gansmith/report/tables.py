"""The measured numbers as tables of a page, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gansmith.report.markup import absent, name, table, text
from gansmith.report.numbers import CODES, WORDS, code_rows, rows

PLAIN = {
    "frechet_distance": "how far the mean and the spread of samples are from those of real ones",
    "kernel_distance": "how far the moments up to the third are apart; does not grow where fewer samples are taken",
    "coverage": "the share of real samples with a sample near them: what is missing shows here",
    "density": "how often a sample lies where real ones lie densely; one means as real",
    "precision": "the share of samples that lie among real ones; alone it says nothing, noise can have 1",
    "recall": "the share of real samples that lie among the samples",
    "sliced_wasserstein": "how far samples must be moved to become real ones, seen along random directions",
    "energy_distance": "how much farther samples are from real ones than each are among themselves",
    "diversity": "the mean distance between two samples; the floor is that between two real ones",
    "mse": "what a pixel of a reconstruction is off, squared; principal components are the best linear code for it",
    "psnr": "the same on the scale of decibels",
    "sharpness": "how much fine detail there is beside that of the originals, noise counts too; one means as much",
    "same_class": "the share of reconstructions that are still of their original's class",
    "midpoints_frechet_distance": "how real the pictures halfway between two codes look",
    "linear_probe": "the share of held-out samples whose class a linear classifier reads from the code",
    "neighbor_probe": "the share of held-out samples whose class the nearest codes tell",
}
_PLAIN_BY_TITLE = {title: PLAIN[key] for key, (title, _) in WORDS.items() if key in PLAIN}
_OF_CODES = {title: PLAIN[key] for key, (title, _) in CODES.items() if key in PLAIN}
SCALE = 150  # width of a bar


def numbers(metrics: Mapping[str, Any], last: float = 0) -> str:
    """All tables, and a sentence in the place of what was not measured.

    Arguments:
        metrics: ``metrics.json``.
        last: step of the run; where it was measured at another one, that is said.
    """
    found = dict(metrics)
    parts = [_earlier(found["step"], last)] if last and found.get("step", last) != last else []
    parts += [f'<p class="note">{text(found[key])}.</p>' for key in ("too_few", "no_floor") if key in found]
    parts += [_distances(found), _codes(found), _copying(found), _classes(found), _modes(found)]
    made = "".join(parts)
    return made or absent("Nothing was measured: <code>gansmith report RUN</code> does it.")


def _earlier(step: Any, last: float) -> str:
    return (
        f'<p class="note">Measured at step {step:,}, but the run is at step {last:,}: '
        "<code>gansmith report RUN</code> measures it anew.</p>"
    )


def _distances(found: dict[str, Any]) -> str:
    shown = rows(found)
    if not shown:
        return ""
    features, n = found.get("features", {}), found.get("n", 0)
    caption = (
        f"{n:,} samples beside {n:,} real ones ({text(found.get('against', 'held out'))}), in the features "
        f"&#8220;{text(features.get('name', ''))}&#8221;: {text(features.get('why', ''))}. "
        "Real against real is what a perfect generator would get."
    )
    cells = [
        [
            text(r.title),
            text(r.value),
            text(r.interval),
            text(r.floor),
            text(r.better),
            _PLAIN_BY_TITLE.get(r.title, ""),
        ]
        for r in shown
    ]
    head = ("number", "value", "95 % interval", "real against real", "better", "in plain words")
    return table(head, cells, caption, words=(0, 4, 5))


def _codes(found: dict[str, Any]) -> str:
    shown = code_rows(found)
    if not shown:
        return ""
    again = found["reconstruction"]
    caption = (
        f"Codes of {text(again.get('code'))} numbers, beside {text(again.get('principal_code'))} principal components "
        f"that were fitted on {again.get('fitted', 0):,} training samples ({again.get('n', found.get('n')):,} held-out "
        "samples). Principal components are made for a small squared error; a game is expected to lose to them there."
    )
    cells = [[text(r.title), text(r.value), text(r.floor), text(r.better), _OF_CODES.get(r.title, "")] for r in shown]
    tie, said = again.get("latent_correlation"), ""
    if tie is not None:
        said = f'<p class="note">Latents and the codes of what is made of them: correlation {tie:.3g}.</p>'
    head = ("number", "this run", "principal components", "better", "in plain words")
    return table(head, cells, caption, words=(0, 3, 4)) + said


def _copying(found: dict[str, Any]) -> str:
    cells = []
    copies, twins = found.get("memorization"), found.get("duplicates")
    if copies:
        cells.append(
            _compared("distance to training samples, over that to held-out ones", copies, "nearest_ratio", "floor")
        )
        cells.append(
            _compared(
                "share farther from training samples than these are apart",
                copies,
                "authenticity",
                "authenticity_of_real",
            )
        )
        if copies.get("c_t") is not None:
            cells.append(
                ["C<sub>T</sub>, below &#8722;3 where samples lean on training samples", f"{copies['c_t']:.2g}", ""]
            )
    if twins:
        cells.append(_compared("share of near duplicates", twins, "share", "floor"))
    head = ("copies and repetitions", "samples", "unseen real ones")
    return (
        table(head, cells, "Whether samples are copies of training samples, or of each other.", words=(0,))
        if cells
        else ""
    )


def _compared(title: str, values: Mapping[str, Any], key: str, floor: str) -> list[str]:
    return [title, *(f"{values[k]:.3g}" if values.get(k) is not None else "" for k in (key, floor))]


def _classes(found: dict[str, Any]) -> str:
    classes = found.get("classes")
    if not classes:
        return ""
    shares, real = classes["shares"], classes.get("real_shares", {})
    names = classes.get("names", list(shares))
    most = max([*shares.values(), *real.values(), 1e-9])
    cells = []
    for (key, share), label in zip(shares.items(), names, strict=True):
        x = SCALE * share / most
        mark = SCALE * real[key] / most if key in real else None
        line = "" if mark is None else f'<line x1="{mark:.1f}" x2="{mark:.1f}" y1="0" y2="14"/>'
        bar = (
            f'<svg viewBox="0 0 {SCALE} 14" aria-hidden="true"><rect class="track" width="{SCALE}" height="14" rx="3"/>'
            f'<rect class="share" width="{x:.1f}" height="14" rx="3"/>{line}</svg>'
        )
        cells.append([name(label), f"{share:.1%}", f"{real[key]:.1%}" if key in real else "", bar])
    caption = (
        f"The classes of {found.get('samples', 0):,} samples, as a judge sees them that is right on "
        f"{classes['judge_accuracy']:.1%} of held-out ones. Bar: share among samples; line: among held-out ones, as "
        f"the same judge sees them{_divergence(classes)}."
    )
    return table(("class", "samples", "real", "side by side"), cells, caption, words=(0, 3))


def _divergence(classes: Mapping[str, Any]) -> str:
    return "" if classes.get("kl") is None else f" (divergence KL of the first from the second: {classes['kl']:.2g})"


def _modes(found: dict[str, Any]) -> str:
    modes = found.get("modes")
    if not modes:
        return ""
    close = f"{modes['high_quality']:.1%} of the samples lie close to one"
    return f"<p>{text(modes['captured'])} of {text(modes['of'])} modes were found, {close}.</p>"
