"""Features that are kept between runs, by what they are features of."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gansmith.data.cache import cache_folder
from gansmith.disk.atomic import atomic
from gansmith.evaluate.features import Features

FORMAT = 1
DIGEST = 32  # bytes of SHA-256 behind the array
HEADER = 128  # bytes of a .npy file before an array of this kind


def cached_features(features: Features, fingerprint: str, index: Tensor, make: Callable[[], Tensor]) -> Tensor:
    """Features from the cache, or made now and kept.

    They lie in `features/` below GANSMITH_CACHE or `~/.cache/gansmith`, as .npy files with a SHA-256 behind the array,
    named by the SHA-256 of all that they depend on. A file that is damaged or of another shape is made again; where
    nothing can be written, only the cache is lost.

    Arguments:
        features: what they are; without a version nothing is kept.
        fingerprint: of all samples, and of whatever else their pictures depend on, such as how they are cropped.
        index: int64 positions of the samples among them, shape `(n,)`.
        make: makes the features, float32 `(n, features.size)`.

    Example:
        >>> from gansmith.evaluate.random_features import random_features
        >>> x, features = torch.zeros(3, 1, 8, 8), random_features("as asked for")
        >>> cached_features(features, "three black pictures", torch.arange(3), lambda: features(x)).shape
        torch.Size([3, 256])
    """
    if features.version is None:
        return make()
    try:
        path = cache_folder("features") / f"{_key(features, fingerprint, index)}.npy"
    except (OSError, RuntimeError):  # without a home folder the latter
        return make()
    shape = (len(index), features.size)
    found = _read(path, shape)
    if found is None:
        found = make()
        if found.shape == shape and found.dtype == torch.float32:
            with contextlib.suppress(OSError):
                _write(path, found)
    return found


def _key(features: Features, fingerprint: str, index: Tensor) -> str:
    digest = hashlib.sha256(repr((FORMAT, features.name, features.version, features.size, fingerprint)).encode())
    digest.update(index.detach().cpu().long().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path, shape: tuple[int, int]) -> Tensor | None:
    """The array, or None unless it is there, whole, and of this shape; no more than its size is read."""
    import numpy as np

    try:
        size = HEADER + 4 * shape[0] * shape[1] + DIGEST
        with path.open("rb") as file:
            content = file.read(size + 1)
        array, digest = content[:-DIGEST], content[-DIGEST:]
        if hashlib.sha256(array).digest() != digest:
            return None
        found = np.load(io.BytesIO(array), allow_pickle=False)
    except (OSError, ValueError):
        return None
    return torch.from_numpy(found) if found.shape == shape and found.dtype == np.float32 else None


def _write(path: Path, x: Tensor) -> None:
    """Writes a file that is whole or not there."""
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, x.detach().cpu().contiguous().numpy(), allow_pickle=False)
    array = buffer.getvalue()
    with atomic(path) as file:
        file.write(array + hashlib.sha256(array).digest())
