"""Weights of features: those that come with gansmith, and published ones, which are never downloaded automatically."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from gansmith.data.cache import cache_folder


def shipped(file: Path, sha256: str) -> dict[str, Tensor]:
    """The arrays of a file of weights that comes with gansmith, as float32.

    Raises:
        ValueError: the file is not the one that came.
    """
    from safetensors.torch import load

    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"needs {file} as it was shipped, but its content is another: install gansmith again")
    return {name: array.float() for name, array in load(content).items()}


@dataclass(frozen=True)
class Weights:
    """A file of weights.

    Arguments:
        file: its name in the folder `weights/` below GANSMITH_CACHE or `~/.cache/gansmith`.
        url: where it is published.
        sha256: of its content, in hexadecimal.
    """

    file: str
    url: str
    sha256: str

    def read(self, what: str) -> bytes:
        """The content of the file, after a check of its SHA-256.

        Arguments:
            what: the name of the features that need it, for the error message.

        Raises:
            ValueError: the file is missing, cannot be read, or has other content; the message says what to download,
                its hash, and where to put it.
            OSError: the folder of the cache cannot be made.
        """
        path = cache_folder("weights") / self.file
        try:
            content = path.read_bytes()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            matter = "are not here" if missing else f"cannot be read ({error.strerror})"
            raise ValueError(
                f"features {what!r} need weights that {matter}: fetch {self.url} (SHA-256 {self.sha256}) to {path}"
            ) from None
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.sha256:
            raise ValueError(
                f"features {what!r} need {path} with SHA-256 {self.sha256}, but it has {digest}: fetch {self.url} again"
            )
        return content
