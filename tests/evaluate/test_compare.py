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
    for metric in (compare(normal(0), normal(1))[name] for name in ("precision", "recall", "coverage")):
        assert 0 <= metric["interval"][0] <= metric["value"] <= metric["interval"][1] <= 1


def test_the_values_are_the_distances_of_all_samples():
    result, plain = compare(normal(0), normal(1), normal(2)), distances(normal(0), normal(1))
    assert {name: result[name]["value"] for name in plain} == plain
    assert {name: result[name]["floor"] for name in plain} == distances(normal(0), normal(2))


def by_scipy(x, y):
    """The formula of the FID in double precision, by another library."""
    import numpy as np
    from scipy.linalg import sqrtm

    s, t = np.cov(x.T), np.cov(y.T)
    shift = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return float(shift + np.trace(s) + np.trace(t) - 2 * np.trace(sqrtm(s @ t).real))


def flat(x):
    return x.flatten(1) @ torch.randn(64, 12, generator=torch.Generator().manual_seed(0))


TWELVE = Features("twelve", 12, "a test", flat, version=None)


def test_the_distance_is_the_one_that_others_get_of_all_pictures():
    fake, real = load("digits", limit=300), load("digits")
    result = measure_sets(fake, real, TWELVE)
    x, y = (flat(each.values(torch.arange(len(each)))).double().numpy() for each in (real, fake))
    frechet = result["metrics"]["frechet_distance"]
    assert frechet["value"] == pytest.approx(by_scipy(x, y), rel=1e-6)
    assert frechet["n"] == {"real": 1797, "fake": 300} == {k: result["there_are"][k] for k in ("real", "fake")}
    assert all(metric["n"] == frechet["n"] for metric in result["metrics"].values())


def test_without_a_twin_some_real_samples_make_the_floor():
    real, fake = normal(0, n=120), normal(1, n=50, shift=1.0)
    result = compare(real, fake)
    beside, floor = distances(real[:70], fake), distances(real[:70], real[70:])
    for name in beside:
        assert result[name]["floor_n"] == {"real": 70, "fake": 50}
        assert (result[name]["value_at_floor_n"], result[name]["floor"]) == (beside[name], floor[name])
    halved = compare(real, normal(1, n=500))["coverage"]  # at most half
    assert halved["floor_n"] == {"real": 60, "fake": 60}


def test_a_floor_has_an_interval_of_its_own():
    """Of two halves of one set the kernel distance is 0: its interval holds 0, where that of another set does not."""
    result = compare(normal(0, n=300), normal(1, n=300, shift=1.0), normal(2, n=300))
    for metric in result.values():
        low, high = metric["floor_interval"]
        assert low <= metric["floor"] <= high
    kernel = result["kernel_distance"]
    assert kernel["floor_interval"][0] < 0 < kernel["floor_interval"][1] < kernel["interval"][0]
    assert result["coverage"]["interval"][1] < result["coverage"]["floor_interval"][0]


def test_too_few_for_a_floor_have_none():
    assert all(metric["floor"] is None for metric in compare(normal(0, n=39), normal(1, n=39)).values())
    digits = load("digits", limit=30)
    assert "no floor: it needs 40 real samples, but there are 30" in measure_sets(digits, digits, TWELVE)["no_floor"]


def test_a_twin_of_equal_number_needs_no_second_value():
    assert "value_at_floor_n" not in compare(normal(0), normal(1), normal(2))["coverage"]


def test_all_pairs_are_of_fewer_and_then_the_floor_has_their_n():
    real, fake = normal(0, n=200), normal(1, n=90)
    result = compare(real, fake, most=60)
    assert result["coverage"]["n"] == {"real": 60, "fake": 60} == result["coverage"]["floor_n"]
    assert result["coverage"]["value"] == distances(real[:60], fake[:60])["coverage"]
    assert result["coverage"]["floor"] == distances(real[:60], real[60:120])["coverage"]
    assert result["frechet_distance"]["n"] == {"real": 200, "fake": 90}


def test_intervals_say_what_they_are_about():
    result = compare(normal(0), normal(1), normal(2))
    about = {name: metric["interval_about"] for name, metric in result.items()}
    for name in ("kernel_distance", "energy_distance", "diversity"):
        assert about.pop(name) == "the true value"
    assert set(about.values()) == {"the mean of this number at this n, not its value for n without end"}
    assert result["frechet_distance"]["corrected"]["interval_about"] == "the true value"


def test_a_number_of_each_may_be_asked_for():
    digits = load("digits")
    result = measure_sets(digits, digits, TWELVE, n=300)
    coverage = result["metrics"]["coverage"]
    assert coverage["n"] == coverage["floor_n"] == {"real": 300, "fake": 300} and "no_floor" not in result
    assert result == measure_sets(digits, digits, TWELVE, n=300)


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
