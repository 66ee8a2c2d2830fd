import os
from itertools import combinations
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.testing import assert_close

from gansmith.data import Dataset, load
from gansmith.evaluate import digit_features as module
from gansmith.evaluate import frechet_distance
from gansmith.evaluate.choosing import choose
from gansmith.evaluate.digit_features import WEIGHTS, DigitClassifier, digit_features

DATA = Path(os.environ.get("GANSMITH_DATA", Path(__file__).parents[2] / "../shared/data"))


def shared(name: str) -> str:
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is absent: set GANSMITH_DATA to the folder that holds {name}")
    return str(DATA / name)


@pytest.fixture(scope="module")
def mnist() -> Dataset:
    return load(shared("mnist"))


@pytest.fixture(scope="module")
def pictures(mnist: Dataset) -> tuple[Tensor, Tensor]:
    assert mnist.y is not None
    return mnist.crop(mnist.values(mnist.held_out)), mnist.y[mnist.held_out]


def test_names_as_many_test_images_as_is_said(pictures: tuple[Tensor, Tensor]) -> None:
    x, y = pictures
    assert len(x) == 10_000
    classifier = DigitClassifier()
    right = float((classifier.predict(x) == y).double().mean())
    assert right == pytest.approx(classifier.accuracy, abs=2e-4)  # a last bit of a float may turn a picture
    assert right >= 0.992
    assert WEIGHTS.stat().st_size < 500_000


def test_other_sizes_are_brought_to_28(pictures: tuple[Tensor, Tensor]) -> None:
    x, y = pictures[0][:500], pictures[1][:500]
    classifier = DigitClassifier()
    assert_close(classifier.embed(pad(x, (2, 2, 2, 2), value=-1)), classifier.embed(x), rtol=0, atol=0)
    twice = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert float((classifier.predict(twice) == y).double().mean()) > 0.99
    for wrong in (x.expand(-1, 3, -1, -1), x[..., :20]):
        with pytest.raises(ValueError, match="gray square pictures"):
            classifier.predict(wrong)
    assert classifier.predict(x[:0]).shape == (0,)


def test_is_chosen_for_mnist_whatever_its_name(mnist: Dataset, pictures: tuple[Tensor, Tensor]) -> None:
    features = choose(None, mnist)
    assert (features.name, features.size) == ("digits", 96) and "99.71%" in features.why
    x = pictures[0][:300]
    output = features(x)
    assert output.shape == (300, 96) and float(output.std(0).min()) > 0
    assert features.judge is not None
    assert_close(features.judge.predict(x), DigitClassifier().predict(x))


def test_orders_corruptions(mnist: Dataset, pictures: tuple[Tensor, Tensor]) -> None:
    features = choose("digits", mnist)
    (x, y), n = pictures, 1000
    real, other, labels = features(x[:n]), x[n : 2 * n], y[n : 2 * n]
    grain = torch.randn(other.shape, generator=torch.Generator().manual_seed(0))
    for sets in (
        [other + level * grain for level in (0, 0.2, 0.5, 1)],
        [other[labels < kept] for kept in (10, 8, 5, 2)],
    ):
        far = [frechet_distance(real, features(each)) for each in sets]
        assert far == sorted(far) and far[-1] > 5 * far[0], far


def test_weights_that_are_not_ours_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(WEIGHTS.read_bytes())
    content[-1] ^= 1
    (tmp_path / "digits.safetensors").write_bytes(content)
    monkeypatch.setattr(module, "WEIGHTS", tmp_path / "digits.safetensors")
    with pytest.raises(ValueError, match="as it was shipped"):
        DigitClassifier()


def test_small_digits() -> None:
    data, features = load("digits"), digit_features((1, 8, 8))
    x = data.values(data.held_out)
    assert data.y is not None and features.judge is not None
    labels = features.judge.predict(x)
    assert float((labels == data.y[data.held_out]).double().mean()) > 0.97
    output = features(x)
    assert output.shape == (180, 45)
    votes = torch.zeros(len(x), 10)  # a margin's sign is a vote for the first or the second class of its pair
    for column, (a, b) in enumerate(combinations(range(10), 2)):
        votes[:, a] += (output[:, column] > 0).float()
        votes[:, b] += (output[:, column] <= 0).float()
    assert float((votes.argmax(1) == labels).double().mean()) > 0.99
    with pytest.raises(ValueError, match=r"\(n, 1, 8, 8\)"):
        features.judge.predict(torch.zeros(2, 1, 28, 28))
    assert features.judge.predict(x[:0]).shape == (0,)


def test_small_digits_order_corruptions() -> None:
    data, features = load("digits"), digit_features((1, 8, 8))
    assert data.y is not None
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    x, y = data.values(order), data.y[order]
    real, other, labels = features(x[:800]), x[800:1600], y[800:1600]
    grain = torch.randn(other.shape, generator=torch.Generator().manual_seed(0))
    for sets in (
        [other + level * grain for level in (0, 0.2, 0.5, 1)],
        [other[labels < kept] for kept in (10, 8, 5, 2)],
    ):
        far = [frechet_distance(real, features(each)) for each in sets]
        assert far == sorted(far) and far[-1] > 5 * far[0], far
