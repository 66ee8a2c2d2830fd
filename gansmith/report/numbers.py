"""Measured numbers in words: what each is called, which way is better, and how it reads in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WORDS = {
    "frechet_distance": ("Frechet distance", "lower"),
    "kernel_distance": ("kernel distance", "lower"),
    "coverage": ("coverage", "higher"),
    "density": ("density", "higher"),
    "precision": ("precision", "higher"),
    "recall": ("recall", "higher"),
    "sliced_wasserstein": ("sliced Wasserstein", "lower"),
    "energy_distance": ("energy distance", "lower"),
    "diversity": ("distance among samples", "as real"),
}
"""Titles of the numbers that compare two sets, and which way is better; in the order in which they are shown."""

CODES = {
    "mse": ("squared error", "lower"),
    "psnr": ("PSNR, dB", "higher"),
    "sharpness": ("sharpness, of the originals'", "as real"),
    "same_class": ("class kept", "higher"),
    "frechet_distance": ("Frechet distance", "lower"),
    "midpoints_frechet_distance": ("Frechet distance of midpoints", "lower"),
    "linear_probe": ("classes by a linear probe", "higher"),
    "neighbor_probe": ("classes by nearest codes", "higher"),
}
"""Titles of the numbers of an encoder."""


@dataclass(frozen=True)
class Row:
    """A number as it is shown: texts, empty where there is nothing to show."""

    title: str
    value: str
    interval: str
    floor: str
    better: str


def rows(found: dict[str, Any]) -> list[Row]:
    """The distances of a measurement; precision never without coverage.

    Example:
        >>> rows({"metrics": {"coverage": {"value": 0.9, "interval": [0.88, 0.92], "floor": 0.97}}})
        [Row(title='coverage', value='0.9', interval='0.88 to 0.92', floor='0.97', ...)]
    """
    metrics = found.get("metrics", {})
    shown = []
    for name, (title, better) in WORDS.items():
        if name in metrics and not (name == "precision" and "coverage" not in metrics):
            m = metrics[name]
            interval = f"{_short(m['interval'][0])} to {_short(m['interval'][1])}" if m.get("interval") else ""
            shown.append(Row(title, _short(m["value"]), interval, _short(m.get("floor")), better))
    return shown


def code_rows(found: dict[str, Any]) -> list[Row]:
    """The numbers of an encoder; in the place of the floor those of principal components."""
    again = found.get("reconstruction", {})
    game, linear = again.get("game", {}), again.get("principal_components", {})
    return [
        Row(title, _short(game[name]), "", _short(linear.get(name)), better)
        for name, (title, better) in CODES.items()
        if name in game
    ]


def sentences(found: dict[str, Any]) -> list[str]:
    """The measured numbers in words, a line each.

    Example:
        >>> sentences({"n": 10, "modes": {"captured": 7, "of": 8, "high_quality": 0.5}})
        ['7 of 8 modes, 50.0% of samples close to one']
    """
    lines = [found[key] for key in ("too_few", "no_floor") if key in found]
    metrics = found.get("metrics", {})
    if "frechet_distance" in metrics and "coverage" in metrics:
        f, c = metrics["frechet_distance"], metrics["coverage"]
        lines.append(
            f"Frechet distance to {found['n']:,} real samples, in the features '{found['features']['name']}': "
            f"{_with_floor(f)}; coverage {_with_floor(c)}"
        )
    if "modes" in found:
        m = found["modes"]
        lines.append(f"{m['captured']} of {m['of']} modes, {m['high_quality']:.1%} of samples close to one")
    if "classes" in found:
        lines.append(_about_classes(found["classes"]))
    if "reconstruction" in found:
        lines += _about_codes(found["reconstruction"])
    return lines


def _about_classes(found: dict[str, Any]) -> str:
    missing = [name for name, share in zip(found["names"], found["shares"].values(), strict=True) if not share]
    seen = "all classes appear" if not missing else f"{len(missing)} of {found['of']} classes are missing"
    care = "" if found["judge_accuracy"] >= 0.9 else "; read with care"
    return f"{seen}, the rarest {found['rarest']:.1%} (judge: {found['judge_accuracy']:.1%} right on real images{care})"


def _about_codes(found: dict[str, Any]) -> list[str]:
    lines = []
    for name, words, code in (
        ("game", "reconstructions", found["code"]),
        ("principal_components", "principal components", found["principal_code"]),
    ):
        if name in found:
            r = found[name]
            kept = f", class kept {r['same_class']:.1%}" if "same_class" in r else ""
            far = f", Frechet distance {r['frechet_distance']:.3g}" if "frechet_distance" in r else ""
            lines.append(f"{words} ({code} numbers): squared error {r['mse']:.3g}{kept}{far}")
    return lines


def _with_floor(metric: dict[str, Any]) -> str:
    floor = metric.get("floor")
    return _short(metric["value"]) + ("" if floor is None else f" (real against real: {_short(floor)})")


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
