"""A cache of features on disk, for use in later runs."""

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
DIGEST = 32  # bytes of SHA-256 after the array
HEADER = 128  # bytes of a .npy file before an array of this kind


def cached_features(features: Features, fingerprint: str, index: Tensor, compute: Callable[[], Tensor]) -> Tensor:
    """Features from the cache; if they are missing there, they are computed and stored.

    The cache is `features/` below GANSMITH_CACHE or `~/.cache/gansmith`. It has .npy files with a SHA-256 after the
    array; the name of a file is the SHA-256 of all that the features depend on. A file that is damaged or of another
    shape is replaced. If the cache cannot be written, the features are returned all the same.

    Arguments:
        features: which features; without a version nothing is stored.
        fingerprint: of the dataset, and of all else that changes the pictures, such as cropping.
        index: int64 positions of the samples in the dataset, shape `(n,)`.
        compute: computes the features, float32 `(n, features.size)`.

    Example:
        >>> from gansmith.evaluate.random_features import random_features
        >>> x, features = torch.zeros(3, 1, 8, 8), random_features("as asked for")
        >>> cached_features(features, "three black pictures", torch.arange(3), lambda: features(x)).shape
        torch.Size([3, 256])
    """
    if features.version is None:
        return compute()
    try:
        path = cache_folder("features") / f"{_key(features, fingerprint, index)}.npy"
    except (OSError, RuntimeError):  # RuntimeError if there is no home folder
        return compute()
    shape = (len(index), features.size)
    x = _read(path, shape)
    if x is None:
        x = compute()
        if x.shape == shape and x.dtype == torch.float32:
            with contextlib.suppress(OSError):
                _write(path, x)
    return x


def _key(features: Features, fingerprint: str, index: Tensor) -> str:
    digest = hashlib.sha256(repr((FORMAT, features.name, features.version, features.size, fingerprint)).encode())
    digest.update(index.detach().cpu().long().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path, shape: tuple[int, int]) -> Tensor | None:
    """The array, or None if it is missing, damaged or of another shape; at most its expected size is read."""
    import numpy as np

    try:
        size = HEADER + 4 * shape[0] * shape[1] + DIGEST
        with path.open("rb") as file:
            content = file.read(size + 1)
        array, digest = content[:-DIGEST], content[-DIGEST:]
        if hashlib.sha256(array).digest() != digest:
            return None
        x = np.load(io.BytesIO(array), allow_pickle=False)
    except (OSError, ValueError):
        return None
    return torch.from_numpy(x) if x.shape == shape and x.dtype == np.float32 else None


def _write(path: Path, x: Tensor) -> None:
    """Writes the file in one step."""
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, x.detach().cpu().contiguous().numpy(), allow_pickle=False)
    array = buffer.getvalue()
    with atomic(path) as file:
        file.write(array + hashlib.sha256(array).digest())
