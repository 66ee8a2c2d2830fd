"""Copies of training pictures are found, mirrored ones too, and are said by name."""

from dataclasses import replace

import pytest
import torch

from gansmith.data import load
from gansmith.data.augment import Augment
from gansmith.evaluate.features import pixels
from gansmith.examinations.base import Subject
from gansmith.examinations.copies import closest, measure
from gansmith.games import Samples
from gansmith.report import health


class Mirrored(Samples):
    """Every sample is a training picture in a mirror."""

    def __init__(self, data):
        super().__init__()
        self.pictures = data.values(data.train).flip(-1)

    def inputs(self, n, y=None):
        return torch.arange(n)

    def decode(self, inputs):
        return self.pictures[inputs]


@pytest.mark.parametrize("flip", [False, True])
def test_mirrored_copies_are_found_where_mirrored_pictures_are_learned(flip):
    """Digits are not what their mirrored pictures are: looked at as they are, these lie far from all."""
    data = replace(load("digits"), augment=Augment(flip=flip))
    numbers = measure(Subject(Mirrored(data), data, 0, torch.device("cpu"), pixels(data.shape), 100))["memorization"]
    assert (numbers["nearest_ratio"] == 0) == (numbers["authenticity"] == 0) == flip
    assert 0.5 < numbers["floor"] < 1  # held-out ones are looked at in the same way
    assert [entry["distance"] < 1e-3 for entry in numbers["closest"]] == [flip] * 5


def test_the_copied_ones_are_named_first():
    data = load("digits")
    index = data.train[:200]
    train = data.x[index].float().flatten(1)
    noise = torch.randn(train[:50].shape, generator=torch.Generator().manual_seed(0))
    samples = torch.cat([train[100:150] + 5 * noise, train[[7]], train[[3]] + 0.1, train[[7]]])
    found = closest(data, index, samples, train)
    assert [each["name"] for each in found[:2]] == [data.sample_name(int(index[i])) for i in (7, 3)]
    assert len(found) == 5 and found[0]["distance"] == pytest.approx(0, abs=1e-3)
    others = [float((train[7] - other).norm()) for i, other in enumerate(train) if i != 7]
    assert found[0]["apart"] == pytest.approx(min(others), rel=1e-4)


def test_files_are_named_as_files():
    data = replace(load("digits"), names=tuple(f"{i}.png" for i in range(1797)))
    x = data.x[data.train[:20]].float().flatten(1)
    assert closest(data, data.train[:20], x[:1], x)[0]["name"] == f"{int(data.train[0])}.png"


NAMED = [{"name": "a.png"}, {"name": "b.png"}, {}, 3, {"name": 4}]
SAID = [(NAMED, "Nearest to one: a.png, b.png."), ([], "10% as far."), (7, "10% as far.")]


@pytest.mark.parametrize(("closest_ones", "words"), SAID)
def test_the_alarm_names_them(closest_ones, words):
    copied = {"nearest_ratio": 0.1, "floor": 1.0, "c_t": -9.0, "closest": closest_ones}
    [finding] = health([], [], {"memorization": copied}, {})
    assert finding.kind == "copies" and finding.sentence.endswith(words)
