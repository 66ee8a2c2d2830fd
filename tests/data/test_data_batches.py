"""Batches are a pure function of (seed, draw); the split is fixed; nothing is copied to float for good."""

import pytest
import torch
from torch.testing import assert_close

from gansmith.data import Dataset, load
from gansmith.data.dataset import assemble
from gansmith.data.epochs import _permutation, positions
from gansmith.data.raw_data import RawData


def images(n: int, side: int = 8) -> Dataset:
    x = torch.arange(n * side * side).remainder(256).to(torch.uint8).reshape(n, 1, side, side)
    return assemble(RawData(x, torch.arange(n)), "toy", "toy")


def test_the_same_seed_and_draw_give_the_same_rows_in_any_order_of_calls():
    data = images(100)
    first = [data.batch(3, draw, 16) for draw in range(20)]
    _permutation.cache_clear()
    for draw in (19, 0, 7, 7, 12):
        repeated = data.batch(3, draw, 16)
        assert torch.equal(repeated.index, first[draw].index)
        assert torch.equal(repeated.x, first[draw].x)
        assert repeated.y is not None and torch.equal(repeated.y, first[draw].y)


def test_seeds_and_epochs_are_different_orders():
    orders = {tuple(positions(seed, draw, 50, 50)[0].tolist()) for seed in range(4) for draw in range(4)}
    assert len(orders) == 16


def test_an_order_that_is_written_down():
    # Bits that a checkpoint relies on: a change here breaks every run that is resumed.
    assert positions(0, 0, 8, 8)[0].tolist() == [2, 4, 7, 5, 1, 6, 3, 0]


@pytest.mark.parametrize("size", [9, 10, 64, 90])
def test_every_epoch_covers_the_training_set_exactly_once(size):
    data = images(100)
    n = len(data.train)
    walk = torch.cat([data.batch(0, draw, size).index for draw in range(3 * n // size + 1)])
    for epoch in range(3):
        assert torch.equal(walk[epoch * n : (epoch + 1) * n].sort().values, data.train)


def test_global_generator_is_neither_read_nor_moved():
    data = images(100)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = data.batch(0, 5, 16)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    _permutation.cache_clear()
    assert torch.equal(data.batch(0, 5, 16).index, first.index)
    load("digits")
    torch.manual_seed(2)
    assert torch.equal(torch.get_rng_state(), torch.Generator().manual_seed(2).get_state())


def test_changing_a_batch_changes_no_later_one():
    data = images(20)
    batch = data.batch(0, 0, 18)
    expected = batch.index.clone()
    batch.index.zero_()
    batch.x.zero_()
    assert torch.equal(data.batch(0, 0, 18).index, expected)
    places, _ = positions(0, 0, 4, 4)
    places.zero_()
    assert sorted(positions(0, 0, 4, 4)[0].tolist()) == [0, 1, 2, 3]


def test_rows_labels_and_index_belong_together():
    data = images(100)
    batch = data.batch(0, 11, 32)
    assert batch.y is not None and torch.equal(batch.y, batch.index)
    assert batch.x.dtype == torch.float32
    assert_close(batch.x, data.x[batch.index].float() / 127.5 - 1, rtol=0, atol=0)
    assert data.x.dtype == torch.uint8


def test_values_reach_both_ends_exactly():
    x = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)
    assert assemble(RawData(x), "a", "a").values(torch.tensor([0, 1])).flatten().tolist() == [-1.0, 1.0]


def test_vectors_pass_as_they_are():
    x = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    data = assemble(RawData(x), "a", "a")
    assert not data.is_images and data.shape == (3,) and data.classes is None
    assert torch.equal(data.values(torch.tensor([4, 2])), x[[4, 2]])
    assert data.batch(0, 0, 4).y is None
    assert data.crop(x) is x


@pytest.mark.parametrize(("n", "held_out"), [(1, 0), (2, 1), (9, 1), (10, 1), (40, 4), (100, 10)])
def test_the_split_is_a_fixed_tenth(n, held_out):
    data, repeated = images(n), images(n)
    assert len(data.held_out) == held_out
    assert torch.equal(torch.cat([data.train, data.held_out]).sort().values, torch.arange(n))
    assert torch.equal(data.held_out, repeated.held_out)
    assert data.train.dtype == data.held_out.dtype == torch.int64


def test_fingerprint_sees_bytes_shapes_and_labels():
    x, y = torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)
    other = x.clone()
    other[3, 0, 7, 7] = 1
    prints = [
        assemble(RawData(*parts), "a", "a").fingerprint
        for parts in [(x, y), (x, None), (other, y), (x.reshape(4, 1, 4, 16), y), (x, y + 1), (x.clone(), y)]
    ]
    assert len(set(prints)) == 5 and prints[0] == prints[5]


def test_a_fingerprint_that_is_known_stands_for_the_samples():
    x, y = torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)
    known = assemble(RawData(x), "a", "a").fingerprint
    for labels in (None, y):
        raw = RawData(x + 1, labels, fingerprint=known)
        assert assemble(raw, "a", "a").fingerprint == assemble(RawData(x, labels), "a", "a").fingerprint


def test_each_sample_of_a_batch_has_its_own_epoch():
    for size in (1, 4, 7, 10):
        epochs = torch.cat([positions(0, draw, size, 10)[1] for draw in range(40)])
        assert torch.equal(epochs, torch.arange(40 * size) // 10)


def test_names_of_classes():
    data = assemble(RawData(torch.zeros(2, 3), torch.tensor([0, 1]), class_names=("cat", "dog")), "a", "a")
    assert [data.class_name(label) for label in (1, 0, 2, -1)] == ["dog", "cat", "2", "-1"]


def test_too_few_images_for_a_batch():
    with pytest.raises(ValueError, match=r"at least 64 training images for a batch of 64, but toy has 36: lower"):
        images(40).batch(0, 0, 64)
    with pytest.raises(ValueError, match="has 1: lower --batch or add images"):
        images(1).batch(0, 0, 2)


@pytest.mark.parametrize(("draw", "size"), [(-1, 4), (0, 0), (0, -3)])
def test_impossible_batches(draw, size):
    with pytest.raises(ValueError, match="needs size >= 1 and draw >= 0"):
        images(40).batch(0, draw, size)


def test_crop_refuses_images_of_another_size():
    data = assemble(RawData(torch.zeros(3, 1, 32, 32, dtype=torch.uint8), content=(28, 28)), "a", "a")
    assert data.crop(torch.zeros(5, 3, 32, 32)).shape == (5, 3, 28, 28)
    with pytest.raises(ValueError, match="needs images of 32x32"):
        data.crop(torch.zeros(5, 1, 28, 28))


def test_classes_count_from_zero_and_leave_the_unlabeled_out():
    x = torch.zeros(3, 2)
    assert assemble(RawData(x, torch.tensor([-1, 4, 0])), "a", "a").classes == 5
    assert assemble(RawData(x, torch.tensor([-1, -1, -1])), "a", "a").classes is None
