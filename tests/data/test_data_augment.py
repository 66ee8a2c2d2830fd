"""Mirroring and moving: a function of (seed, epoch, picture) alone, without bias, and of training batches only."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gansmith.data import Dataset
from gansmith.data.augment import Augment
from gansmith.data.dataset import assemble
from gansmith.data.raw_data import RawData


def images(n: int, augment: Augment | None = None) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (n, 3, 8, 8), dtype=torch.uint8, generator=generator)
    return replace(assemble(RawData(x), "toy", "toy"), augment=augment)


def places(n: int, side: int) -> torch.Tensor:
    """Pictures whose pixels say where they are: row and column as two channels."""
    line = torch.arange(side, dtype=torch.int8)
    return torch.stack(torch.meshgrid(line, line, indexing="ij")).expand(n, 2, side, side)


def changes(augment: Augment, n: int, seed: int = 0, epoch: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Whether each of n pictures was mirrored, and by how much it was moved down and to the right before that."""
    out = augment(places(n, 12), torch.arange(n), torch.full((n,), epoch), seed).long()
    mirrored = out[:, 1, 6, 5] > out[:, 1, 6, 6]
    # In the middle nothing is repeated: where did what is seen there come from?
    column = torch.where(mirrored, out[:, 1, 6, 5], out[:, 1, 6, 6])
    return mirrored, 6 - out[:, 0, 6, 6], 6 - column


def slowly(image: torch.Tensor, mirrored: bool, down: int, across: int) -> torch.Tensor:
    """What a change is, one pixel at a time."""
    side = image.shape[-1]
    out = torch.empty_like(image)
    for row in range(side):
        for column in range(side):
            source = [min(max(place, 0), side - 1) for place in (row - down, column - across)]
            out[:, row, column] = image[:, source[0], source[1]]
    return out.flip(2) if mirrored else out


def test_a_picture_is_mirrored_and_moved_and_its_edges_repeated():
    augment, n = Augment(flip=True, shift=3), 64
    x = torch.randint(0, 256, (n, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    out = augment(x, torch.arange(n), torch.zeros(n, dtype=torch.int64), seed=0)
    assert out.dtype == torch.uint8
    for k, (mirrored, down, across) in enumerate(zip(*changes(augment, n), strict=True)):
        assert torch.equal(out[k], slowly(x[k], bool(mirrored), int(down), int(across)))


def test_no_bias():
    n, shift = 50_000, 4
    mirrored, down, across = changes(Augment(flip=True, shift=shift), n)
    steps = 2 * shift + 1
    assert_close(mirrored.float().mean().item(), 0.5, atol=1e-2, rtol=0)
    joint = torch.zeros(2, steps, steps)
    joint.index_put_((mirrored.long(), down + shift, across + shift), torch.ones(n), accumulate=True)
    for axes in ((0, 1), (0, 2), (1, 2)):
        share = joint.sum(axes) / n
        assert_close(share, torch.full_like(share, 1 / len(share)), atol=1e-2, rtol=0)
    expected = torch.full_like(joint, n / joint.numel())
    # Independent of each other: chi-squared of 161 degrees of freedom is below 240 but for one seed in 20,000.
    assert 90 < ((joint - expected) ** 2 / expected).sum() < 240


def test_pictures_epochs_and_seeds_differ():
    n = 5_000
    first = changes(Augment(flip=True), n)[0]
    for other in (first.roll(1), changes(Augment(flip=True), n, epoch=1)[0], changes(Augment(flip=True), n, seed=1)[0]):
        assert_close((first == other).float().mean().item(), 0.5, atol=2e-2, rtol=0)


def test_numbers_that_are_written_down():
    # Bits that a checkpoint relies on: a change here breaks every run that is resumed.
    mirrored, down, across = changes(Augment(flip=True, shift=3), 6, seed=7, epoch=2)
    assert mirrored.tolist() == [False, True, True, False, False, True]
    assert (down.tolist(), across.tolist()) == ([-3, 2, -2, -1, -1, 0], [-2, 2, 1, 0, 1, -2])


@pytest.mark.parametrize("size", [7, 16, 45])
def test_batches_of_any_size_change_a_picture_alike(size):
    data = images(100, Augment(flip=True, shift=2))
    samples: dict[tuple[int, int], torch.Tensor] = {}
    for place, (index, x) in enumerate(walk(data, 1, 180)):
        samples[place // 90, index] = x
    for place, (index, x) in enumerate(walk(data, size, 180)):
        assert torch.equal(x, samples[place // 90, index])
    same = [torch.equal(samples[0, k], samples[1, k]) for k in data.train.tolist()]
    assert sum(same) < 20


def walk(data: Dataset, size: int, count: int) -> list[tuple[int, torch.Tensor]]:
    batches = [data.batch(0, draw, size) for draw in range(count // size)]
    return [(int(k), x) for batch in batches for k, x in zip(batch.index, batch.x, strict=True)]


def test_only_training_batches_are_changed():
    plain, data = images(100), images(100, Augment(flip=True, shift=2))
    assert torch.equal(data.values(data.train), plain.values(plain.train))
    assert torch.equal(data.batch(0, 0, 64).index, plain.batch(0, 0, 64).index)
    assert not torch.equal(data.batch(0, 0, 64).x, plain.batch(0, 0, 64).x)
    assert data.fingerprint == plain.fingerprint


def test_global_generator_is_neither_read_nor_moved():
    data = images(100, Augment(flip=True, shift=2))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = data.batch(0, 5, 16)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(data.batch(0, 5, 16).x, first.x)


def test_memory_mapped_pictures(tmp_path):
    data = images(100, Augment(flip=True, shift=2))
    data.x.numpy().tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.uint8, mode="c").reshape(data.x.shape)
    same = replace(data, x=torch.from_numpy(mapped))
    for draw in range(4):
        assert torch.equal(same.batch(0, draw, 32).x, data.batch(0, draw, 32).x)
    assert_close(same.batch(0, 0, 8).x.amax().item(), data.batch(0, 0, 8).x.amax().item(), rtol=0, atol=0)


def test_refused():
    with pytest.raises(ValueError, match="a shift of at least 0 pixels, but got -1"):
        Augment(shift=-1)
    with pytest.raises(ValueError, match="a shift below 8 pixels, the images' side, but got 8"):
        images(4, Augment(shift=8))
    with pytest.raises(ValueError, match="but v holds vectors: leave augmentation out"):
        replace(assemble(RawData(torch.zeros(4, 2)), "v", "v"), augment=Augment())
