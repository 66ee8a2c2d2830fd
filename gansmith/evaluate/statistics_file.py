"""Statistics of real features from a file, as pytorch-fid and clean-fid write them."""

from __future__ import annotations

from pathlib import Path

import torch

from gansmith.data.archive import open_zip
from gansmith.data.files import one_line
from gansmith.data.npz import npz_arrays, npz_headers
from gansmith.evaluate.frechet import Statistics, check_shapes

LIMIT = 2**30  # bytes: a covariance of 11,585 features in double precision
NAMES = {"mu", "sigma"}


def is_statistics(path: Path) -> bool:
    """Whether a file is an .npz file with arrays named mu and sigma."""
    try:
        if not path.is_file():  # a pipe or a device has no end
            return False
        with open_zip(path) as archive:
            return {f"{name}.npy" for name in NAMES} <= set(archive.namelist())
    except (OSError, ValueError):
        return False


def statistics_size(path: Path) -> int:
    """The number of features whose statistics a file holds; only headers are read.

    Raises:
        ValueError: as `read_statistics`, but for what the values are.
        OSError: the file cannot be read.
    """
    stated = npz_headers(path, LIMIT)
    if not set(stated) >= NAMES:
        names = one_line(", ".join(sorted(stated)))[:200]
        raise ValueError(
            f"needs arrays mu and sigma in {one_line(path.name)}, but it has {names}: save it as pytorch-fid does"
        )
    for name in sorted(NAMES):
        if stated[name].dtype.kind not in "iuf":
            raise ValueError(
                f"needs numbers in {name} of {one_line(path.name)}, but got {stated[name].dtype}: save float64"
            )
    mean, matrix = (stated[name].shape for name in ("mu", "sigma"))
    size = check_shapes(mean, matrix)
    if 8 * size * size > LIMIT:
        raise ValueError(
            f"{one_line(path)} has a covariance of {size:,} features, which takes more than the limit of {LIMIT:,} "
            "bytes: take fewer features"
        )
    return size


def read_statistics(path: str | Path) -> Statistics:
    """The mean and the covariance of features in an .npz file with arrays `mu` (d,) and `sigma` (d, d).

    The file does not say which features these are: they have to be the same as those that it is compared with.

    Raises:
        ValueError: the file is damaged or pickled; it is larger than 1 GiB, or is in double precision; an array is
            missing; and as `Statistics`.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from gansmith.evaluate import frechet_distance
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "statistics.npz"
        ...     np.savez(path, mu=np.zeros(2), sigma=np.eye(2) * 2)
        ...     statistics = read_statistics(path)
        >>> x = torch.tensor([[3.0, 1.0], [3.0, -1.0], [4.0, 0.0], [2.0, 0.0]])  # mean (3, 0), variances 2/3
        >>> round(frechet_distance(statistics, x), 4)  # 9 + 2 (2^(1/2) - (2/3)^(1/2))^2
        9.7145
    """
    path = Path(path)
    statistics_size(path)
    arrays = npz_arrays(path, LIMIT)
    mean, covariance = (torch.from_numpy(arrays.pop(name).astype("float64", copy=False)) for name in ("mu", "sigma"))
    return Statistics(mean, covariance)
