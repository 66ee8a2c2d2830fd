"""From a name or a path to a dataset."""

from __future__ import annotations

import re
from pathlib import Path

from gansmith.data.dataset import Dataset, assemble
from gansmith.data.files import shown
from gansmith.data.fitting import CROPS, Form, check_size
from gansmith.data.sources import Asked, find, path_of


def load(
    source: str,
    size: int | None = None,
    channels: int | None = None,
    content: tuple[int, int] | None = None,
    *,
    labels: str | None = None,
    limit: int | None = None,
    crop: str = "center",
    strict: bool = False,
    largest: int = 128,
) -> Dataset:
    """Loads images or vectors.

    Arguments:
        source: ``digits`` (1,797 scans of 8x8 pixels), ``ring`` or ``grid`` (100,000 points in the plane), ``mnist``,
            ``fashion-mnist`` or ``cifar10`` (fetched once), ``hf:NAME`` or ``hf:NAME@REVISION`` on the Hugging Face hub
            (pip install 'gansmith[hub]'), or a path: a folder of pictures of any kind and depth,
            whose sub-folders are classes (and train, val, test the split); a .zip of such; one picture; an IDX file
            (compressed or not) or a folder of them; an .npy file of samples, or an .npz file of samples and at most
            labels. Files are recognized by their content. A name wins over a path; write ``./digits`` for the path.
        size: side of the images in pixels, a power of two from 8 to ``largest``; by default the median shorter side,
            up to the next of these. Squares of one side are padded where ``size`` is the next power of two (28 to
            32, see `Dataset.content`); other images are brought to a square by ``crop`` and resized.
        channels: 1 for gray, 3 for color; by default what the images have, color if any is.
        content: the square inside a centered padding that images are to fill, as `Dataset.content` of other data.
        labels: a file of labels, in place of those from sub-folders, see `gansmith.data.labels`.
        limit: at most so many samples; which, is a fixed choice at random.
        crop: ``center`` cuts out the center square; ``pad`` keeps the whole picture and repeats its edges;
            ``stretch`` keeps it out of proportion.
        strict: whether a file that cannot be decoded is an error; otherwise it is skipped, and named in the notes.
        largest: the largest side.

    Returns:
        A `Dataset`; its split is the same for every seed.

    Raises:
        ValueError: no such source; nothing usable in it; damaged or ambiguous files; an impossible size.

    Example:
        >>> load("digits", size=16, channels=3).shape
        (3, 16, 16)
        >>> load("rnig")
        Traceback (most recent call last):
            ...
        ValueError: no data named 'rnig', and no such file or folder: did you mean ring?
    """
    if size is not None:
        check_size(size, largest)
    if channels not in (None, 1, 3):
        raise ValueError(f"needs 1 or 3 channels, but got {channels}")
    if crop not in CROPS:
        raise ValueError(f"needs a crop of {', '.join(CROPS)}, but got {shown(crop)}")
    if limit is not None and limit < 1:
        raise ValueError(f"needs a limit of at least 1 sample, but got {limit}")
    if labels is not None and not path_of(labels).is_file():
        raise ValueError(f"needs a file of labels, but there is none named '{shown(labels)}'")
    form = Form(size, channels, None if content is None else content[0], crop, largest)
    asked = Asked(form, None if labels is None else path_of(labels), limit, strict)
    try:
        found = find(source, asked)
    except OSError as error:
        raise ValueError(
            f"cannot load {shown(source)}: {shown(error.strerror or error)}{_place(error, source)}"
        ) from error
    if found.x.ndim != 4 and (size is not None or channels is not None):
        raise ValueError(f"{shown(source)} holds vectors, which have neither size nor channels: leave them out")
    return assemble(found, _name(source), source)


def _place(error: OSError, source: str) -> str:
    """The file that the system was at, where it is another than the source: one in the cache, perhaps."""
    file = error.filename
    return f" ({shown(file)})" if isinstance(file, (str, Path)) and Path(file) != Path(source) else ""


def _name(source: str) -> str:
    name = Path(source).name
    if not name.strip("."):  # "." and ".." are names of places
        name = path_of(source).resolve().name
    name = re.sub(r"\.(gz|npz|npy|png|jpe?g|zip)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:40] or "data"
