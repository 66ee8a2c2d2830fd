"""A dataset: one tensor, a fixed split, and batches that are a function of (seed, draw)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gansmith.batch import Batch
from gansmith.data.augment import Augment
from gansmith.data.epochs import positions
from gansmith.data.raw_data import RawData
from gansmith.data.scale import Scale, scale_of
from gansmith.data.value_range import Range
from gansmith.sides import Sides

HELD_OUT_SEED = 20141210  # constant: runs with different seeds are measured against the same samples


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images or vectors in memory, with a fixed split into training and held-out samples.

    Attributes:
        name: short, and safe as part of a folder name.
        x: uint8 ``(n, c, h, w)`` images, or float32 ``(n, d)`` vectors. There is no float copy of images.
        y: int64 ``(n,)`` labels, -1 where unlabeled; or None.
        train: int64 positions of the training samples.
        held_out: int64 positions of the held-out samples; with ``train`` all of ``x``, each once.
        content: ``(height, width)`` of the picture inside a centered padding; None if nothing was padded.
        source: the name or path that loads the same data again.
        fingerprint: SHA-256 (hex) over type, shape and bytes of ``x``, and over those of ``y`` where there are labels.
        notes: sentences for the user about how the data were changed.
        names: one file name a sample where samples are files, otherwise empty.
        class_names: the name of label 0, 1, ... where classes have names, otherwise empty.
        classes: the number of classes; labels lie in ``0 .. classes - 1``. None without labels. By default the
            largest label plus one.
        deep_range: the values of more than 8 bits that became 0 and 255; None where all were bytes.
        masks: whether all values were 0 or 1, and 1 became 255.
        skipped: files that could not be used, by name, with the reason.
        augment: random augmentation of training pictures; held-out ones and `values` are never augmented.
        scale: how columns of vectors are standardized for networks; None if they are seen as they are. `x` is in the
            data's own units, and so is what :meth:`restore` makes of generated samples.

    Example:
        >>> from gansmith.data import load
        >>> data = load("digits")
        >>> batch = data.batch(seed=0, draw=7, size=64)
        >>> batch.x.shape, batch.x.dtype
        (torch.Size([64, 1, 8, 8]), torch.float32)
        >>> bool((data.batch(seed=0, draw=7, size=64).index == batch.index).all())
        True
    """

    name: str
    x: Tensor = field(repr=False)
    y: Tensor | None = field(repr=False)
    train: Tensor = field(repr=False)
    held_out: Tensor = field(repr=False)
    content: tuple[int, int] | None
    source: str
    fingerprint: str
    notes: tuple[str, ...]
    names: tuple[str, ...] = field(default=(), repr=False)
    class_names: tuple[str, ...] = field(default=(), repr=False)
    augment: Augment | None = None
    classes: int | None = None
    deep_range: Range | None = None
    masks: bool = False
    skipped: Mapping[str, str] = field(default_factory=dict, repr=False)
    scale: Scale | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.classes is None and self.y is not None and len(self.y) and int(self.y.max()) >= 0:
            object.__setattr__(self, "classes", int(self.y.max()) + 1)
        if self.augment is not None and not self.is_images:
            raise ValueError(f"needs images to mirror or move, but {self.source} holds vectors: leave augmentation out")
        if self.augment is not None and self.augment.shift >= min(self.shape[1:]):
            raise ValueError(
                f"needs a shift below {min(self.shape[1:])} pixels, the images' side, but got {self.augment.shift}"
            )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def is_images(self) -> bool:
        """Whether samples are images; otherwise they are vectors."""
        return self.x.ndim == 4

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample: ``(c, h, w)`` or ``(d,)``."""
        return tuple(self.x.shape[1:])

    @property
    def sides(self) -> Sides:
        """Height and width of images.

        Raises:
            ValueError: samples are vectors.
        """
        if not self.is_images:
            raise ValueError(f"needs images, but {self.source} holds vectors")
        return self.x.shape[2], self.x.shape[3]

    def digest(self) -> str:
        """SHA-256 (hex) over all that batches are made of: samples, labels, split and augmentation.

        The fingerprint is that of the source; it stays where a part of the data is replaced in Python. The scale is no
        part of the digest: a run goes on with that of its record.
        """
        return self._digest_with(self.x)

    def digest_of_rows(self) -> str:
        """As `digest`, but of some hundred samples: quick for any size, and enough to tell data of one source apart."""
        return self._digest_with(self.x[:: max(1, len(self) // 256)])

    def _digest_with(self, x: Tensor) -> str:
        digest = hashlib.sha256(repr((self.content, self.augment, self.classes)).encode())
        for tensor in (x, self.y, self.train, self.held_out):
            digest.update(b"none" if tensor is None else _digest(tensor).encode())
        return digest.hexdigest()

    def sample_name(self, index: int) -> str:
        """The file that sample ``index`` came from, or its number where samples are not files."""
        return self.names[index] if self.names else f"{index:06d}"

    def class_name(self, label: int) -> str:
        """The name of a class, such as its folder's name; or its number."""
        return self.class_names[label] if 0 <= label < len(self.class_names) else str(label)

    def values(self, index: Tensor) -> Tensor:
        """The samples at ``index`` (int64 ``(m,)``) as networks see them.

        Returns:
            float32 ``(m, ...)``: images as ``x / 127.5 - 1`` in [-1, 1], vectors standardized by ``scale`` or as
            they are.
        """
        return self._values(self.x.index_select(0, index))

    def select(self, index: Tensor) -> Batch:
        """The samples at ``index`` (int64 ``(m,)``) with their labels; never augmented."""
        return Batch(self.values(index), None if self.y is None else self.y[index], index)

    def _values(self, x: Tensor) -> Tensor:
        if self.is_images:
            return x.to(torch.float32).div_(127.5).sub_(1)
        return x if self.scale is None else self.scale.standardize(x)

    def batch(self, seed: int, draw: int, size: int) -> Batch:
        """Training batch number ``draw``: a pure function of ``(seed, draw, size)``.

        Batches walk through independent permutations of the training samples, epoch after epoch; a batch at
        the end of an epoch takes its remaining samples from the next one.

        Arguments:
            seed: the run's seed.
            draw: the number of the batch, from 0.
            size: samples in the batch.

        Returns:
            ``x`` float32 ``(size, ...)`` by `values`, ``y`` int64 ``(size,)`` or None, ``index`` int64
            ``(size,)``.

        Raises:
            ValueError: fewer training samples than a batch; a negative draw; an empty batch.
        """
        if size < 1 or draw < 0:
            raise ValueError(f"needs size >= 1 and draw >= 0, but got size {size} and draw {draw}")
        if len(self.train) < size:
            what = "images" if self.is_images else "samples"
            raise ValueError(
                f"needs at least {size} training {what} for a batch of {size}, but {self.source} has "
                f"{len(self.train)}: lower --batch or add {what}"
            )
        places, epochs = positions(seed, draw, size, len(self.train))
        index = self.train[places]
        x = self.x.index_select(0, index)
        if self.augment is not None:
            x = self.augment(x, index, epochs, seed)
        return Batch(self._values(x), None if self.y is None else self.y[index], index)

    def crop(self, x: Tensor) -> Tensor:
        """Cuts the padding off images, the data's own or generated: ``(n, c, h, w)`` to ``(n, c, *content)``.

        Without padding (and for vectors) ``x`` comes back as it is.

        Raises:
            ValueError: images of another size than the data's.
        """
        if self.content is None:
            return x
        if x.shape[-2:] != self.x.shape[-2:]:
            raise ValueError(
                f"needs images of {self.shape[-1]}x{self.shape[-2]} as in the data, "
                f"but got {tuple(x.shape)}: crop before resizing"
            )
        height, width = self.content
        top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
        return x[..., top : top + height, left : left + width]

    def pad(self, x: Tensor) -> Tensor:
        """Gives images ``(n, c, *content)`` their padding back, by repeating their edges; the inverse of :meth:`crop`.

        Without padding (and for vectors) ``x`` comes back as it is.

        Raises:
            ValueError: images of another size than the content's.
        """
        if self.content is None:
            return x
        if tuple(x.shape[-2:]) != self.content:
            raise ValueError(f"needs images of {self.content} to pad, but got {tuple(x.shape)}: crop them first")
        height, width = (whole - part for whole, part in zip(self.shape[-2:], self.content, strict=True))
        top, left = height // 2, width // 2
        return torch.nn.functional.pad(x, (left, width - left, top, height - top), mode="replicate")

    def restore(self, x: Tensor) -> Tensor:
        """What networks make as the user has it: images less their padding, vectors in the data's own units.

        Raises:
            ValueError: as :meth:`crop`.
        """
        return self.crop(x) if self.scale is None else self.scale.restore(x)

    def prepare(self, x: Tensor) -> Tensor:
        """What the user has as networks see it; the inverse of :meth:`restore`.

        Raises:
            ValueError: as :meth:`pad`.
        """
        return self.pad(x) if self.scale is None else self.scale.standardize(x)

    def with_scale(self, scale: Scale | None) -> Dataset:
        """The same data as networks see them by another scale, such as that of the data they were trained on."""
        notes = [note for note in self.notes if self.scale is None or note != self.scale.note]
        return replace(self, scale=scale, notes=(*notes, *([] if scale is None else [scale.note])))


