"""Images from the Hugging Face hub, at a pinned revision; code of a dataset is never run."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansmith.counting import counted
from gansmith.data.classes import SPLITS, Classes
from gansmith.data.files import encodable, one_line
from gansmith.data.label_values import check_range
from gansmith.data.listing import ImageBytes

if TYPE_CHECKING:
    from datasets import Dataset, DatasetBuilder, DatasetDict

PREFIX = "hf:"
TIMEOUT = 20.0  # seconds to wait for an answer of the hub


def read_hub(source: str) -> tuple[ImageBytes, Classes]:
    """Images of a dataset on the hub, with their labels and split.

    Images come from the column of type image. Labels come from the column of type class label, or else from a column
    of integers named ``label``. If there is a split ``train``, validation and test splits are held out and other
    splits are ignored; otherwise all splits are joined.

    Arguments:
        source: ``hf:NAME`` or ``hf:NAME@REVISION``. A note names the current commit;
            ``hf:NAME@COMMIT`` loads exactly that again, without a network if it was the last one that was loaded.

    Returns:
        The encoded images, which are decoded later, and their classes.

    Raises:
        ValueError: the library datasets is not installed; no such dataset; the hub cannot be reached; no images.
    """
    match = re.fullmatch(r"hf:(\w[\w.-]*(?:/\w[\w.-]*)?)(?:@([\w./-]+))?", source, re.ASCII)
    if match is None:
        raise ValueError(f"needs hf:NAME or hf:NAME@REVISION, such as hf:ylecun/mnist, but got {one_line(source)}")
    name, revision = match.groups()
    with _one_line_errors(source):
        is_commit = revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision) is not None
        commit = revision if is_commit else _commit(name, revision)
        builder = _builder(name, commit)
        # The library may fall back to a local folder of that name, or to another revision in its cache.
        if builder.hash != commit:
            raise ValueError(f"got {one_line(builder.hash)} instead of commit {commit}")
        builder.download_and_prepare()
        parts = builder.as_dataset()
    return pictures_of(parts, f"{PREFIX}{name}@{commit}")


def pictures_of(parts: DatasetDict, source: str) -> tuple[ImageBytes, Classes]:
    """Images, labels and split of all parts of a dataset, in order, the training part first.

    Raises:
        ValueError: no column of images; labels out of range.
    """
    import datasets

    used = sorted(parts, key=lambda part: SPLITS.get(part) != "train")
    is_split = SPLITS.get(used[0]) == "train"
    if is_split:
        used = [part for part in used if part in SPLITS]
    features = parts[used[0]].features
    images = [column for column, feature in features.items() if isinstance(feature, datasets.Image)]
    if not images:
        raise ValueError(
            f"{one_line(source)} has no column of images, but {one_line(', '.join(features))}: name another"
        )
    column = min(images, key=lambda column: column != "image")
    undecoded = {part: parts[part].select_columns([column]) for part in used}
    undecoded = {part: rows.cast_column(column, datasets.Image(decode=False)) for part, rows in undecoded.items()}
    sizes = [len(parts[part]) for part in used]
    names = [f"{part}/{row:06d}" for part in used for row in range(len(parts[part]))]
    train = sum(size for part, size in zip(used, sizes, strict=True) if SPLITS.get(part) == "train")
    held_out = list(range(train, len(names))) if is_split and train < len(names) else None
    labels, class_names = _labels([parts[part] for part in used], source)
    notes = [f"{one_line(source)}, column {one_line(column)}, of {', '.join(map(one_line, used))}"]
    notes += [f"{len(held_out):,} held out"] if held_out else []
    classes = Classes(labels, class_names, held_out, _class_note(class_names), tuple(notes))
    return ImageBytes(names, _reader([undecoded[part] for part in used], sizes, column), base=source), classes


def _labels(parts: list[Dataset], source: str) -> tuple[list[int] | None, tuple[str, ...]]:
    import datasets

    features = parts[0].features
    columns = [column for column, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    if not columns and str(getattr(features.get("label"), "dtype", "")).startswith(("int", "uint")):
        columns = ["label"]
    if not columns:
        return None, ()
    column = min(columns, key=lambda column: column != "label")
    names = tuple(encodable(name) for name in getattr(features[column], "names", None) or ())
    values = (part.select_columns([column]).with_format("arrow")[:][column].to_pylist() for part in parts)
    labels = [-1 if label is None else int(label) for rows in values for label in rows]
    check_range(min(labels, default=0), max(labels, default=0), source)
    return labels, names


def _class_note(names: tuple[str, ...]) -> tuple[str, ...]:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (f"{counted(len(names), 'class', 'classes')}: {', '.join(map(one_line, names[:5]))}{more}",) if names else ()


def _reader(parts: list[Dataset], sizes: list[int], column: str) -> Callable[[int], bytes]:
    ends = list(accumulate(sizes))

    def read(index: int) -> bytes:
        part = bisect_right(ends, index)
        cell = parts[part][index - (ends[part] - sizes[part])][column] or {}
        return cell.get("bytes") or _cached_file(cell.get("path"))

    return read


def _cached_file(path: str | None) -> bytes:
    """A file in the cache of the library; for any other path, which a row may name, no bytes."""
    import datasets

    place = Path(path or "").resolve()
    if path and place.is_file() and place.is_relative_to(Path(datasets.config.HF_CACHE_HOME).resolve()):
        return place.read_bytes()
    return b""


def _commit(name: str, revision: str | None) -> str:
    from huggingface_hub import HfApi

    return str(HfApi().dataset_info(name, revision=revision, timeout=TIMEOUT).sha)


def _builder(name: str, commit: str) -> DatasetBuilder:
    import inspect

    from datasets import load_dataset_builder

    # Version 3 could still run a dataset's own code; later versions cannot, and have no such argument.
    old = "trust_remote_code" in inspect.signature(load_dataset_builder).parameters
    options: dict[str, Any] = {"trust_remote_code": False} if old else {}
    return load_dataset_builder(name, revision=commit, **options)


@contextmanager
def _one_line_errors(source: str) -> Iterator[None]:
    """Turns exceptions of the libraries and of the network into an error of one line."""
    try:
        yield
    except ImportError as error:
        raise ValueError(f"{one_line(source)} needs the library datasets: pip install 'gansmith[hub]'") from error
    except Exception as error:
        reason = one_line((str(error).splitlines() or [""])[0])[:200] or type(error).__name__
        cure = "look at the name and at the network, which hf:NAME@COMMIT does not need if it was loaded last"
        raise ValueError(f"cannot load {one_line(source)} ({reason}): {cure}") from error
