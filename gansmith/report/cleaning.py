"""Letters that are no writing: other people's words come without them, on a page and on a terminal."""

from __future__ import annotations

import re

# What letters of no script need: controls, halves of surrogate pairs, and marks that turn the order of a line around.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def clean(value: object) -> str:
    """Anything as text, in which each letter that nobody can see is a replacement character.

    Example:
        >>> clean("a\\u202eb\\x1b[31m"), clean(3)
        ('a\ufffdb\ufffd[31m', '3')
    """
    return _UNSEEN.sub("\ufffd", str(value))
