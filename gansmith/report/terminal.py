"""Measured numbers on the terminal."""

from __future__ import annotations

from typing import Any

from gansmith.examinations import Table, sentences, tables
from gansmith.report.cleaning import clean


def print_table(numbers: dict[str, Any]) -> None:
    """Prints what was measured, as sentences and as tables without the columns that only a page has room for.

    Arguments:
        numbers: ``metrics.json``.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in sentences(numbers):
        print(clean(line))
    for table in tables(numbers):
        console.print(Text(clean(table.caption)), _drawn(table), sep="\n")
    if "metrics" in numbers:
        print(f"features: {clean(numbers['features']['why'])}")


def _drawn(table: Table) -> Any:
    from rich.table import Table as Drawing
    from rich.text import Text

    columns = [i for i in range(len(table.head)) if i not in table.wide]
    drawing = Drawing()
    for i in columns:
        drawing.add_column(Text(clean(table.head[i])), justify="left" if i in table.words else "right")
    for row in table.rows:
        drawing.add_row(*(Text(clean(row[i])) for i in columns))
    return drawing
