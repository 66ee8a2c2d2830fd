"""Pieces of a page in HTML; other people's words come through `text` and never become markup."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

# What letters of no script need: controls, halves of surrogate pairs, and marks that turn the order of a line around.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def text(value: object) -> str:
    """Anything as text of a page, between tags or inside the quotes of an attribute.

    Example:
        >>> text('<b> & "c"'), text("a\\u202eb")
        ('&lt;b&gt; &amp; &quot;c&quot;', 'a\ufffdb')
    """
    return html.escape(_UNSEEN.sub("\ufffd", str(value)), quote=True)


def name(value: object) -> str:
    """A name of somebody's, of any script: it does not change the direction of the words around it."""
    return f"<bdi>{text(value)}</bdi>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, *, words: Sequence[int] = ()) -> str:
    """A table in a box of its own, which scrolls where the page is narrow.

    Arguments:
        head: titles of the columns, as text.
        rows: cells, as markup; the first of a row is its title.
        caption: as markup.
        words: columns that hold words; the others hold numbers.
    """
    kinds = ["words" if i in words else "number" for i in range(len(head))]
    titles = "".join(f'<th scope="col" class="{kind}">{text(t)}</th>' for t, kind in zip(head, kinds, strict=True))
    body = []
    for first, *rest in rows:
        cells = "".join(f'<td class="{kind}">{cell}</td>' for cell, kind in zip(rest, kinds[1:], strict=True))
        body.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    return (
        f'<figure class="table"><figcaption>{caption}</figcaption>'
        '<div class="scroll" tabindex="0" role="region" aria-label="table"><table>'
        f"<thead><tr>{titles}</tr></thead><tbody>{''.join(body)}</tbody></table></div></figure>"
    )


def section(identity: str, title: str, body: str, kind: str = "part") -> str:
    """A part of the page under its heading."""
    heading = f'<h2 id="{identity}-title">{text(title)}</h2>'
    return f'<section id="{identity}" class="{kind}" aria-labelledby="{identity}-title">{heading}{body}</section>'


def absent(sentence: str) -> str:
    """What is said in the place of something that is not there."""
    return f'<p class="absent">{sentence}</p>'
