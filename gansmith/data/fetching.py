"""Files over https: fetched once, no larger than they are known to be, and kept only if their SHA-256 is right."""

from __future__ import annotations

import gzip
import hashlib
import os
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from gansmith.data.cache import locked
from gansmith.data.files import FULL, shown
from gansmith.data.progress import Progress

TIMEOUT = 20.0  # seconds in which a server has to say something
GRACE = 60.0  # seconds before a server is too slow
SLOWEST = 10_000  # bytes a second


@dataclass(frozen=True)
class File:
    """A published file.

    Attributes:
        name: of the file, and the last part of its URL.
        size: bytes that the digest is of; an answer of more is refused.
        sha256: in hexadecimal.
        unpacked: whether the digest is of what the gzip file holds, however it was packed.
    """

    name: str
    size: int
    sha256: str
    unpacked: bool = False


def fetch(files: Sequence[File], mirrors: Sequence[str], folder: Path) -> None:
    """Makes sure that the files lie in ``folder``; those that do, put there by hand perhaps, are checked.

    Two processes may ask for the same at once: one fetches and the other waits.

    Raises:
        ValueError: a file that lies there is another one; one cannot be fetched.
        OSError: the folder cannot be written to.
    """
    present = [file for file in files if (folder / file.name).exists()]
    for file in present:
        if fault := _fault(folder / file.name, file):
            cure = "remove it, and the published one is fetched"
            raise ValueError(f"{shown(folder / file.name)} is not what it is called, as it {fault}: {cure}")
    if len(present) == len(files):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock", "fetches the same"):
        for file in files:
            if not (folder / file.name).exists() and (failures := _fetch(file, mirrors, folder)):
                names = ", ".join(file.name for file in files)
                raise ValueError(
                    f"cannot fetch {file.name} from {' nor '.join(failures)}: "
                    f"go online, or put {names} into {shown(folder)} yourself"
                )


def _fetch(file: File, mirrors: Sequence[str], folder: Path) -> list[str]:
    """Fetches a file from the first mirror that has it; otherwise says what was wrong with each."""
    part = folder / f".{file.name}.part"  # of a fetch that was killed, perhaps: it begins anew
    failures = []
    try:
        for mirror in mirrors:
            with part.open("wb") as out:
                fault = _stored(mirror + file.name, out, file)
            fault = fault or _fault(part, file)
            if not fault:
                part.replace(folder / file.name)
                return []
            failures.append(f"{mirror} ({fault})")
    except OSError as error:
        if error.errno in FULL:
            need = f"needs {file.size / 2**20:.0f} MiB for {file.name} in {shown(folder)}"
            raise OSError(error.errno, f"{need}: free some, or set GANSMITH_CACHE to another folder") from error
        raise
    finally:
        part.unlink(missing_ok=True)
    return failures


def _stored(url: str, out: IO[bytes], file: File) -> str:
    """Writes what ``url`` answers, and says what was wrong with it, if anything."""
    request = Request(url, headers={"User-Agent": "gansmith"})
    start, got = time.monotonic(), 0
    try:
        with (
            _opener().open(request, timeout=TIMEOUT) as answer,
            Progress(f"fetching {file.name} (bytes)", int(answer.headers.get("Content-Length") or file.size)) as tell,
        ):
            while block := answer.read1(1 << 16):
                got += len(block)
                if got > file.size:
                    return f"answers with more than {file.size:,} bytes"
                if time.monotonic() - start > GRACE + got / SLOWEST:
                    return "is too slow"
                out.write(block)
                tell(got)
        out.flush()
        os.fsync(out.fileno())
    except URLError as error:
        return shown(f"{error.code} {error.reason}" if isinstance(error, HTTPError) else error.reason)[:200]
    except TimeoutError:
        return f"says nothing for {TIMEOUT:g} seconds"
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, OSError) and error.errno in FULL:  # no fault of the mirror's
            raise
        return shown(error)[:200] or type(error).__name__
    return ""


def _fault(path: Path, file: File) -> str:
    """How a file differs from the published one; empty where it does not."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as raw:
            packed = file.unpacked and raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as content:
            while size <= file.size and (block := content.read(1 << 18)):
                digest.update(block)
                size += len(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return f"is damaged: {shown(error)}"
    if size != file.size:
        return f"has {'more than ' if size > file.size else ''}{min(size, file.size):,} bytes instead of {file.size:,}"
    if digest.hexdigest() != file.sha256:
        return f"has the SHA-256 {digest.hexdigest()[:16]}... instead of {file.sha256[:16]}..."
    return ""


class _Redirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme not in ("https", req.type):
            raise URLError(f"it redirects to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> OpenerDirector:
    """Of urllib's handlers those for the web alone: its default ones would follow an address to a file, too."""
    opener = OpenerDirector()
    handlers = (ProxyHandler, HTTPHandler, HTTPSHandler, _Redirects, HTTPDefaultErrorHandler, HTTPErrorProcessor)
    for handler in (*handlers, UnknownHandler):
        opener.add_handler(handler())
    return opener
