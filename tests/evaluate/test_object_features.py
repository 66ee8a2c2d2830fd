"""Features that see content, for color pictures."""

import hashlib
import importlib
import os
from pathlib import Path

import pytest
import torch

from gansmith.data import load
from gansmith.data.dataset import Dataset
from gansmith.evaluate import object_features
from gansmith.evaluate.choosing import choose
from gansmith.evaluate.features import round_to_8_bits

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("GANSMITH_DATA", ROOT / "../shared/data"))


@pytest.fixture(scope="module")
def classifier():
    return object_features.ObjectClassifier()


def pictures(n=6, side=48, channels=3):
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(n, channels, 6, 6, generator=generator) * 2 - 1
    return round_to_8_bits(torch.nn.functional.interpolate(coarse, side, mode="bilinear"))


def test_features_are_means_of_maps_by_another_way(classifier):
    """By modules in float64, picture by picture."""
    x, h, means = pictures(), pictures().double(), []
    for i, stride in enumerate(object_features.STRIDES, 1):
        w = classifier._w[f"conv{i}.weight"]
        layer = torch.nn.Conv2d(w.shape[1], w.shape[0], 3, stride, 1).double()
        layer.load_state_dict({name: classifier._w[f"conv{i}.{name}"].double() for name in ("weight", "bias")})
        h = torch.stack([layer(one[None])[0] for one in h]).clamp(min=0)
        if i in (3, 5, 7):
            means.append(torch.stack([one.flatten(1).sum(1) / one[0].numel() for one in h]))
    expected = torch.cat(means, 1)
    assert expected.shape == (6, object_features.SIZE)
    assert torch.allclose(classifier.embed(x).double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("side", "seen"), [(8, 32), (16, 32), (31, 32), (32, 32), (40, 40), (64, 64), (96, 64), (256, 64)]
)
def test_the_size_in_which_pictures_are_seen(side, seen):
    assert object_features._seen(pictures(2, side)).shape == (2, 3, seen, seen)


def test_large_pictures_are_seen_as_their_means():
    x = pictures(2, 64)
    assert torch.allclose(object_features._seen(x.repeat_interleave(4, 2).repeat_interleave(4, 3)), x, atol=1e-6)


def test_rectangles_and_gray_pictures_are_seen(classifier):
    x = torch.zeros(2, 1, 200, 100)
    assert object_features._seen(x).shape == (2, 3, 128, 64)
    gray = pictures(2, 32, 1)
    assert torch.equal(classifier.embed(gray), classifier.embed(gray.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize("shape", [(2, 2, 32, 32), (2, 4, 32, 32), (3, 32, 32)])
def test_what_is_no_picture_is_refused(shape, classifier):
    with pytest.raises(ValueError, match="needs pictures"):
        classifier.embed(torch.zeros(shape))


def test_the_weights_are_those_that_were_shipped(classifier, monkeypatch, tmp_path):
    assert hashlib.sha256(object_features.WEIGHTS.read_bytes()).hexdigest() == object_features.SHA256
    assert object_features.WEIGHTS.stat().st_size <= 1_500_000
    (tmp_path / "other").write_bytes(object_features.WEIGHTS.read_bytes()[:-1] + b"0")
    monkeypatch.setattr(object_features, "WEIGHTS", tmp_path / "other")
    with pytest.raises(ValueError, match="as it was shipped"):
        object_features.ObjectClassifier()


def test_objects_are_named(classifier, cifar):
    """On pictures that it did not learn from, within three standard errors of what is said of it."""
    x, y = cifar
    right = float((classifier.predict(x) == y).double().mean())
    assert abs(right - classifier.accuracy) < 3 * (classifier.accuracy * (1 - classifier.accuracy) / len(y)) ** 0.5


@pytest.fixture
def parts(monkeypatch):
    """The benchmark's own split."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("object_classifiers").parts


@pytest.fixture
def cifar(parts):
    """Some of the test part of CIFAR-10 as JPEG."""
    path = DATA / "cifar10_jpeg/cifar10_jpeg_train.zip"
    if not path.exists():
        pytest.skip(f"{path} is absent: set GANSMITH_DATA to the folder that holds cifar10_jpeg/")
    data = load(str(path), size=32)
    rows = parts(data.y)[0][::5]
    return data.values(rows), data.y[rows]


def test_parts_of_cifar_have_no_picture_in_common(parts):
    y = torch.arange(10).repeat(5000)
    found = parts(y)
    assert [len(part) for part in found] == [5000, 2500, 32_000, 10_500]
    assert len(torch.cat(found).unique()) == 50_000
    assert all((y[part].bincount() == len(part) // 10).all() for part in found)


def color(n=40):
    x = torch.randint(0, 256, (n, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = torch.arange(n)
    return Dataset("c", x, None, split[: n // 2], split[n // 2 :], None, "c", "c", ())


def test_they_are_the_default_for_color_pictures_and_can_be_asked_for():
    found = choose(None, color())
    assert found.name == "objects" and "the default for color pictures" in found.why and "no fine detail" in found.why
    assert choose("objects", load("digits")).name == "objects"
    vectors = choose("objects", color())(color().values(torch.arange(3)))
    assert vectors.shape == (3, object_features.SIZE) and bool(vectors.isfinite().all())
