"""Downloads files over https once; a file is kept only if its size and SHA-256 are the published ones."""

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
from gansmith.data.files import FULL, one_line
from gansmith.data.progress import Progress

TIMEOUT = 20.0  # seconds without an answer after which a server is given up
GRACE = 60.0  # seconds before the speed of a server matters
SLOWEST = 10_000  # bytes a second: the least speed


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        name: of the file, and the last part of its URL.
        size: the number of bytes that were hashed; a larger answer is refused.
        sha256: in hexadecimal.
        unpacked: whether size and digest are of the content of the gzip file, after decompression.
    """

    name: str
    size: int
    sha256: str
    unpacked: bool = False


def download_files(files: Sequence[RemoteFile], mirrors: Sequence[str], folder: Path) -> None:
    """Downloads the files into ``folder``; files that are already there are checked.

    If two processes need the same files at once, one downloads them and the other waits.

    Arguments:
        files: what to download.
        mirrors: addresses to try in order; a file's name is appended.
        folder: where to; it is made if it does not exist.

    Raises:
        ValueError: a file that is already there is not the published one; or a file cannot be downloaded.
        OSError: the folder cannot be written to.
    """
    existing = [file for file in files if (folder / file.name).exists()]
    for file in existing:
        if problem := _difference(folder / file.name, file):
            cure = "remove it, to download it again"
            raise ValueError(f"{one_line(folder / file.name)} is not the published file: it {problem}; {cure}")
    if len(existing) == len(files):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock", "fetches the same"):
        for file in files:
            if not (folder / file.name).exists() and (failures := _download(file, mirrors, folder)):
                names = ", ".join(file.name for file in files)
                raise ValueError(
                    f"cannot fetch {file.name} from {' nor '.join(failures)}: "
                    f"go online, or put {names} into {one_line(folder)} yourself"
                )


def _download(file: RemoteFile, mirrors: Sequence[str], folder: Path) -> list[str]:
    """Downloads a file from the first mirror that has it; otherwise returns the problem with each mirror."""
    part = folder / f".{file.name}.part"  # may be left from a download that was killed; it is overwritten
    failures = []
    try:
        for mirror in mirrors:
            with part.open("wb") as out:
                problem = _write_response(mirror + file.name, out, file)
            problem = problem or _difference(part, file)
            if not problem:
                part.replace(folder / file.name)
                return []
            failures.append(f"{mirror} ({problem})")
    except OSError as error:
        if error.errno in FULL:
            need = f"needs {file.size / 2**20:.0f} MiB for {file.name} in {one_line(folder)}"
            raise OSError(error.errno, f"{need}: free some, or set GANSMITH_CACHE to another folder") from error
        raise
    finally:
        part.unlink(missing_ok=True)
    return failures


def _write_response(url: str, out: IO[bytes], file: RemoteFile) -> str:
    """Writes the answer of ``url``; returns the problem with it, or an empty string."""
    request = Request(url, headers={"User-Agent": "gansmith"})
    begin, count = time.monotonic(), 0
    try:
        with (
            _opener().open(request, timeout=TIMEOUT) as answer,
            Progress(
                f"fetching {file.name} (bytes)", int(answer.headers.get("Content-Length") or file.size)
            ) as progress,
        ):
            while block := answer.read1(1 << 16):
                count += len(block)
                if count > file.size:
                    return f"answers with more than {file.size:,} bytes"
                if time.monotonic() - begin > GRACE + count / SLOWEST:
                    return "is too slow"
                out.write(block)
                progress(count)
        out.flush()
        os.fsync(out.fileno())
    except URLError as error:
        return one_line(f"{error.code} {error.reason}" if isinstance(error, HTTPError) else error.reason)[:200]
    except TimeoutError:
        return f"does not answer for {TIMEOUT:g} seconds"
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, OSError) and error.errno in FULL:  # the mirror is not to blame
            raise
        return one_line(error)[:200] or type(error).__name__
    return ""


def _difference(path: Path, file: RemoteFile) -> str:
    """How a file differs from the published one; empty if it does not."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as raw:
            packed = file.unpacked and raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as content:
            while size <= file.size and (block := content.read(1 << 18)):
                digest.update(block)
                size += len(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return f"is damaged: {one_line(error)}"
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
    """An opener with urllib's handlers for the web only: its default handlers would open local files, too."""
    opener = OpenerDirector()
    handlers = (ProxyHandler, HTTPHandler, HTTPSHandler, _Redirects, HTTPDefaultErrorHandler, HTTPErrorProcessor)
    for handler in (*handlers, UnknownHandler):
        opener.add_handler(handler())
    return opener
