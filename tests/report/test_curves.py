import math

import numpy as np
import pytest

from gansmith.report.curves import BUCKETS, LARGEST, thin


def test_a_short_curve_is_itself() -> None:
    curve = thin([0, 10, 20], [1.0, 5.0, 3.0])
    for values in (curve.low, curve.high, curve.mean, curve.smooth):
        assert values.tolist() == [1.0, 5.0, 3.0]
    assert curve.steps.tolist() == [0, 10, 20]


def test_a_long_one_keeps_its_extremes_and_its_mean() -> None:
    values = np.random.default_rng(0).standard_normal(100_003)
    values[51_234] = 99.0
    curve = thin(range(100_003), values.tolist())
    assert len(curve.steps) == BUCKETS
    assert curve.high.max() == 99.0
    assert curve.low.min() == values.min()
    assert curve.mean.mean() == pytest.approx(values.mean(), abs=1e-4)
    assert curve.smooth.std() < 0.3 * curve.mean.std()


def test_smoothing_keeps_a_constant_and_does_not_shift_a_line() -> None:
    assert thin(range(300), [2.0] * 300).smooth == pytest.approx(np.full(300, 2.0), rel=1e-12)
    line = thin(range(300), [float(i) for i in range(300)])
    assert line.smooth[50:250] == pytest.approx(line.mean[50:250], rel=1e-12)


def test_what_is_not_finite_is_left_out_and_kept_in_mind() -> None:
    values = [1.0, math.nan, 2.0, math.inf, -math.inf, 10 * LARGEST, 3.0]
    curve = thin(range(7), values)
    assert curve.mean.tolist() == [1.0, 2.0, 3.0]
    assert curve.lost.tolist() == [1, 3, 4, 5]


def test_nothing_and_nothing_finite() -> None:
    assert len(thin([], []).steps) == 0
    curve = thin([4, 5], [math.nan, math.nan])
    assert len(curve.steps) == 0
    assert curve.lost.tolist() == [4, 5]


def test_a_missing_step_is_refused() -> None:
    with pytest.raises(ValueError, match="2 steps and 1 values"):
        thin([1, 2], [1.0])
