"""What every term refuses of its arguments."""

import pytest

from gansmith.regularizers import (
    DRAGAN,
    R1,
    R2,
    ClipWeights,
    Consistency,
    FeatureMatching,
    GradientPenalty,
    GradientPower,
    LeCam,
    OrthogonalWeights,
)

NAN = float("nan")


@pytest.mark.parametrize(
    "kind", [R1, R2, GradientPenalty, DRAGAN, LeCam, FeatureMatching, OrthogonalWeights], ids=lambda k: k.__name__
)
def test_a_weight_is_not_negative(kind):
    for weight in (-1.0, NAN, float("inf")):
        with pytest.raises(ValueError, match=f"needs a finite weight >= 0, but got {weight}"):
            kind(weight)
    assert kind(0.0).weight == 0  # a term that is off


@pytest.mark.parametrize("limit", [0.0, -0.01, NAN])
def test_a_limit_is_positive(limit):
    with pytest.raises(ValueError, match=f"needs a limit above 0, but got {limit}"):
        ClipWeights(limit)


@pytest.mark.parametrize("kind", [lambda f: GradientPower(at=f), lambda f: Consistency(transform=f)])
def test_what_is_no_function_is_refused(kind):
    with pytest.raises(ValueError, match=r"needs a function .*, but got 'between'"):
        kind("between")
