"""Picture files to rows of one size, looked at and decoded by other processes; what fails is skipped by name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from gansmith.data.board import PENDING, Board
from gansmith.data.cache import Shelf, recall, remember, shelf_of, stamped
from gansmith.data.files import printable, shown
from gansmith.data.fitting import Fit, Form, plan
from gansmith.data.found import Found
from gansmith.data.listing import Source
from gansmith.data.memory import budget
from gansmith.data.pool import Pool
from gansmith.data.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from gansmith.data.fitting import Pixels


@dataclass(frozen=True)
class Pictures:
    """What became of files: the samples, which of the source's files they are, and the others with the reason."""

    found: Found
    kept: tuple[int, ...]
    skipped: Mapping[str, str]


def read_pictures(source: Source, form: Form, chosen: Sequence[int] | None = None) -> Pictures:
    """Decodes pictures and fits them to one size, gray if all are gray, otherwise color.

    Rows stay in memory where they fit into its `budget`; otherwise they go into a file that is built once, see
    `gansmith.data.cache`. The samples are the same.

    Arguments:
        source: the files.
        form: what was asked of them, see `plan`.
        chosen: which of the files, in order; None for all.

    Raises:
        ValueError: none of the files can be decoded, or the size is impossible.
        OSError: there is no room for the rows, or processes cannot be started.
    """
    indices = range(len(source.names)) if chosen is None else chosen
    most = budget()
    may_be_large = len(indices) * (form.channels or 3) * (form.size or form.largest) ** 2 > most
    # Taken before they are read: of files that change meanwhile nothing is remembered.
    stamp = stamped(source, indices, form) if may_be_large else None
    if stamp and (shelf := recall(stamp)) and (there := shelf.load(len(indices))):
        return _pictures(source, indices, *there)
    board = Board(max(1, len(indices)))
    try:
        with Pool(source, board, len(indices)) as pool:
            with Progress("looking at files", len(indices)) as tell:
                skipped = pool.run(indices, digest=may_be_large, tell=tell)
            return _read(pool, indices, form, skipped, most, stamp)
    finally:
        board.close()


def _read(
    pool: Pool, indices: Sequence[int], form: Form, skipped: dict[int, str], most: int, stamp: str | None
) -> Pictures:
    """Decodes what `pool` has looked at: into memory if that takes at most so many bytes."""
    headers = pool.board.headers
    kept = [item for item in range(len(indices)) if item not in skipped]
    shelf: Shelf | None = None
    with ExitStack() as stack:
        while kept:
            items, (fit, depth) = kept, _plan(headers[kept], form)
            shape = (len(items), depth, fit.size, fit.size)
            if shelf is None and math.prod(shape) > most:
                shelf = shelf_of(form, headers["digest"].tolist())
                stack.enter_context(shelf.locked())
                if pool.is_lasting:
                    remember(stamp, shelf)
                if there := shelf.load(len(indices)):
                    return _pictures(pool.source, indices, *there)
            board, failed = _decode(pool, [indices[item] for item in items], shape, fit, shelf, stack)
            skipped |= {items[row]: why for row, why in failed.items()}
            kept = [item for item in items if item not in skipped]
            # What failed only now had a say in the size: without it the plan may be another.
            if kept and _plan(headers[kept], form) == (fit, depth):
                rows = board.rows(shape)
                if failed:
                    board.status[:] = PENDING  # killed while rows move, a build on disk starts again
                    rows = _without(rows, failed)
                notes = (*_color_note(headers[kept], depth), *fit.note, *fit.enlarged(_shapes(headers[kept])))
                about = {
                    "shape": rows.shape,
                    "content": fit.content,
                    "notes": notes,
                    "skipped": list(skipped.items()),
                    "fingerprint": _fingerprint(rows),
                }
                if shelf is not None:
                    rows = shelf.finish(board.descriptors, shape, fit, about, pool.is_lasting)
                return _pictures(pool.source, indices, rows, about)
    raise ValueError(_nothing(pool.source, _by_name(pool.source, indices, skipped)))


