"""Published weights: read from a folder, checked, never downloaded automatically."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gansmith.data.cache import cache_folder


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
