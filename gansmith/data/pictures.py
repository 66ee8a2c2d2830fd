"""Decodes image files, in other processes, to images of one size; files that fail are skipped, with the reason."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from gansmith.counting import counted
from gansmith.data.cache import CacheEntry, Job, cache_entry, entry_of_stamp, save_stamp, source_stamp
from gansmith.data.files import encodable, one_line
from gansmith.data.limits import choice, limit_note
from gansmith.data.listing import Source, pages_of
from gansmith.data.memory import budget
from gansmith.data.pool import Pool
from gansmith.data.progress import Progress
from gansmith.data.raw_data import RawData
from gansmith.data.resizing import Fit, ImageOptions, plan
from gansmith.data.shared_table import PENDING, SharedTable
from gansmith.data.value_range import (
    BYTES,
    MASK,
    UNSCALED,
    WHOLE,
    Range,
    Ranges,
    deep_note,
    found_range,
    mask_range,
    narrow_note,
    shallow_of,
)
from gansmith.sides import LARGEST, MEDIAN

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from gansmith.data.resizing import Pixels

FORMS = ".npz, .npy, IDX, .zip or .tar"


@dataclass(frozen=True)
class DecodedFiles:
    """The result of decoding files.

    Attributes:
        data: the samples.
        indices: for each sample, the index of its file in the source.
    """

    data: RawData
    indices: tuple[int, ...]


def read_pictures(
    source: Source, options: ImageOptions, subset: Sequence[int] | None = None, limit: int | None = None
) -> DecodedFiles:
    """Decodes image files and fits them to one size; gray if all images are gray, otherwise color.

    Each page of a TIFF is a picture of its own. Values of more than 8 bits are brought to 0..255 by one range for all
    files, see `found_range`; so are masks whose largest value is 1.

    Rows stay in memory if they fit into its `budget`; otherwise they go into a file that is built once, see
    `gansmith.data.cache`. The samples are the same either way.

    Arguments:
        source: the files.
        options: size, channels and crop, see `plan`.
        subset: indices of the files to read, in order; None for all.
        limit: the largest number of pictures, where files hold several.

    Raises:
        ValueError: no file can be decoded, or the size is impossible.
        OSError: there is no room for the rows, or processes cannot be started.
    """
    indices = range(len(source.names)) if subset is None else subset
    most = budget()
    may_be_large = len(indices) * (options.channels or 3) * _most_pixels(options) > most
    # Taken before the files are read, so that a file that changes meanwhile is not found in the cache.
    stamp = source_stamp(source, indices, options) if may_be_large else None
    if stamp and (entry := entry_of_stamp(stamp)) and (contents := entry.load(len(indices))):
        return _result(source, indices, *contents)
    table = SharedTable(max(1, len(indices)))
    try:
        with Pool(source, table, len(indices)) as pool:
            with Progress("looking at files", len(indices)) as progress:
                skipped = pool.run(indices, digest=may_be_large, progress=progress)
            pages = table.headers["pages"][: len(indices)]
            if options.first_page or not (pages > 1).any():
                return _read(pool, indices, options, skipped, most, stamp)
            counts = [(index, max(1, int(n))) for index, n in zip(indices, pages, strict=True)]
    finally:
        table.close()
    return _read_pages(source, counts, options, limit)


def _read_pages(
    source: Source, counts: Sequence[tuple[int, int]], options: ImageOptions, limit: int | None
) -> DecodedFiles:
    """Decodes every page of the files, whose indices and numbers of pages are given."""
    stack = pages_of(source, counts)
    chosen = choice(len(stack.places), limit)
    decoded = read_pictures(stack, options, chosen)
    several = sum(n > 1 for _, n in counts)
    has = "has" if several == 1 else "have"
    note = f"{len(stack.places):,} pictures, as {counted(several, 'file')} {has} several pages"
    notes = (f"{note} (--first-page takes the first alone)", *limit_note(len(chosen), len(stack.places)))
    data = replace(decoded.data, notes=(*notes, *decoded.data.notes))
    return replace(decoded, data=data, indices=tuple(stack.places[index][0] for index in decoded.indices))


def _read(
    pool: Pool, indices: Sequence[int], options: ImageOptions, skipped: dict[int, str], most: int, stamp: str | None
) -> DecodedFiles:
    """Decodes the files that `pool` has inspected: into memory if that takes at most ``most`` bytes."""
    headers = pool.table.headers
    decodable = [item for item in range(len(indices)) if item not in skipped]
    entry: CacheEntry | None = None
    shallow = shallow_of(options.value_range)
    with ExitStack() as stack:
        while decodable:
            items, planned = decodable, _plan(headers[decodable], options)
            fit, depth, deep = planned
            shape, scale = (len(items), depth, *fit.size), Ranges(shallow, deep)
            if entry is None and math.prod(shape) > most:
                entry = cache_entry(options, headers["digest"].tolist())
                stack.enter_context(entry.locked())
                if pool.is_permanent:
                    save_stamp(stamp, entry)
                if contents := entry.load(len(indices)):
                    return _result(pool.source, indices, *contents)
            job = (shape, fit, scale)
            table, failed = _decode(pool, [indices[item] for item in items], job, entry, stack)
            skipped |= {items[row]: why for row, why in failed.items()}
            decodable = [item for item in items if item not in skipped]
            # A file that failed only now was counted for the plan; without it the plan may be another.
            if not decodable or _plan(headers[decodable], options) != planned:
                continue
            rows = table.rows(shape)
            brightest = _brightest(rows)
            if options.masks and scale == UNSCALED and (shallow := mask_range(int(brightest.max()))):
                continue
            if failed:
                table.status[:] = PENDING  # if this process is killed while rows move, the build starts again
                rows = _without(rows, failed)
            metadata = {
                "shape": rows.shape,
                "content": fit.content,
                "notes": _notes(headers[decodable], job, brightest),
                "skipped": list(skipped.items()),
                "fingerprint": _fingerprint(rows),
                "deep_range": scale.deep,
                "masks": scale.shallow == MASK,
            }
            if entry is not None:
                rows = entry.finish(table.descriptors, job, metadata, pool.is_permanent)
            return _result(pool.source, indices, rows, metadata)
    raise ValueError(_no_pictures(pool.source, _by_name(pool.source, indices, skipped)))


def _brightest(rows: Pixels) -> npt.NDArray[np.uint8]:
    """The largest value of each picture; transparent places have none."""
    import numpy as np

    if rows.shape[1] != 4:
        return np.asarray(rows.reshape(len(rows), -1).max(1))
    return np.array([(row[:3] * (row[3:] > 0)).max() for row in rows], np.uint8)


def _decode(
    pool: Pool, indices: Sequence[int], job: Job, entry: CacheEntry | None, stack: ExitStack
) -> tuple[SharedTable, dict[int, str]]:
    """Rows of the files at ``indices``, in memory or in the cache, and the rows that failed, with the reason."""
    shape, fit, scale = job
    with Progress("decoding pictures", len(indices)) as progress:
        if entry is None:
            pool.table.clear(math.prod(shape))
            return pool.table, pool.run(indices, fit, shape[1], scale, progress=progress)
        table = SharedTable(len(indices), *entry.begin(job))
        stack.callback(table.close)
        with entry.room(math.prod(shape)), Pool(pool.source, table, len(indices)) as other:
            failed = other.run(indices, fit, shape[1], scale, progress=progress)
        pool.is_permanent &= other.is_permanent
        return table, failed


def _result(source: Source, indices: Sequence[int], rows: Pixels, metadata: Mapping[str, Any]) -> DecodedFiles:
    failures = dict(metadata["skipped"])
    decoded = tuple(index for item, index in enumerate(indices) if item not in failures)
    skipped = _by_name(source, indices, failures)
    data = RawData(
        torch.from_numpy(rows),
        content=metadata["content"] and tuple(metadata["content"]),
        names=tuple(encodable(source.names[index]) for index in decoded),
        notes=(*_skip_note(skipped, len(indices) + len(source.unreadable)), *metadata["notes"]),
        fingerprint=metadata["fingerprint"],
        deep_range=metadata["deep_range"] and tuple(metadata["deep_range"]),
        masks=metadata["masks"],
        skipped=skipped,
    )
    return DecodedFiles(data, decoded)


def _by_name(source: Source, indices: Sequence[int], skipped: Mapping[int, str]) -> dict[str, str]:
    return {source.names[indices[item]]: why for item, why in sorted(skipped.items())} | source.unreadable


def _most_pixels(options: ImageOptions) -> int:
    """Of one picture; its longer side is at most four times the shorter one, or that of an asked size."""
    if isinstance(options.size, tuple):
        return math.prod(options.size)
    return options.largest * (LARGEST if options.size == MEDIAN else options.largest)


def _plan(headers: npt.NDArray[np.void], options: ImageOptions) -> tuple[Fit, int, Range | None]:
    """How pictures are fitted, with how many channels, and the range of values of more than 8 bits."""
    fit = plan(_shapes(headers), options.size, options.content, options.crop, options.largest)
    return fit, options.channels or (1 if headers["gray"].all() else 3), _deep_range(headers, options)


def _shapes(headers: npt.NDArray[np.void]) -> list[tuple[int, int]]:
    return list(zip(headers["height"].tolist(), headers["width"].tolist(), strict=True))


def _deep_range(headers: npt.NDArray[np.void], options: ImageOptions) -> Range | None:
    """The range of the pictures whose values have more than 8 bits; None if there are none."""
    deep = headers[headers["depth"] != BYTES]
    if not len(deep):
        return None
    if wanted := options.value_range or options.deep_range:
        return wanted
    return found_range(float(deep["low"].min()), float(deep["high"].max()), bool((deep["depth"] == WHOLE).all()))


def _notes(headers: npt.NDArray[np.void], job: Job, brightest: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    """What was done to the pictures, whose largest values are ``brightest`` now."""
    (_, depth, *_), fit, scale = job
    left = int((headers["pages"].astype("i8") - 1).sum())
    moving, cut, extra = (int(headers[name].sum()) for name in ("moving", "cut", "extra"))
    deep = headers[headers["depth"] != BYTES]
    return (
        *_color_note(headers, depth),
        *fit.note,
        *fit.enlarged(_shapes(headers)),
        *((f"left out: pages after the first, {left:,} of them",) if left else ()),
        *((f"the first picture is taken of files with several, {moving:,} of them",) if moving else ()),
        *((f"of 16 bits a value the upper 8 are taken, in {counted(cut, 'picture')} with colors",) if cut else ()),
        *(deep_note(float(deep["low"].min()), float(deep["high"].max()), scale.deep) if scale.deep else ()),
        *((f"left out: the channel beyond gray or color, in {counted(extra, 'picture')}",) if extra else ()),
        *narrow_note(brightest, scale),
    )


def _color_note(headers: npt.NDArray[np.void], depth: int) -> tuple[str, ...]:
    gray = int(headers["gray"].sum())
    if gray in (0, len(headers)):
        return ()
    are, taken = "is" if gray == 1 else "are", "gray" if depth == 1 else "color"
    return (f"{gray:,} of {counted(len(headers), 'image')} {are} gray: all are taken in {taken}",)


def _without(rows: Pixels, failed: Collection[int]) -> Pixels:
    """The rows that did not fail, moved together in place, without a copy."""
    place = min(failed)
    for row in range(place, len(rows)):
        if row not in failed:
            rows[place] = rows[row]
            place += 1
    return rows[:place]


def _fingerprint(rows: Pixels) -> str:
    """The same digest as in `gansmith.data.dataset`; stored beside rows on disk, so that they need not be read."""
    digest = hashlib.sha256(f"torch.{rows.dtype}{rows.shape}".encode())
    digest.update(rows.data)
    return digest.hexdigest()


def _skip_note(skipped: Mapping[str, str], total: int) -> tuple[str, ...]:
    if not skipped:
        return ()
    entries = [f"{one_line(name)} ({one_line(why)})" for name, why in list(skipped.items())[:5]]
    more = f" and {len(skipped) - 5:,} more, see skipped.csv" if len(skipped) > 5 else ""
    return (f"skipped {len(skipped):,} of {counted(total, 'file')}: {', '.join(entries)}{more}",)


def _no_pictures(source: Source, skipped: Mapping[str, str]) -> str:
    name, why = next(iter(skipped.items()))
    if len(skipped) == 1:
        what = f"{one_line(source.base)}/{one_line(name)}"
        return f"cannot read {what} as a picture ({one_line(why)}), and it is no {FORMS}: name one of these"
    example = f"{one_line(name)}: {one_line(why)}"
    return f"none of the {len(skipped):,} files in {one_line(source.base)} is a picture ({example})"
