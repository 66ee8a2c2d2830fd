"""Every distance with its interval and its floor; sets of pictures; coders beside principal components."""

import pytest
import torch

from gansmith.data import load
from gansmith.evaluate import compare, distances, measure_sets
from gansmith.evaluate.classes import ClassJudge
from gansmith.evaluate.features import Features, pixels
from gansmith.evaluate.reconstruction import PrincipalComponents
from gansmith.examinations.coder import Coder
from gansmith.examinations.encoder import Labeled, Trial


def normal(seed, n=200, shift=0.0):
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + shift


def test_a_shift_is_seen_beyond_its_floor_and_interval():
    result = compare(normal(0), normal(1, shift=1.0), normal(2))
    for name in ("frechet_distance", "kernel_distance", "sliced_wasserstein", "energy_distance"):
        low, high = result[name]["interval"]
        assert result[name]["floor"] < low < result[name]["value"] < high, name
    assert result["coverage"]["interval"][1] < result["coverage"]["floor"]


def test_equal_distributions_are_at_the_floor():
    result = compare(normal(10), normal(11), normal(12))
    for name, metric in result.items():
        low, high = metric["interval"]  # of the value alone; the floor is another draw
        assert abs(metric["floor"] - metric["value"]) < 0.75 * (high - low), name


def test_a_share_stays_a_share():
    for metric in (compare(normal(0), normal(1), None)[name] for name in ("precision", "recall", "coverage")):
        assert 0 <= metric["interval"][0] <= metric["value"] <= metric["interval"][1] <= 1
        assert metric["floor"] is None


def test_the_values_are_the_distances_of_all_samples():
    result, plain = compare(normal(0), normal(1), normal(2)), distances(normal(0), normal(1))
    assert {name: result[name]["value"] for name in plain} == plain
    assert {name: result[name]["floor"] for name in plain} == distances(normal(0), normal(2))


def test_unequal_numbers_are_refused():
    with pytest.raises(ValueError, match=r"equally many .* \[200, 100, 200\]: take the first 100"):
        compare(normal(0), normal(1, n=100), normal(2))


def test_half_of_the_real_pictures_make_the_floor():
    digits = load("digits")
    fake, real = load("digits", limit=150), digits
    result = measure_sets(fake, real, pixels((1, 8, 8)))
    assert result["n"] == 150 and "no_floor" not in result and result["content"] == [1, 8, 8]
    frechet = result["metrics"]["frechet_distance"]
    assert 0.5 < frechet["value"] / frechet["floor"] < 2
    assert result == measure_sets(fake, real, pixels((1, 8, 8)))
    more = measure_sets(real, real, pixels((1, 8, 8)), n=1000)
    assert more["n"] == 1000 and "needs 2,000 real samples, but there are 1,797" in more["no_floor"]
    assert more["metrics"]["coverage"]["floor"] is None


@pytest.mark.parametrize("n", [5, 5000])
def test_too_few_are_refused(n):
    digits = load("digits")
    with pytest.raises(ValueError, match=r"needs (20|5,000) samples of each kind, but got 1,797 and 1,797"):
        measure_sets(digits, digits, pixels((1, 8, 8)), n=n)


def test_pictures_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match="needs samples of one shape"):
        measure_sets(load("digits"), load("digits", size=16), pixels((1, 8, 8)))


def test_features_see_what_is_within_the_padding(tmp_path):
    import numpy as np

    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=rng.integers(0, 256, (120, 12, 12), dtype=np.uint8))
    data = load(str(tmp_path / "a.npz"))
    assert data.shape == (1, 16, 16) and data.content == (12, 12)
    shapes = []

    def spy(x):
        shapes.append(x.shape[1:])
        return x.flatten(1)

    measure_sets(data, data, Features("spy", 144, "a test", spy, version=None))
    assert set(shapes) == {(1, 12, 12)}


@pytest.fixture(scope="module")
def trial():
    digits = load("digits")
    train, held_out = digits.values(digits.train), digits.values(digits.held_out)
    y, unseen = digits.y[digits.train], digits.y[digits.held_out]
    return Trial(
        Labeled(train, y), Labeled(held_out, unseen), lambda x: x, lambda x: x.flatten(1), ClassJudge(train, y)
    )


def test_all_components_lose_nothing(trial):
    result = trial.numbers(Coder.of_components(PrincipalComponents(trial.train.x, 64), lambda x: x))
    assert result["mse"] < 1e-10 and result["same_class"] == 1 and result["frechet_distance"] < 1e-6
    assert result["sharpness"] == pytest.approx(1, abs=1e-4)


def test_few_components_blur(trial):
    many, few = (
        trial.numbers(Coder.of_components(PrincipalComponents(trial.train.x, size), lambda x: x)) for size in (32, 4)
    )
    assert few["mse"] > 4 * many["mse"] and few["sharpness"] < 0.5 * many["sharpness"]
    assert few["same_class"] < many["same_class"] and few["linear_probe"] < many["linear_probe"]
    assert few["frechet_distance"] > many["frechet_distance"]
    assert few["midpoints_frechet_distance"] > few["frechet_distance"]


def test_without_labels_and_features_there_is_still_an_error(trial):
    bare = Trial(Labeled(trial.train.x, None), Labeled(trial.held_out.x, None), lambda x: x, None, None)
    result = bare.numbers(Coder.of_components(PrincipalComponents(trial.train.x, 8), lambda x: x))
    assert sorted(result) == ["mse", "psnr", "sharpness"]
