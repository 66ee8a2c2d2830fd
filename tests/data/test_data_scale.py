"""Columns of very different size are standardized for networks; others stay as they are, to the bit."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from gansmith.data import load
from gansmith.data.scale import ROWS, Scale, scale_of
from gansmith.data.selection import Selection
from gansmith.evaluate.choosing import choose
from gansmith.evaluate.sets import measure_sets

RNG = np.random.default_rng(1)
PEOPLE = np.stack(
    [RNG.integers(18, 80, 400), np.exp(RNG.normal(10, 0.5, 400)), RNG.normal(40, 8, 400), np.full(400, 7)], 1
).astype(np.float32)
NORMAL = RNG.normal(size=(400, 3)).astype(np.float32)
OUTLIER = np.vstack([NORMAL * [1, 50, 1], [[0, 1e6, 0]] * 40]).astype(np.float32)


@pytest.fixture
def people(tmp_path):
    np.save(tmp_path / "people.npy", PEOPLE)
    return load(str(tmp_path / "people.npy"))


def test_networks_see_columns_of_one_size_and_users_their_own(people):
    train = people.values(people.train)
    assert torch.equal(people.x, torch.from_numpy(PEOPLE))
    torch.testing.assert_close(train.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(train.std(0, correction=0), torch.tensor([1.0, 1, 1, 0]), atol=1e-5, rtol=0)
    assert torch.equal(people.batch(0, 3, 16).x, people.values(people.batch(0, 3, 16).index))
    assert torch.equal(people.select(people.held_out).x, people.values(people.held_out))
    torch.testing.assert_close(people.restore(train), people.x[people.train], rtol=1e-6, atol=0.01)
    torch.testing.assert_close(people.prepare(people.x[people.train]), train)
    assert len(people.notes) == 1 and "columns are standardized for training" in people.notes[0]


def test_the_scale_is_that_of_the_training_part_alone(people):
    assert people.scale is not None
    x = PEOPLE[people.train.numpy()].astype(np.float64)
    torch.testing.assert_close(people.scale.mean, torch.from_numpy(x.mean(0).astype(np.float32)))
    deviation = np.where(x.std(0) > 0, x.std(0), 1)
    torch.testing.assert_close(people.scale.deviation, torch.from_numpy(deviation.astype(np.float32)))
    moved = people.x.clone()
    moved[people.held_out] += 1e6
    again = scale_of(moved, people.train)
    assert again is not None and torch.equal(again.mean, people.scale.mean)


SEEN_AS_THEY_ARE = {
    "similar": NORMAL,
    "up to ten times apart": NORMAL * np.float32([1, 3, 9]),
    "one column": NORMAL[:, :1],
    "not centered, a little": NORMAL + 5,
    "constant": np.full((40, 3), 1e6, np.float32),
    "with a constant column": np.hstack([NORMAL, np.full((400, 1), 3, np.float32)]),
}
SCALED = {
    "twelve times apart": NORMAL * np.float32([1, 3, 12]),
    "far from zero": NORMAL + 2000,
    "a constant far from zero": np.hstack([NORMAL, np.full((400, 1), 3000, np.float32)]),
    "large": NORMAL * 1e4,
    "small": NORMAL * 1e-5,
    "very small beside small": NORMAL * np.float32([1e-20, 1e-3, 1e-42]),
}


@pytest.mark.parametrize("case", [*SEEN_AS_THEY_ARE, *SCALED])
def test_which_vectors_need_a_scale(tmp_path, case):
    x = (SEEN_AS_THEY_ARE | SCALED)[case].astype(np.float32)
    np.save(tmp_path / "a.npy", x)
    data = load(str(tmp_path / "a.npy"))
    assert (data.scale is None) == (case in SEEN_AS_THEY_ARE) == (not data.notes)
    assert bool(data.values(torch.arange(len(x))).isfinite().all())
    if data.scale is None:
        assert torch.equal(data.values(torch.arange(len(x))), torch.from_numpy(x))
        assert data.restore(data.x) is data.x and data.prepare(data.x) is data.x


@pytest.mark.parametrize("source", ["ring", "grid", "digits"])
def test_named_data_stay_as_they_are(source):
    assert load(source).scale is None


def test_the_same_bits_whatever_the_threads_and_parts(monkeypatch):
    x = torch.from_numpy(RNG.normal(size=(2 * ROWS + 17, 3)).astype(np.float32) * np.float32([1, 1e5, 1]))
    first = scale_of(x, torch.arange(len(x)))
    threads = torch.get_num_threads()
    torch.set_num_threads(4 if threads == 1 else 1)
    again = scale_of(x, torch.arange(len(x)))
    torch.set_num_threads(threads)
    assert first is not None and again is not None
    assert torch.equal(first.mean, again.mean) and torch.equal(first.deviation, again.deviation)
    np.testing.assert_allclose(first.mean, x.double().mean(0), rtol=1e-3, atol=1e-6)


def test_a_record_gives_the_same_bits(people):
    record = json.loads(json.dumps(Selection(people.source).record(people)))
    scale = Scale.from_record(record["scale"])
    assert scale is not None and people.scale is not None
    assert torch.equal(scale.mean, people.scale.mean) and torch.equal(scale.deviation, people.scale.deviation)


def test_another_scale_brings_its_own_note(people):
    plain = people.with_scale(None)
    assert plain.scale is None and plain.notes == () and torch.equal(plain.values(torch.arange(3)), people.x[:3])
    assert plain.with_scale(people.scale).notes == people.notes


def test_distances_are_not_those_of_the_largest_column_alone(people):
    """The first column is shuffled: with incomes as they are, nobody would see it."""
    fake = people.x.clone()
    fake[:, 0] = fake[:, 0] * 3 + 100
    fakes = dataclasses.replace(people, x=fake, scale=None)
    features = choose(None, people)
    assert "compared standardized" in features.why
    seen = measure_sets(fakes, people, features, n=100)["metrics"]["coverage"]["value"]
    plain = people.with_scale(None)
    unseen = measure_sets(fakes, plain, choose(None, plain), n=100)["metrics"]["coverage"]["value"]
    assert seen < 0.2 and unseen > 0.6