def assemble(raw: RawData, name: str, source: str, share: float | None = None) -> Dataset:
    """A `Dataset` from what a reader returns: with a fingerprint, a name, and its own split or one by a share."""
    n = len(raw.x)
    held_out = _held_out(n, share or 0.1) if raw.held_out is None or share else raw.held_out
    is_train = torch.ones(n, dtype=torch.bool)
    is_train[held_out] = False
    train = is_train.nonzero().flatten()
    scale = scale_of(raw.x, train) if raw.x.ndim == 2 else None
    return Dataset(
        name=name,
        x=raw.x,
        y=raw.y,
        train=train,
        held_out=held_out,
        content=raw.content,
        source=raw.source or source,
        fingerprint=_fingerprint(raw),
        notes=raw.notes if scale is None else (*raw.notes, scale.note),
        names=raw.names,
        class_names=raw.class_names,
        deep_range=raw.deep_range,
        masks=raw.masks,
        skipped=raw.skipped,
        scale=scale,
    )


def _held_out(n: int, share: float) -> Tensor:
    count = min(max(1, round(share * n)), n - 1) if n >= 2 else 0
    generator = torch.Generator().manual_seed(HELD_OUT_SEED)
    return torch.randperm(n, generator=generator)[:count].sort().values


def _fingerprint(raw: RawData) -> str:
    """The digest of the samples; with labels, the digest of both digests."""
    samples = raw.fingerprint or _digest(raw.x)
    return samples if raw.y is None else hashlib.sha256((samples + _digest(raw.y)).encode()).hexdigest()


def _digest(x: Tensor) -> str:
    digest = hashlib.sha256(f"{x.dtype}{tuple(x.shape)}".encode())
    digest.update(x.contiguous().numpy().data.cast("B"))
    return digest.hexdigest()
