"""Other people's words on a picture: one line, in letters that the font has, never read as mathematics."""

from __future__ import annotations

import textwrap
from functools import cache
from typing import Any

from gansmith.drawing.matplotlib_import import import_matplotlib

FONT = "DejaVu Sans"  # comes with matplotlib


def legible(text: str, longest: int | None = None) -> str:
    """A text in one line, without what the font cannot draw, cut off with an ellipsis.

    Arguments:
        text: anything, e.g. a title with line breaks or letters of any script.
        longest: the most letters to keep; all by default.

    Example:
        >>> legible("two\\nlines", longest=6)
        'two l…'
    """
    line = "".join(letter if ord(letter) in _letters() else "\ufffd" for letter in " ".join(text.split()))
    return line if longest is None or len(line) <= longest else line[: longest - 1] + "…"


def wrapped(lines: list[str], width: int, most: int) -> str:
    """Lines broken at a width in letters, continuations indented; where there are too many, the last says so.

    Example:
        >>> print(wrapped(["one two three", "four", "five"], width=9, most=3))
        one two
          three
        … 2 more
    """
    parts = [textwrap.wrap(legible(line), width, subsequent_indent="  ") or [""] for line in lines]
    every = [line for part in parts for line in part]
    if len(every) > most:
        every = [*every[: most - 1], f"… {len(every) - most + 1} more"]
    return "\n".join(every)


def write(where: Any, x: float, y: float, text: str, **style: Any) -> None:
    """Puts a text on a figure or axes as it is: a dollar sign is a dollar sign."""
    where.text(x, y, text, parse_math=False, fontfamily=FONT, **style)


@cache
def _letters() -> frozenset[int]:
    import_matplotlib()
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family=[FONT]))).get_charmap())
