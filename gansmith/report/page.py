"""A run as one page: report.html, which asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gansmith.counting import counted
from gansmith.disk.atomic import atomic
from gansmith.disk.json_files import read_json
from gansmith.examinations import sentences, tables
from gansmith.report.pictures import Pictures, parts, read_pictures, show_pictures
from gansmith.report.progress import charts
from gansmith.report.repeating import command, facts
from gansmith.report.templates import own, page, part
from gansmith.report.verdict import latest, read_lines, verdict

if TYPE_CHECKING:
    from markupsafe import Markup

Line = Mapping[str, Any]

DAMAGE = "This part of the run could not be read: its files are damaged."
DAMAGED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


class Section(NamedTuple):
    """A part of the page: the name of its address, its heading, and what stands under it."""

    identity: str
    title: str
    body: str


def write_report(run: Path) -> Path:
    """Writes ``report.html`` into a run folder, in one step; one that was there is replaced.

    Read are ``run.json``, ``log.jsonl``, ``monitor.jsonl``, ``growth.jsonl``, ``metrics.json`` and the pictures of
    every exhibit. What is missing or damaged is said on the page.

    Arguments:
        run: the folder.

    Raises:
        OSError: the page cannot be written; the old one stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = write_report(Path(folder)).read_text(encoding="utf-8")
        >>> "could not be read" in page
        True
    """
    text = report_page(
        read_json(run / "run.json"),
        log=read_lines(run / "log.jsonl"),
        monitor=read_lines(run / "monitor.jsonl"),
        growth=read_lines(run / "growth.jsonl"),
        metrics=read_json(run / "metrics.json"),
        pictures=read_pictures(run),
    )
    path = run / "report.html"
    with atomic(path) as file:
        file.write(text.encode())
    return path


def report_page(
    record: Line,
    *,
    log: Sequence[Line] = (),
    monitor: Sequence[Line] = (),
    growth: Sequence[Line] = (),
    metrics: Line | None = None,
    pictures: Pictures | None = None,
) -> str:
    """The page as text; nothing in it comes from or goes anywhere else, and no word of the run becomes markup.

    Arguments:
        record: ``run.json``.
        log: lines of ``log.jsonl``.
        monitor: lines of ``monitor.jsonl``.
        growth: lines of ``growth.jsonl``.
        metrics: ``metrics.json``.
        pictures: what `read_pictures` found.
    """
    pictures, metrics = pictures or Pictures(), metrics or {}
    style, script = own("report.css"), own("report.js")
    sections = [
        _section(f"pictures-{i}", title, partial(show_pictures, pictures, title, exhibits))
        for i, (title, exhibits) in enumerate(parts(pictures).items(), 1)
    ]
    sections += [
        _section("numbers", "Numbers", lambda: _numbers(metrics, latest(record, log, "step"))),
        _section("curves", "Curves", lambda: _curves(log, monitor, growth)),
        _section("repeat", "What ran, and how to repeat it", lambda: _repeat(record, metrics)),
    ]
    return page(
        title=_guarded(lambda: f"{record['recipe']} on {record['data']['name']}", "a run"),
        heading=_guarded(lambda: part("heading", record["recipe"], record["data"]["name"]), "a run"),
        lead=_guarded(lambda: _lead(record, log), "its run.json could not be read"),
        maker=_guarded(lambda: f"Made by gansmith {record['gansmith']}.", "Made by gansmith."),
        health=_guarded(lambda: part("health", verdict(record, log, monitor, metrics))),
        sections=sections,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _section(identity: str, title: str, make: Callable[[], str]) -> Section:
    return Section(identity, title, _guarded(make))


def _guarded(make: Callable[[], str], instead: str | None = None) -> str:
    """A run folder may be damaged or come from anywhere: what cannot be shown leaves the rest of the page as it is."""
    try:
        return make()
    except DAMAGED:
        return part("absent", DAMAGE) if instead is None else instead


def _lead(record: Line, log: Sequence[Line]) -> str:
    step, seconds = (latest(record, log, key) for key in ("step", "seconds"))
    machine = " ".join(str(record[key]) for key in ("device", "precision") if record.get(key))
    took = f"{counted(step, 'step')} in {seconds:,.0f} s"
    return " · ".join([took, machine, f"seed {record['seed']}", str(record["status"])])


def _numbers(metrics: Line, last: float) -> Markup:
    """All tables, and what is said in words only."""
    numbers = dict(metrics)
    reasons = [str(numbers[key]) for key in ("too_few", "seen", "no_floor") if key in numbers]
    notes = [*_earlier(numbers, last), *(f"{reason}." for reason in reasons)]
    return part("numbers", notes, [line for line in sentences(numbers) if line not in reasons], tables(numbers))


def _earlier(numbers: Line, last: float) -> list[str]:
    """A note where a run was measured at another step than its last."""
    step = numbers.get("step", last)
    if not last or step == last:
        return []
    return [f"Measured at step {step:,}, but the run is at step {last:,}: gansmith report RUN measures it anew."]


def _curves(log: Sequence[Line], monitor: Sequence[Line], growth: Sequence[Line]) -> Markup:
    usual, more = charts(log, monitor, growth)
    return part("curves", usual, more) if usual or more else part("absent", "Nothing was logged.")


def _repeat(record: Line, metrics: Line) -> Markup:
    notes = [("note", note) for note in record["data"].get("notes", [])]
    return part("repeat", command(record), [*facts(record, metrics), *notes])


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"
