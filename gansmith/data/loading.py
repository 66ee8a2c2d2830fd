"""Loads a dataset by its name or path."""

from __future__ import annotations

import re
from pathlib import Path

from gansmith.data.dataset import Dataset, assemble
from gansmith.data.files import one_line
from gansmith.data.label_file import find_label_file
from gansmith.data.resizing import CROPS, ImageOptions
from gansmith.data.sources import Request, path_of, read_source
from gansmith.data.value_range import check_range
from gansmith.sides import MEDIAN, check_sides, sides_of


def load(
    source: str | Path,
    size: int | str | None = None,
    channels: int | None = None,
    content: tuple[int, int] | None = None,
    *,
    labels: str | None = None,
    label_column: str | None = None,
    limit: int | None = None,
    crop: str = "center",
    value_range: tuple[float, float] | None = None,
    first_page: bool = False,
    strict: bool = False,
    held_out: float | None = None,
    largest: int = 128,
    deep_range: tuple[float, float] | None = None,
    masks: bool = True,
) -> Dataset:
    """Loads images or vectors.

    Arguments:
        source: ``digits`` (1,797 scans of 8x8 pixels), ``ring`` or ``grid`` (100,000 points in the plane), ``mnist``,
            ``fashion-mnist`` or ``cifar10`` (downloaded once), ``hf:NAME`` or ``hf:NAME@REVISION`` on the Hugging Face
            hub (pip install 'gansmith[hub]'), or a path: a folder of image files, whose sub-folders are classes (and
            train, val, test the split); a .zip or .tar of such a folder; one image file; an IDX file (gzip or not) or a
            folder of them; an .npy file of samples; an .npz file of samples, with labels or without; or a .csv or .tsv
            file of numbers, whose rows are vectors. Files are recognized by their content. A name wins over a path;
            write ``./digits`` for the path.
        size: side of the images in pixels, a power of two from 8 to 256; by default the median shorter side,
            rounded up to a power of two, at most ``largest``. Squares of one side are padded if ``size`` is the next
            power of two (28 to 32, see `Dataset.content`); other images are brought to it by ``crop`` and resized.
            Rectangles as ``96x64``, width x height, both sides from 8 to 256, which halve evenly until the shorter one
            is 4 to 7; ``median`` takes the median proportions of the images.
        channels: 1 for gray, 3 for color, 4 for color and transparency; by default color if any image has color, and
            what is transparent is put on white.
        content: the part inside a centered padding that the images fill, as `Dataset.content` of other data.
        labels: a file of labels, used instead of sub-folders, see `gansmith.data.labels`; an entry of a .zip is named
            as in ``faces.zip/dataset.json``. By default a ``dataset.json`` or a table that lies among the pictures is
            used, see `gansmith.data.found_labels`.
        label_column: the name of the column of labels, in a table of labels with several columns, or in a table of
            numbers.
        limit: the largest number of samples; they are chosen at random, the same for every seed.
        crop: ``center`` cuts out the center; ``pad`` keeps the whole picture and repeats its edges; ``stretch``
            changes its proportions.
        value_range: the two values that become black and white. By default the files' own 0 and 255; for values of more
            than 8 bits, one range that is found from all of the data, see `gansmith.data.value_range.found_range`,
            and named in the notes.
        first_page: take the first page of a TIFF alone; by default each page is a picture of its own.
        strict: whether a file that cannot be decoded is an error; otherwise it is skipped, and named in the notes.
        held_out: the share of samples that are held out, chosen at random, the same for every seed; by default those
            of the folders ``val`` and ``test`` or of the dataset's own test part, or a tenth.
        largest: the largest side in pixels that is chosen by itself; a larger ``size`` than 256 needs it, too.
        deep_range: the range of values of more than 8 bits, as `Dataset.deep_range` of other data.
        masks: whether images whose values are all 0 or 1 are masks, of which 1 becomes 255; False where they belong to
            other data, of which they are dark ones.

    Returns:
        A `Dataset`; its split is the same for every seed. Vectors whose columns are of very different size are
        standardized for networks alone, see `Dataset.scale`.

    Raises:
        ValueError: no such source; it cannot be read; it has no usable files; files are damaged or ambiguous; or an
            argument is impossible, such as the size.

    Example:
        >>> load("digits", size=16, channels=3).shape
        (3, 16, 16)
        >>> load("rnig")
        Traceback (most recent call last):
            ...
        ValueError: no data named 'rnig', and no such file or folder: did you mean ring?
    """
    source = str(source)
    sides = size if size in (None, MEDIAN) else sides_of(size)
    if isinstance(sides, tuple):
        check_sides(sides, largest)
    if channels not in (None, 1, 3, 4):
        raise ValueError(f"needs 1, 3 or 4 channels, but got {channels}")
    if crop not in CROPS:
        raise ValueError(f"needs a crop of {', '.join(CROPS)}, but got {one_line(crop)}")
    if limit is not None and limit < 1:
        raise ValueError(f"needs a limit of at least 1 sample, but got {limit}")
    if held_out is not None and not 0 < held_out < 1:
        raise ValueError(f"needs a share of held-out samples between 0 and 1, but got {held_out}: take 0.2, say")
    try:
        label_file = None if labels is None else find_label_file(path_of(labels))
    except OSError as error:
        raise ValueError(f"cannot read {one_line(labels)}: {one_line(error.strerror or error)}") from error
    check_range(value_range)
    check_range(deep_range)
    options = ImageOptions(sides, channels, content, crop, largest, first_page, value_range, deep_range, masks)
    request = Request(options, label_file, limit, strict, label_column)
    try:
        raw = read_source(source, request)
    except OSError as error:
        raise ValueError(
            f"cannot load {one_line(source)}: {one_line(error.strerror or error)}{_place(error, source)}"
        ) from error
    if raw.x.ndim != 4 and (size is not None or channels is not None or value_range is not None):
        raise ValueError(
            f"{one_line(source)} holds vectors, which have neither size nor channels nor a range: leave them out"
        )
    return assemble(raw, _name(source), source, held_out)


def _place(error: OSError, source: str) -> str:
    """The file of a system error, for the message, if it is not the source itself: a file in the cache, for example."""
    file = error.filename
    return f" ({one_line(file)})" if isinstance(file, (str, Path)) and Path(file) != Path(source) else ""


def _name(source: str) -> str:
    name = Path(source).name
    if not name.strip("."):  # "." and ".." do not name the folder
        name = path_of(source).resolve().name
    name = re.sub(r"\.(gz|npz|npy|png|jpe?g|zip|tar)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:40] or "data"