def _decode(
    pool: Pool, indices: Sequence[int], shape: tuple[int, ...], fit: Fit, shelf: Shelf | None, stack: ExitStack
) -> tuple[Board, dict[int, str]]:
    """Rows of the files at ``indices``, in memory or on the shelf, and which of them failed."""
    with Progress("decoding pictures", len(indices)) as tell:
        if shelf is None:
            pool.board.clear(math.prod(shape))
            return pool.board, pool.run(indices, fit, shape[1], tell=tell)
        board = Board(len(indices), *shelf.begin(shape, fit))
        stack.callback(board.close)
        with shelf.room(math.prod(shape)), Pool(pool.source, board, len(indices)) as other:
            failed = other.run(indices, fit, shape[1], tell=tell)
        pool.is_lasting &= other.is_lasting
        return board, failed


def _pictures(source: Source, indices: Sequence[int], rows: Pixels, about: Mapping[str, Any]) -> Pictures:
    lost = dict(about["skipped"])
    kept = tuple(index for item, index in enumerate(indices) if item not in lost)
    skipped = _by_name(source, indices, lost)
    found = Found(
        torch.from_numpy(rows),
        content=about["content"] and tuple(about["content"]),
        names=tuple(printable(source.names[index]) for index in kept),
        notes=(*_skip_note(skipped, len(indices) + len(source.unreadable)), *about["notes"]),
        fingerprint=about["fingerprint"],
    )
    return Pictures(found, kept, skipped)


def _by_name(source: Source, indices: Sequence[int], skipped: Mapping[int, str]) -> dict[str, str]:
    return {source.names[indices[item]]: why for item, why in sorted(skipped.items())} | source.unreadable


def _plan(headers: npt.NDArray[np.void], form: Form) -> tuple[Fit, int]:
    fit = plan(_shapes(headers), form.size, form.content, form.crop, form.largest)
    return fit, form.channels or (1 if headers["gray"].all() else 3)


def _shapes(headers: npt.NDArray[np.void]) -> list[tuple[int, int]]:
    return list(zip(headers["height"].tolist(), headers["width"].tolist(), strict=True))


def _color_note(headers: npt.NDArray[np.void], depth: int) -> tuple[str, ...]:
    gray = int(headers["gray"].sum())
    if gray in (0, len(headers)):
        return ()
    return (f"{gray:,} of {len(headers):,} images are gray: all are taken in {'color' if depth == 3 else 'gray'}",)


def _without(rows: Pixels, failed: Collection[int]) -> Pixels:
    """The rows that did not fail, moved together in place."""
    place = min(failed)
    for row in range(place, len(rows)):
        if row not in failed:
            rows[place] = rows[row]
            place += 1
    return rows[:place]


def _fingerprint(rows: Pixels) -> str:
    """As `gansmith.data.dataset` takes it of any samples; kept with rows on disk, which are not all read again."""
    digest = hashlib.sha256(f"torch.{rows.dtype}{rows.shape}".encode())
    digest.update(rows.data)
    return digest.hexdigest()


def _skip_note(skipped: Mapping[str, str], total: int) -> tuple[str, ...]:
    if not skipped:
        return ()
    listed = [f"{shown(name)} ({shown(why)})" for name, why in list(skipped.items())[:5]]
    more = f" and {len(skipped) - 5:,} more" if len(skipped) > 5 else ""
    return (f"skipped {len(skipped):,} of {total:,} files: {', '.join(listed)}{more}",)


def _nothing(source: Source, skipped: Mapping[str, str]) -> str:
    name, why = next(iter(skipped.items()))
    if len(skipped) == 1:
        what = f"{shown(source.base)}/{shown(name)}"
        return f"{what} is neither a picture ({shown(why)}), nor IDX, nor .npz: name a file of one of these"
    return f"none of the {len(skipped):,} files in {shown(source.base)} is a picture ({shown(name)}: {shown(why)})"
