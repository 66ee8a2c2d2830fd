"""Which row of a list of labels belongs to which sample, by their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gansmith.data.classes import SUFFIXES
from gansmith.data.files import one_line

SEVERAL = -1  # in place of a position: of more than one sample


@dataclass(frozen=True)
class SampleNames:
    """The names of samples, and how rows may name them: by path or by base name, and by these without the ending.

    Arguments:
        names: relative and separated by '/'.
        folder: of the list of labels, such as ``faces/``: rows may name samples relative to it.

    Example:
        >>> names = SampleNames(("faces/1.png", "faces/2.png"), "faces/")
        >>> names.find("2.png"), names.find("elsewhere/1.png"), names.find("1"), names.find("3.png")
        ((0, 1), (1, 0), (2, 0), None)
    """

    names: Sequence[str]
    folder: str = ""

    def find(self, name: str) -> tuple[int, int] | None:
        """The position in `WAYS` by which ``name`` means one sample, the first that does; and that of the sample."""
        for way, key in enumerate(WAYS):
            place = self._places(way).get(key(name), SEVERAL)
            if place != SEVERAL:
                return way, place
        return None

    def has(self, cell: str) -> bool:
        """Whether a cell of a table names a sample."""
        return self.find(normal(cell)) is not None

    def _places(self, way: int) -> dict[str, int]:
        """The position of the sample with each key; made when it is first needed."""
        if way not in self._made:
            places: dict[str, int] = {}
            for place, name in enumerate(self.names):
                key = WAYS[way](name)
                places[key] = SEVERAL if key in places else place
            if self.folder:
                inner = {name: place for name, place in places.items() if name.startswith(self.folder)}
                places |= {name.removeprefix(self.folder): place for name, place in inner.items()}
            self._made[way] = places
        return self._made[way]

    @cached_property
    def _made(self) -> dict[int, dict[str, int]]:
        return {}


class NoSampleNamedError(ValueError):
    """No row of a list of labels names a sample: it is a list of something else."""


@dataclass(frozen=True)
class Matches:
    """What the rows say of the samples.

    Attributes:
        labels: by position; only of samples that have a row.
        unmatched: the number of rows that belong to no sample.
        without_ending: the number of samples that were found by their name without its ending.
    """

    labels: dict[int, str | int]
    unmatched: int
    without_ending: int


def match_rows(rows: Iterable[tuple[str, str | int]], names: SampleNames, place: str) -> Matches:
    """Gives each row to a sample.

    Where two rows name a sample in different ways, the way that is first in `WAYS` counts; where two different names
    mean a sample in the same way, neither has it.

    Raises:
        NoSampleNamedError: no row names a sample.
        ValueError: two rows with the same name have different labels.
    """
    found: list[dict[int, tuple[str, str | int] | None]] = [{} for _ in WAYS]
    counts: list[Counter[int]] = [Counter() for _ in WAYS]
    total = 0
    for name_in_file, label in rows:
        total += 1
        name = normal(name_in_file)
        hit = names.find(name)
        if hit is None:
            continue
        way, sample = hit
        counts[way][sample] += 1
        previous = found[way].setdefault(sample, (name, label))
        if previous is None or (way and previous[0] != name):
            found[way][sample] = None
        elif previous[1] != label:
            raise ValueError(
                f"{place} labels {one_line(name)} both '{one_line(previous[1])}' and '{one_line(label)}': "
                "keep one of these rows"
            )
    return _best(found, counts, total, names, place)


def _best(
    found: Sequence[Mapping[int, tuple[str, str | int] | None]],
    counts: Sequence[Mapping[int, int]],
    total: int,
    names: SampleNames,
    place: str,
) -> Matches:
    labels: dict[int, str | int] = {}
    without_ending = 0
    for way, rows in enumerate(found):
        for sample, row in rows.items():
            if row is not None and sample not in labels:
                labels[sample] = row[1]
                total -= counts[way][sample]
                without_ending += WAYS[way] not in (str, _base)
    if not labels:
        raise NoSampleNamedError(
            f"{place} has no row that names a sample such as {one_line(names.names[0])}: "
            "write a file name and a label in each row"
        )
    return Matches(labels, total, without_ending)


def normal(name: str) -> str:
    """A path as it is written here: separated by '/', and without './' before it."""
    return name.strip().replace("\\", "/").removeprefix("./")


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _without_ending(name: str) -> str:
    """Without the ending of a picture's name."""
    stem, _, ending = name.rpartition(".")
    return stem if stem and f".{ending.lower()}" in SUFFIXES else name


WAYS: tuple[Callable[[str], str], ...] = (
    str,
    _base,
    _without_ending,
    lambda name: _without_ending(_base(name)),
)
"""What of a name counts, where a row names a sample: the first way that finds one sample decides."""
