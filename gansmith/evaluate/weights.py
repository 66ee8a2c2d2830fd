"""Weights that others published: found where the user put them, checked, never fetched by themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gansmith.data.cache import cache_folder


@dataclass(frozen=True)
class Weights:
    """A file of weights.

    Arguments:
        file: its name in `weights/` below GANSMITH_CACHE or `~/.cache/gansmith`.
        url: where it is published.
        sha256: what its content must be.
    """

    file: str
    url: str
    sha256: str

    def read(self, what: str) -> bytes:
        """The content of the file, which was checked.

        Arguments:
            what: the features that need it, for the error.

        Raises:
            ValueError: it is not there, cannot be read, or its content is another: what to fetch, its hash, and where
                to put it.
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
