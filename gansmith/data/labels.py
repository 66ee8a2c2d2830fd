"""Labels from a separate file: a table or dataset.json that names files, or an array in the order of the samples."""

from __future__ import annotations

from collections.abc import Sequence

from gansmith.counting import counted
from gansmith.data.files import Kind, one_line
from gansmith.data.idx import read_idx
from gansmith.data.label_file import LabelFile
from gansmith.data.label_matching import SampleNames, match_rows
from gansmith.data.label_tables import LIMIT, check_size, labeled_rows
from gansmith.data.label_values import Labels, labels_of_array, labels_of_words
from gansmith.data.npz import npy_array, npz_array


def read_labels(
    file: LabelFile, names: Sequence[str], n: int, *, column: str | None = None, folder: str = ""
) -> Labels:
    """Reads a label for each sample, in one of these formats, recognized by content.

    - A table with a header or without, its columns separated by tabs, commas, semicolons or spaces: file name, label.
      A label is an integer or a word, or empty. A table of more than two columns needs a header: labels are in the
      column that is called ``label`` (or the like), or in ``column``, as for CelebA's ``list_attr_celeba.txt``.
    - StyleGAN's ``dataset.json``: ``{"labels": [["00000/img1.png", 6], ...]}``.
    - An .npy file, an .npz file of one array, or an IDX file, in the order of the samples: see `labels_of_array`.

    A row belongs to the sample with that relative path; otherwise to the sample with that base name, or with that base
    name but for its ending (``1`` or ``1.jpg`` for ``1.png``), if no other sample and no other row has it. Rows that
    match no sample are counted and ignored.

    Arguments:
        file: the file.
        names: the names of the samples, relative and separated by '/'; empty if samples are not files.
        n: the number of samples.
        column: the name of the column of labels, of a table with a header.
        folder: where the file lies among the samples, such as ``faces/``: its rows may name files relative to it.

    Returns:
        The labels, the names of their classes, and notes.

    Raises:
        ValueError: the file is damaged or too large; no row matches a sample; two rows contradict each other; or the
            number of labels is not n.
        OSError: the file cannot be read.

    References:
        StyleGAN2-ADA, Karras et al., 2020, https://github.com/NVlabs/stylegan2-ada-pytorch, "Preparing datasets".
        CelebA, Liu et al., 2015, https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html.
    """
    kind = file.kind()
    if kind in (Kind.NPY, Kind.IDX, Kind.ZIP):
        if column is not None:
            raise ValueError(f"{file.place} is an array, which has no columns: leave --label-column out")
        labels = _of_array(file, kind, n)
        order = (f"labels in the order of the names: {one_line(', '.join(names[:3]))}, ...",) if n > 1 and names else ()
        return labels._replace(notes=(*labels.notes, *order))
    if kind is not Kind.OTHER:
        raise ValueError(f"{file.place} needs to be CSV, TSV, JSON, .npy, .npz or IDX, but is {kind.value}")
    if not names:
        raise ValueError(f"{file.place} labels files by name, but the samples are no files: save an .npy of {n} labels")
    samples = SampleNames(names, folder)
    matches = match_rows(labeled_rows(file, samples.has, column, n), samples, file.place)
    labels = labels_of_words(matches.labels, n, file.place)
    where = file.name if column is None else f"{file.name}, column {column},"
    notes = [f"labels from {where} for {len(matches.labels):,} of {counted(n, 'sample')}"]
    if matches.without_ending:
        notes.append(f"found by their names without the ending: {counted(matches.without_ending, 'sample')}")
    if matches.unmatched:
        notes.append(f"{matches.unmatched:,} of its rows belong{'s' * (matches.unmatched == 1)} to no sample")
    return labels._replace(notes=(*notes, *labels.notes))


def _of_array(file: LabelFile, kind: Kind, n: int) -> Labels:
    assert file.path is not None
    if kind is Kind.IDX:
        y = read_idx(file.path)
        _check_count(tuple(y.shape), y.ndim == 1 and len(y) == n, n, file.place)
        return Labels(y.long())
    check_size(file, LIMIT)
    array = npy_array(file.path) if kind is Kind.NPY else npz_array(file.path, LIMIT)
    _check_count(array.shape, not array.ndim or len(array) == n, n, file.place)
    return labels_of_array(array, file.place)


def _check_count(shape: tuple[int, ...], fits: bool, n: int, place: str) -> None:
    """Refuses another number of labels, before each takes eight bytes or more."""
    if not fits:
        raise ValueError(f"{place} needs {n:,} labels, one for each sample, but has shape {shape}")
