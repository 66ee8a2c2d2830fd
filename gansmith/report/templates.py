"""The templates of the page, filled in: what they are given becomes text, never markup."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from gansmith.report.cleaning import clean

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def part(macro: str, *values: Any) -> Markup:
    """A part of the page: a macro of ``parts.html.j2``, filled in.

    Raises:
        LookupError: a value has not what the macro shows of it.

    Example:
        >>> part("absent", "<b> & \\u202e")
        Markup('<p class="absent">&lt;b&gt; &amp; \ufffd</p>')
    """
    from jinja2 import UndefinedError

    call: Any = getattr(_environment().get_template("parts.html.j2").module, macro)
    try:
        filled: Markup = call(*values)
    except UndefinedError as error:
        raise LookupError(f"{macro}: {error}") from error
    return filled


def page(**values: Any) -> str:
    """The whole page: ``page.html.j2``, filled in."""
    return _environment().get_template("page.html.j2").render(values)


def own(file: str) -> Markup:
    """A file of this package, e.g. the page's style, as the markup that it is."""
    from markupsafe import Markup

    return Markup(_read(file))  # no word of a run is in it


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: Any) -> Any:
    """Markup is made of values that were cleaned one by one."""
    return value if hasattr(value, "__html__") else clean(value)


def _read(file: str) -> str:
    return resources.files("gansmith.report").joinpath(file).read_text(encoding="utf-8")
