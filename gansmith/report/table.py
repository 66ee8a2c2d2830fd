"""Measured numbers as a table on the terminal."""

from __future__ import annotations

from typing import Any

from gansmith.report.numbers import code_rows, rows, sentences


def print_table(found: dict[str, Any]) -> None:
    """Prints what was measured: distances with intervals and floors, an encoder beside principal components."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    for line in sentences(found):
        print(line)
    shown = rows(found)
    if shown:
        name, n = found["features"]["name"], found["n"]
        table = Table(title=f"{n:,} of each kind, in the features '{escape(name)}'", title_justify="left")
        for column in ("", "value", "95 % interval", "real against real", "better"):
            table.add_column(column, justify="left" if column in ("", "better") else "right")
        for row in shown:
            table.add_row(row.title, row.value, row.interval, row.floor, row.better)
        console.print(table)
        print(f"features: {found['features']['why']}")
    codes = code_rows(found)
    if codes:
        table = Table(title=_about_codes(found["reconstruction"]), title_justify="left")
        for column in ("", "this run", "principal components", "better"):
            table.add_column(column, justify="left" if column in ("", "better") else "right")
        for row in codes:
            table.add_row(row.title, row.value, row.floor, row.better)
        console.print(table)


def _about_codes(found: dict[str, Any]) -> str:
    return f"codes of {found['code']} numbers, beside {found.get('principal_code')} principal components"
