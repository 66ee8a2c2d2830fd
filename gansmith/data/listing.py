"""Sources of files: a folder with its sub-folders, or images that this process reads itself."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Source(Protocol):
    """Files that workers can read: below a folder, in an archive, or sent by this process."""

    @property
    def chunk(self) -> int:
        """How many files are sent to a worker at once."""

    @property
    def base(self) -> str:
        """Where the files are: an absolute path, or the name of the dataset."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the files, relative to ``base`` and separated by '/', in order."""

    @property
    def unreadable(self) -> dict[str, str]:
        """Folders that could not be listed, with the reason."""

    def location(self, index: int) -> object:
        """What a worker needs to read file ``index``; can be written as JSON."""

    def stamp(self, index: int) -> tuple[int, ...] | None:
        """Numbers that change when file ``index`` changes, known without reading it; None if there are none."""


def stamp_of(status: os.stat_result) -> tuple[int, ...]:
    """Numbers that change when a file or its permissions change. The time of writing alone can be set."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


@dataclass(frozen=True)
class Folder:
    """Files below the folder ``base``."""

    base: str
    names: Sequence[str]
    unreadable: dict[str, str] = field(default_factory=dict)
    chunk: int = 128

    def location(self, index: int) -> str:
        return self.names[index]

    def stamp(self, index: int) -> tuple[int, ...]:
        return stamp_of(os.stat(os.path.join(self.base, self.names[index])))  # noqa: PTH116, PTH118 - a million times


@dataclass(frozen=True)
class Pages:
    """The pages of ``files``, each a picture of its own: ``places`` has the index of the file and the page from 0."""

    files: Source
    places: Sequence[tuple[int, int]]
    names: Sequence[str]

    @property
    def chunk(self) -> int:
        return self.files.chunk

    @property
    def base(self) -> str:
        return self.files.base

    @property
    def unreadable(self) -> dict[str, str]:
        return self.files.unreadable

    def location(self, index: int) -> dict[str, object]:
        file, page = self.places[index]
        return {"page": page, "of": self.files.location(file)}

    def stamp(self, index: int) -> tuple[int, ...] | None:
        file, page = self.places[index]
        stamp = self.files.stamp(file)
        return None if stamp is None else (page, *stamp)


def pages_of(files: Source, counts: Sequence[tuple[int, int]]) -> Pages:
    """The pages of files, from the index and the number of pages of each; a single page keeps the file's name."""
    places = [(file, page) for file, count in counts for page in range(count)]
    many = {file for file, count in counts if count > 1}
    names = [f"{files.names[file]}#{page + 1}" if file in many else files.names[file] for file, page in places]
    return Pages(files, places, names)


@dataclass(frozen=True)
class ImageBytes:
    """Encoded images that this process reads itself, such as rows of a table: ``read(k)`` is image ``names[k]``."""

    names: Sequence[str]
    read: Callable[[int], bytes]
    base: str = ""
    unreadable: dict[str, str] = field(default_factory=dict)
    chunk: int = 16

    def location(self, index: int) -> dict[str, str]:
        import base64

        return {"bytes": base64.b64encode(self.read(index)).decode("ascii")}

    def stamp(self, index: int) -> None:
        return None


def walk(base: str) -> Folder:
    """Lists the regular files below a folder, to any depth, sorted by name, without hidden ones.

    Links to files and to folders are followed, but no folder is entered twice, so that loops of links end. A folder
    below ``base`` is entered by its own name; any other by the first link to it. Sockets, pipes, devices and broken
    links are ignored.

    Raises:
        OSError: ``base`` itself cannot be listed.
    """
    names: list[str] = []
    unreadable: dict[str, str] = {}
    links: deque[str] = deque()
    entered: set[tuple[int, int]] = set()
    folders = deque([""])
    while folders or links:
        # Real folders come first, so that a folder is not listed under the name of a link to it.
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
    """Appends a file to ``names``, and a folder or a link to one to its queue."""
    if entry.name.startswith("."):
        return
    try:
        if entry.is_dir():
            (links if entry.is_symlink() else folders).append(prefix + entry.name + "/")
        elif entry.is_file():
            names.append(prefix + entry.name)
    except OSError:  # a link to itself
        return
