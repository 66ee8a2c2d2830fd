"""Labels as numbers: of words, of whole numbers, of one-hot rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from gansmith.data.files import one_line

if TYPE_CHECKING:
    import numpy.typing as npt

BLOCK = 1 << 16  # words of an array that are Python's at a time
WHOLE = re.compile(r"([+-]?[0-9]{1,18})(\.0*)?")


class Labels(NamedTuple):
    """Labels of samples.

    Attributes:
        y: int64 ``(n,)``, -1 where unlabeled.
        class_names: the names of classes 0, 1, ...; empty if labels are integers.
        notes: sentences for the user.
    """

    y: Tensor
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def labels_of_words(words: Mapping[int, str | int], n: int, place: str) -> Labels:
    """Labels of n samples from words by position; a sample without a word, or with an empty one, is unlabeled.

    They are integers if all words are integers, otherwise classes in the sorted order of the words. If every one is
    -1 or 1 and both occur, as in CelebA's attributes, these are two classes and no label is missing.

    Raises:
        ValueError: no labels; or integers out of range.

    Example:
        >>> labels_of_words({0: "b", 2: "a"}, 3, "a file")
        Labels(y=tensor([ 1, -1,  0]), class_names=('a', 'b'), notes=())
        >>> labels_of_words({0: "1", 1: "-1"}, 2, "a file")
        Labels(y=tensor([1, 0]), class_names=('-1', '1'), notes=('-1 and 1 are two classes, 0 and 1',))
    """
    texts = {position: str(word) for position, word in words.items() if word != ""}
    if not texts:
        raise ValueError(f"{place} names samples, but no labels: write them in the column of labels")
    number, class_names, notes = _numbered(set(texts.values()), place)
    y = torch.full((n,), -1, dtype=torch.int64)
    y[torch.tensor(list(texts))] = torch.tensor([number[text] for text in texts.values()])
    return Labels(y, class_names, notes)


def _numbered(distinct: Collection[str], place: str) -> tuple[dict[str, int], tuple[str, ...], tuple[str, ...]]:
    """The number of each word, the names of classes, and notes, as of `labels_of_words`."""
    matches = {text: WHOLE.fullmatch(text) for text in distinct}
    number = {text: int(match[1]) for text, match in matches.items() if match}
    class_names: tuple[str, ...] = ()
    notes = _written_differently(number)
    if len(number) < len(distinct):
        class_names, notes = tuple(sorted(distinct)), ()
        number = {name: k for k, name in enumerate(class_names)}
    elif set(number.values()) == {-1, 1}:
        class_names, notes = ("-1", "1"), ("-1 and 1 are two classes, 0 and 1",)
        number = {text: (value + 1) // 2 for text, value in number.items()}
    check_range(min(number.values()), max(number.values()), place)
    return number, class_names, notes


def _written_differently(number: Mapping[str, int]) -> tuple[str, ...]:
    """A note where different words are one number; 1.0 is written for 1 by programs that allow gaps."""
    written: dict[int, str] = {}
    for text, value in sorted(number.items()):
        digits = re.sub(r"\.0*$", "", text).removeprefix("+")
        if written.setdefault(value, digits) != digits:
            return (
                f"'{written[value]}' and '{digits}' are one number and one class: write one with a letter to part them",
            )
    return ()


def labels_of_array(array: npt.NDArray[Any], place: str) -> Labels:
    """Labels from an array of one label a sample, ``(n,)`` or ``(n, 1)``, or of one-hot rows ``(n, k)``.

    One label is an integer, a float that is a whole number, or a word. A one-hot row has one 1 among zeros; its label
    is where the 1 stands.

    Raises:
        ValueError: another shape or type; fractions; rows that are not one-hot; or integers out of range.

    Example:
        >>> import numpy as np
        >>> labels_of_array(np.array([[0, 1], [1, 0]]), "an array")
        Labels(y=tensor([1, 0]), class_names=(), notes=('labels are where the 1 stands in one-hot rows of 2',))
    """
    import numpy as np

    if not array.size or array.ndim not in (1, 2) or array.dtype.kind not in "biufUS":
        raise ValueError(
            f"{place} needs labels, one integer or word for each sample, but has {array.dtype}{array.shape}: save these"
        )
    if array.dtype.kind in "US":
        words = array.reshape(len(array)) if array.size == len(array) else None
        if words is None:
            raise ValueError(f"{place} needs one word for each sample, but has shape {array.shape}")
        return _of_word_array(words, place)
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (np.floor(array) == array)
        if not whole.all():
            bad = array[~whole][0]
            raise ValueError(f"{place} needs whole numbers as labels, but has {bad:g}: save integers")
    if array.ndim == 2 and array.shape[1] > 1:
        return _of_one_hot(array, place)
    check_range(int(array.min()), int(array.max()), place)
    if np.array_equal(np.unique(array), (-1, 1)):
        two = torch.from_numpy(array.reshape(len(array)).astype("int64") > 0).long()
        return Labels(two, ("-1", "1"), ("labels -1 and 1 are two classes",))
    return Labels(torch.from_numpy(array.reshape(len(array)).astype("int64")))


def _of_word_array(words: npt.NDArray[Any], place: str) -> Labels:
    """As `labels_of_words`; a block at a time, as Python's words take a hundred times the memory of short ones."""
    import numpy as np

    places: dict[str, int] = {}
    which = torch.empty(len(words), dtype=torch.int64)
    for start in range(0, len(words), BLOCK):
        found, inverse = np.unique(words[start : start + BLOCK], return_inverse=True)
        known = [places.setdefault(_text(word, place), len(places)) for word in found.tolist()]
        which[start : start + BLOCK] = torch.tensor(known)[torch.from_numpy(inverse)]
    words_alone = [text for text in places if text]
    if not words_alone:
        raise ValueError(f"{place} names samples, but no labels: write them in the column of labels")
    number, class_names, notes = _numbered(words_alone, place)
    return Labels(torch.tensor([number[text] if text else -1 for text in places])[which], class_names, notes)


def _of_one_hot(array: npt.NDArray[Any], place: str) -> Labels:
    ones = array != 0
    wrong = (ones.sum(1) != 1) | (array.max(1) != 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{place} of shape {array.shape} needs one 1 and else zeros in each row, but row {row} is "
            f"{one_line(array[row].tolist())[:60]}: save one label for each sample"
        )
    note = f"labels are where the 1 stands in one-hot rows of {array.shape[1]}"
    return Labels(torch.from_numpy(ones.argmax(1).astype("int64")), (), (note,))


def _text(word: str | bytes, place: str) -> str:
    try:
        return (word.decode() if isinstance(word, bytes) else word).strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} needs words in UTF-8, but has {word!r:.40}: save it as UTF-8") from error


def check_range(low: int, high: int, source: object) -> None:
    """Refuses labels out of range; ``source`` is named in the message."""
    if low < -1 or high >= 2**31:
        raise ValueError(f"{one_line(source)} needs labels of 0 and up, -1 for unlabeled, but has {low} to {high}")
