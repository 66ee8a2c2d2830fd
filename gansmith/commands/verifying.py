"""The library's mathematics, measured where it is installed."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from gansmith.counting import counted
from gansmith.disk.json_files import to_json
from gansmith.refusal import Refusal
from gansmith.testing.claims import Claim, Finding
from gansmith.testing.oracles import CLAIMS

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 500  # columns where nobody's terminal sets them: a claim is a line
NARROW = 80  # in fewer columns what numbers leave to the words cuts these to pieces


def verify(args: argparse.Namespace) -> int:
    """Measures every claim; the exit code is 1 where one fails."""
    claims = [each for each in CLAIMS if (args.only or "").lower() in f"{each.claim} ({each.source})".lower()]
    if not claims:
        raise Refusal(f"no claim speaks of {args.only!r}: gansmith verify lists all {len(CLAIMS)}")
    begun = time.perf_counter()
    results = [(each, each.measure()) for each in _with_progress(claims)]
    failed = [(each, finding) for each, finding in results if not finding.holds]
    if args.json:
        print(to_json({"claims": [_record(*each) for each in results]}))
    else:
        _print_table(results)
    for each, finding in failed:
        if sys.stderr is not None:  # print would take standard output instead
            print(f"fails: {each.claim}: {finding.problem or _numbers(finding)}", file=sys.stderr)
    if not args.json:
        n, held, seconds = len(results), len(results) - len(failed), time.perf_counter() - begun
        print(f"{counted(n, 'claim')}, of which {held} hold{'s' * (held == 1)}; {seconds:.1f} seconds")
    return 1 if failed else 0


def _with_progress(claims: list[Claim]) -> Iterable[Claim]:
    """Shows progress where there is a terminal."""
    if not _terminal(sys.stderr):
        return claims
    from rich.console import Console
    from rich.progress import track

    return track(claims, "measuring", console=Console(stderr=True), transient=True)


def _terminal(stream: TextIO | None) -> bool:
    """A stream that was closed before Python began is None."""
    return stream is not None and stream.isatty()


def _record(claim: Claim, finding: Finding) -> dict[str, str | float]:
    return {
        "claim": claim.claim,
        "measured": finding.measured,
        "expected": finding.expected,
        "error": finding.error,
        "tolerance": claim.tolerance,
        "source": claim.source,
    }


def _print_table(results: list[tuple[Claim, Finding]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, width=None if _terminal(sys.stdout) else WIDE)
    if console.width < NARROW:
        _print_blocks(results, console)
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("claim", "measured", "expected", "error", "tolerance", "source"):
        words = column in ("claim", "source")
        table.add_column(column, justify="left" if words else "right", no_wrap=not words)
    for claim, finding in results:
        numbers = (f"{finding.measured:.6g}", f"{finding.expected:.6g}", f"{finding.error:.1e}")
        style = None if finding.holds else "bold red"
        table.add_row(escape(claim.claim), *numbers, f"{claim.tolerance:.0e}", escape(claim.source), style=style)
    console.print(table)


def _print_blocks(results: list[tuple[Claim, Finding]], console: Console) -> None:
    """A claim on lines of its own, and what was measured below it."""
    from rich.padding import Padding
    from rich.text import Text

    for claim, finding in results:
        style = None if finding.holds else "bold red"
        console.print(claim.claim, style=style, markup=False)
        below = [
            f"measured {finding.measured:.6g}",
            f"expected {finding.expected:.6g}",
            f"error {finding.error:.1e}, tolerance {claim.tolerance:.0e}",
            claim.source,
        ]
        for line in below:
            console.print(Padding.indent(Text(line, style=style or ""), 2))


def _numbers(finding: Finding) -> str:
    return f"measured {finding.measured:.6g}, expected {finding.expected:.6g}, error {finding.error:.1e}"
