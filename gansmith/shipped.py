"""Weights that come with gansmith."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import Tensor


def shipped(file: Path, sha256: str) -> dict[str, Tensor]:
    """The arrays of a file of weights that comes with gansmith, as float32, in the order of their names.

    Raises:
        ValueError: the file is not the one that came.
    """
    from safetensors.torch import load

    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"needs {file} as it was shipped, but its content is another: install gansmith again")
    return {name: array.float() for name, array in sorted(load(content).items())}  # it has them in any order
