"""The files below a folder, to any depth, by their relative names."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Source(Protocol):
    """Files that workers can read: below a folder, in an archive, or held by this process."""

    @property
    def chunk(self) -> int:
        """How many of them a worker is handed at once."""

    @property
    def base(self) -> str:
        """Where they lie: an absolute path, or what those that this process holds are called."""

    @property
    def names(self) -> Sequence[str]:
        """Their names, relative to that and separated by '/', in order."""

    @property
    def unreadable(self) -> dict[str, str]:
        """What could not even be listed, and why."""

    def where(self, index: int) -> object:
        """What a worker needs to read file ``index``, as JSON can hold it."""

    def stamp(self, index: int) -> tuple[int, ...] | None:
        """What changes when file ``index`` does, without reading it; None where that cannot be said."""


def stamp_of(status: os.stat_result) -> tuple[int, ...]:
    """What changes when a file does, or may be read by others than before; the time of writing alone can be set."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


@dataclass(frozen=True)
class Folder:
    """Files below the folder ``base``."""

    base: str
    names: Sequence[str]
    unreadable: dict[str, str] = field(default_factory=dict)
    chunk: int = 128

    def where(self, index: int) -> str:
        return self.names[index]

    def stamp(self, index: int) -> tuple[int, ...]:
        return stamp_of(os.stat(os.path.join(self.base, self.names[index])))  # noqa: PTH116, PTH118 - a million times


@dataclass(frozen=True)
class Held:
    """Files that this process holds or fetches one by one: ``read(k)`` gives the bytes of ``names[k]``."""

    names: Sequence[str]
    read: Callable[[int], bytes]
    base: str = ""
    unreadable: dict[str, str] = field(default_factory=dict)
    chunk: int = 16

    def where(self, index: int) -> dict[str, str]:
        import base64

        return {"bytes": base64.b64encode(self.read(index)).decode("ascii")}

    def stamp(self, index: int) -> None:
        return None


def walk(base: str) -> Folder:
    """Lists the regular files below a folder, sorted by name, hidden ones left out.

    Links to files and to folders are followed, but no folder is entered twice, so that loops of links end; a folder
    is entered by its own name if it lies below ``base``, and otherwise by the first link to it. What is neither a
    file nor a folder (a socket, a pipe, a device, a link to nowhere) is passed over.

    Raises:
        OSError: ``base`` itself cannot be listed.
    """
    names: list[str] = []
    unreadable: dict[str, str] = {}
    links: deque[str] = deque()
    entered: set[tuple[int, int]] = set()
    folders = deque([""])
    while folders or links:
        # Real folders come first, so that no link takes the place of what it leads to.
        prefix = folders.popleft() if folders else links.popleft()
        try:
            status = os.stat(base + "/" + prefix)  # noqa: PTH116 - a Path for each would double the time
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(base + "/" + prefix) as entries:
                for entry in entries:
                    _sort_in(entry, prefix, names, folders, links)
        except OSError as error:
            if not prefix:
                raise
            unreadable[prefix.rstrip("/")] = error.strerror or str(error)
    names.sort()
    return Folder(base, names, unreadable)


def _sort_in(entry: os.DirEntry[str], prefix: str, names: list[str], folders: deque[str], links: deque[str]) -> None:
    """Files to the names, folders and links to folders to where they wait."""
    if entry.name.startswith("."):
        return
    try:
        if entry.is_dir():
            (links if entry.is_symlink() else folders).append(prefix + entry.name + "/")
        elif entry.is_file():
            names.append(prefix + entry.name)
    except OSError:  # a link to itself
        return
