"""A file of labels: on disk, or an entry of a .zip."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gansmith.data.archive import Archive, is_npz, open_archive
from gansmith.data.files import Kind, kind_of, one_line
from gansmith.data.listing import Folder, Source
from gansmith.data.packing import check_text


@dataclass(frozen=True)
class LabelFile:
    """Where labels are read from.

    Attributes:
        place: the path for messages; an entry of an archive is named as in ``faces.zip/dataset.json``.
        size: bytes, unpacked.
        open: opens it for reading.
        path: on disk; None for an entry of an archive.
        archive: the archive that it is an entry of; None on disk.
        entry: its name in the archive.
    """

    place: str
    size: int
    open: Callable[[], IO[bytes]]
    path: Path | None = None
    archive: Path | None = None
    entry: str = ""

    @property
    def name(self) -> str:
        return self.place.rpartition("/")[2]

    def kind(self) -> Kind:
        """By its content; an entry of an archive can only be text.

        Raises:
            ValueError: an array inside an archive.
            OSError: the file cannot be read.
        """
        if self.path is not None:
            return kind_of(self.path)
        with self.open() as file:
            if file.read(6) == b"\x93NUMPY":
                raise ValueError(f"{self.place} is an array inside an archive: unpack it, and name it by --labels")
        return Kind.OTHER

    def is_in(self, source: Source, name: str) -> bool:
        """Whether it is the file ``name`` of a source."""
        if self.archive is not None:
            return isinstance(source, Archive) and name == self.entry and Path(source.base).samefile(self.archive)
        return (
            isinstance(source, Folder)
            and self.path is not None
            and name.endswith(self.path.name)
            and Path(source.base, name).samefile(self.path)
        )

    def folder_in(self, source: Source) -> str:
        """The folder of a source that it lies in, such as ``faces/``; empty at the top and outside of the source."""
        if self.archive is not None:
            return _parent(self.entry) if self.is_in(source, self.entry) else ""
        if isinstance(source, Folder) and self.path is not None:
            folder, base = self.path.absolute().parent, Path(source.base)
            return _parent(folder.relative_to(base).as_posix() + "/") if folder.is_relative_to(base) else ""
        return ""


def on_disk(path: Path) -> LabelFile:
    """A file of labels on disk.

    Raises:
        OSError: there is none.
    """
    return LabelFile(one_line(path), path.stat().st_size, lambda: path.open("rb"), path=path)


def in_source(source: Source, index: int) -> LabelFile:
    """File ``index`` of a folder or an archive.

    Raises:
        ValueError: it is packed too well, as of `check_text`.
        OSError: it cannot be read.
    """
    name = source.names[index]
    if not isinstance(source, Archive):
        return on_disk(Path(source.base, name))

    path = Path(source.base)
    place = one_line(path / name)
    _, packed, size, *_ = source.location(index)
    check_text(place, packed, size)

    def opened() -> IO[bytes]:
        try:
            return io.BytesIO(source.read(index))
        except ValueError as error:
            raise ValueError(f"{place} cannot be read ({error}): pack the archive again") from error

    return LabelFile(place, size, opened, archive=path, entry=name)


def find_label_file(path: Path) -> LabelFile:
    """The file of labels that a user names: a path, or the path of an archive with an entry's name behind it.

    Raises:
        ValueError: there is none.
        OSError: it cannot be read.
    """
    if path.is_file():
        if kind_of(path) is Kind.ZIP and not is_npz(path):
            raise ValueError(
                f"{one_line(path)} needs to be CSV, TSV, JSON, .npy, .npz or IDX, but is zip: "
                f"name the file in it, as in {one_line(path / 'dataset.json')}"
            )
        return on_disk(path)
    archive = next((parent for parent in path.parents if parent.is_file()), None)
    if archive is None or kind_of(archive) is not Kind.ZIP:
        raise ValueError(f"needs a file of labels, but there is none named '{one_line(path)}'")
    entries, name = open_archive(archive), path.relative_to(archive).as_posix()
    if name not in entries.names:
        near = [entry for entry in entries.names if entry.lower().endswith((".json", ".csv", ".tsv", ".txt"))][:5]
        raise ValueError(
            f"{one_line(archive)} holds no {one_line(name)}: "
            f"{'it holds ' + one_line(', '.join(near)) if near else 'name a table or a dataset.json'}"
        )
    return in_source(entries, list(entries.names).index(name))


def _parent(name: str) -> str:
    """``a/b/`` of ``a/b/c``."""
    folder = name.rpartition("/")[0]
    return folder + "/" if folder and folder != "." else ""
