"""What is said to the user in one line, as against mistakes of ours, which keep their traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Refusal(ValueError):  # noqa: N818 (what happened, not a mistake)
    """What was asked for cannot be done: a sentence to the user that says what was needed, what came, and the cure."""


@contextmanager
def refusals(prefix: str = "", cure: str = "") -> Iterator[None]:
    """Around what works on the user's words, files and arguments: a ValueError in here is about those.

    Arguments:
        prefix: put before what the error says.
        cure: put behind it.

    Example:
        >>> with refusals(cure="; mend the file"):
        ...     raise ValueError("it is damaged")
        Traceback (most recent call last):
            ...
        gansmith.refusal.Refusal: it is damaged; mend the file
    """
    try:
        yield
    except Refusal:
        raise
    except ValueError as error:
        raise Refusal(f"{prefix}{error}{cure}") from error


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's, or torch's, which is a RuntimeError.

    Example:
        >>> out_of_memory(MemoryError()), out_of_memory(RuntimeError("a bug"))
        (True, False)
    """
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(s in said for s in ("out of memory", "t allocate memory"))


def check_sizes(**sizes: int | None) -> None:
    """Sizes of a network or of a latent, by their names; None stands for one that is not asked for.

    Raises:
        ValueError: one is no whole number of at least 1.

    Example:
        >>> check_sizes(inputs=2, width=0)
        Traceback (most recent call last):
            ...
        ValueError: needs width of at least 1, a whole number, but got 0
    """
    for name, size in sizes.items():
        if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
            raise ValueError(f"needs {name} of at least 1, a whole number, but got {size!r}")
