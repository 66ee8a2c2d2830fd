"""A run as one page: report.html, which asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from gansmith.disk.atomic import atomic
from gansmith.disk.json_files import is_number, read_json
from gansmith.drawing.plane import Plane
from gansmith.report.codes import Codes, code_map
from gansmith.report.health import Finding, health
from gansmith.report.markup import absent, name, section, text
from gansmith.report.parts import show_between, show_curves, show_pairs, show_samples
from gansmith.report.reading import Pictures, read_pictures
from gansmith.report.repeating import command, facts
from gansmith.report.tables import numbers

Line = Mapping[str, Any]

DAMAGE = absent("This part of the run could not be read: its files are damaged.")
DAMAGED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


def write_report(run: Path, *, codes: Codes | None = None, plane: Plane | None = None) -> Path:
    """Writes ``report.html`` into a run folder, in one step; one that was there is replaced.

    Read are ``run.json``, ``log.jsonl``, ``monitor.jsonl``, ``metrics.json`` and the pictures in ``samples``,
    ``reconstructions`` and ``interpolations``. What is missing or damaged is said on the page.

    Arguments:
        run: the folder.
        codes: of held-out samples, for a game that encodes.
        plane: real and fake points and the critic's score, for data in the plane.

    Raises:
        OSError: the page cannot be written; the old one stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = write_report(Path(folder)).read_text(encoding="utf-8")
        >>> "could not be read" in page
        True
    """
    from gansmith.disk.log import read_log

    def lines(file: str) -> list[Any]:
        try:
            return list(read_log(run / file))
        except (OSError, ValueError, RecursionError):
            return []

    page = report_page(
        read_json(run / "run.json"),
        log=lines("log.jsonl"),
        monitor=lines("monitor.jsonl"),
        metrics=read_json(run / "metrics.json"),
        pictures=read_pictures(run, plane),
        codes=codes,
    )
    path = run / "report.html"
    with atomic(path) as file:
        file.write(page.encode())
    return path


def report_page(
    record: Line,
    *,
    log: Sequence[Line] = (),
    monitor: Sequence[Line] = (),
    metrics: Line | None = None,
    pictures: Pictures | None = None,
    codes: Codes | None = None,
) -> str:
    """The page as text; nothing in it comes from or goes anywhere else, and no word of the run becomes markup.

    Arguments:
        record: ``run.json``.
        log: lines of ``log.jsonl``.
        monitor: lines of ``monitor.jsonl``.
        metrics: ``metrics.json``.
        pictures: of the run.
        codes: of held-out samples.
    """
    pictures, metrics = pictures or Pictures(), metrics or {}
    parts = {
        "pictures": ("Samples over time" if pictures.samples else "Samples", lambda: show_samples(pictures)),
        "pairs": ("Reconstructions", lambda: show_pairs(pictures)),
        "between": ("Interpolations", lambda: show_between(pictures)),
        "map": ("Map of codes", lambda: "" if codes is None else code_map(codes)),
        "numbers": ("Numbers", lambda: numbers(metrics, _latest(record, log, "step"))),
        "curves": ("Curves", lambda: show_curves(log, monitor)),
        "repeat": ("What ran, and how to repeat it", lambda: _repeat(record, metrics)),
    }
    bodies = {identity: (title, _guarded(make)) for identity, (title, make) in parts.items()}
    shown = {identity: found for identity, found in bodies.items() if found[1]}
    links = "".join(f'<li><a href="#{identity}">{text(title)}</a></li>' for identity, (title, _) in shown.items())
    style, script = (_asset(file) for file in ("report.css", "report.js"))
    title = _guarded(lambda: f"{text(record['recipe'])} on {text(record['data']['name'])}", "a run")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src '{_hash(style)}'; \
script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header>
<h1>{_guarded(lambda: f"{name(record['recipe'])} on {name(record['data']['name'])}", "a run")}</h1>
<p class="lead">{_guarded(lambda: _lead(record, log), "its run.json could not be read")}</p>
<nav aria-label="parts of this page"><ul>{links}</ul></nav>
</header>
<main>
{_guarded(lambda: _health(record, log, monitor, metrics))}
{chr(10).join(section(identity, title, body) for identity, (title, body) in shown.items())}
</main>
<footer><p>{_guarded(lambda: f"Made by gansmith {text(record['gansmith'])}.", "Made by gansmith.")} \
The page is one file: it loads nothing and sends nothing.</p></footer>
<script>{script}</script>
</body>
</html>
"""


def _guarded(make: Callable[[], str], instead: str = DAMAGE) -> str:
    """A run folder may be damaged or come from anywhere: what cannot be shown leaves the rest of the page as it is."""
    try:
        return make()
    except DAMAGED:
        return instead


def _latest(record: Line, log: Sequence[Line], key: str) -> float:
    """Of a run that was killed the record is older than the log."""
    values: list[float] = [line[key] for line in (record, *log[-1:]) if is_number(line.get(key))]
    return max(values, default=0)


def _lead(record: Line, log: Sequence[Line]) -> str:
    step, took = (_latest(record, log, key) for key in ("step", "seconds"))
    where = " ".join(str(record[key]) for key in ("device", "precision") if record.get(key))
    said = [f"{step:,} steps in {took:,.0f} s", text(where), f"seed {text(record['seed'])}", text(record["status"])]
    return " &#183; ".join(said)


def _health(record: Line, log: Sequence[Line], monitor: Sequence[Line], metrics: Line) -> str:
    found = health(log, monitor, metrics, record)
    unknown = [
        what
        for what, there in (
            ("how the critic judges (monitor.jsonl)", monitor),
            ("what was measured at the end (metrics.json)", metrics),
        )
        if not there
    ]
    blind = len(unknown) == 2
    if metrics and "memorization" not in metrics:
        unknown.append("copies of training samples (too few were held out)")
    missing = f"<p>Nothing is known of {' and of '.join(unknown)}.</p>" if unknown else ""
    if found:
        body = f"<ul>{''.join(_finding(f) for f in found)}</ul>{missing}"
    elif blind:
        body = absent("Not known: this run has neither monitor.jsonl nor metrics.json.")
    else:
        seen = (
            "No fault was found in what could be looked at."
            if unknown
            else "No fault was found: losses and scores stayed finite, and neither a collapse, a saturated or an "
            "overfitting critic, nor copies were seen."
        )
        body = f"<p>{seen} Whether samples look right is for you to see.</p>{missing}"
    return section("health", "Health", body, kind="health ill" if found or blind else "health")


def _finding(found: Finding) -> str:
    return f"<li><p>{text(found.sentence)}</p><p>What helps: {text(found.remedy)}</p></li>"


def _repeat(record: Line, metrics: Line) -> str:
    said = " ".join(f"<span>{text(word)}</span>" for word in command(record))
    pairs = "".join(f"<dt>{text(title)}</dt><dd>{name(value)}</dd>" for title, value in facts(record, metrics))
    notes = "".join(f"<dt>note</dt><dd>{name(note)}</dd>" for note in record["data"].get("notes", []))
    return f'<pre tabindex="0"><code>{said}</code></pre><dl>{pairs}{notes}</dl>'


def _asset(file: str) -> str:
    return resources.files("gansmith.report").joinpath(file).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"
