import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gansmith.evaluate import Moments, frechet_distance


def normal(n: int, d: int, seed: int) -> Tensor:
    """Correlated vectors, whose covariances do not commute."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=generator, dtype=torch.float64)
    return torch.randn(n, d, generator=generator, dtype=torch.float64) @ mix + seed


def by_sqrtm(x: Tensor, y: Tensor) -> float:
    import numpy as np
    from scipy.linalg import sqrtm

    a, b = x.numpy(), y.numpy()
    s, t = np.cov(a.T), np.cov(b.T)
    shift = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return float(shift + np.trace(s) + np.trace(t) - 2 * np.trace(sqrtm(s @ t).real))


@pytest.mark.parametrize(("n", "m"), [(50, 40), (12, 40), (40, 5), (7, 5)])
def test_equals_the_matrix_square_root_for_more_and_fewer_vectors_than_dimensions(n: int, m: int) -> None:
    x, y = normal(n, 15, 1), normal(m, 15, 2)
    # Of singular matrices the oracle itself keeps half of the digits.
    tolerance = 1e-9 if min(n, m) > 15 else 1e-6
    assert frechet_distance(x, y) == pytest.approx(by_sqrtm(x, y), rel=tolerance)


def test_equals_torchmetrics() -> None:
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Flat(nn.Module):
        num_features = 12

        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1).double()

    x, y = normal(60, 12, 1), normal(50, 12, 2)
    oracle = FrechetInceptionDistance(feature=Flat()).set_dtype(torch.float64)
    oracle.update(x.view(-1, 3, 2, 2), real=True)
    oracle.update(y.view(-1, 3, 2, 2), real=False)
    assert frechet_distance(x, y) == pytest.approx(float(oracle.compute()), rel=1e-6)


def test_a_long_way_round_a_singular_covariance_agrees() -> None:
    x, y = normal(12, 15, 1), normal(9, 15, 2)
    direct = frechet_distance(x, y)
    assert frechet_distance(Moments.of(x), Moments.of(y)) == pytest.approx(direct, rel=1e-6)
    assert frechet_distance(x, Moments.of(y)) == pytest.approx(direct, rel=1e-6)


@pytest.mark.parametrize("n", [8, 60])
def test_identical_sets_have_none(n: int) -> None:
    x = normal(n, 15, 3)
    assert 0 <= frechet_distance(x, x.flip(0)) < 1e-10 * float(x.var(0).sum())


def test_diagonal_gaussians() -> None:
    # Signs of a Hadamard basis: exactly uncorrelated columns with known variances.
    signs = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64)
    a = torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64)
    b = torch.tensor([4.0, 1.0, 0.25], dtype=torch.float64)
    unbiased = (3 / 4) ** 0.5
    value = frechet_distance(signs * a.sqrt() * unbiased, signs * b.sqrt() * unbiased)
    assert value == pytest.approx(float((a.sqrt() - b.sqrt()).square().sum()), rel=1e-12)


@pytest.mark.parametrize("n", [10, 80])
def test_a_shift_costs_its_squared_length(n: int) -> None:
    x, shift = normal(n, 20, 1), torch.arange(20.0)
    assert frechet_distance(x, x + shift) == pytest.approx(float(shift.square().sum()), rel=1e-9)


def test_a_rotation_of_the_features_changes_nothing() -> None:
    x, y = normal(40, 6, 1), normal(30, 6, 2)
    q = torch.linalg.qr(normal(6, 6, 4)).Q
    assert frechet_distance(x @ q, y @ q) == pytest.approx(frechet_distance(x, y), rel=1e-9)


def test_the_gaussians_far_from_zero() -> None:
    x, y = normal(40, 6, 1), normal(30, 6, 2)
    assert frechet_distance(x + 1e6, y + 1e6) == pytest.approx(frechet_distance(x, y), rel=1e-6)


def test_moments_come_in_any_parts_and_stay_accurate_far_from_zero() -> None:
    x = normal(100, 5, 2) + 1e7
    whole = Moments.of(x)
    parts = Moments.of(x[:1]).add(x[1:38]).merge(Moments.of(x[38:60]).add(x[60:]))
    assert parts.count == 100
    assert_close(parts.mean, x.mean(0), rtol=1e-14, atol=0)
    assert_close(parts.covariance(), torch.cov(x.T), rtol=1e-6, atol=1e-6)
    assert_close(whole.covariance(), torch.cov(x.T), rtol=1e-6, atol=1e-6)


def test_adding_leaves_the_first_as_it_was() -> None:
    first = Moments.of(normal(10, 3, 1))
    before = first.scatter.clone()
    first.add(normal(10, 3, 2))
    assert first.count == 10
    assert_close(first.scatter, before, rtol=0, atol=0)


def test_features_in_half_precision_are_measured_in_double() -> None:
    x = normal(30, 4, 1).bfloat16()
    assert frechet_distance(x, x + 1) == frechet_distance(x.double(), (x + 1).double())


@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [
        (torch.ones(1, 3), torch.ones(5, 3), "at least 2 real features, but got 1"),
        (torch.ones(5, 3), torch.ones(5, 4), "one dimension, but got 3 and 4"),
        (torch.ones(5, 3), torch.full((5, 3), torch.nan), "NaN or infinity in 5 of 5"),
        (torch.ones(5, 1, 3), torch.ones(5, 3), r"flatten each with \.flatten"),
        (Moments.of(torch.ones(1, 3)), torch.ones(5, 3), "at least 2 features"),
    ],
)
def test_what_cannot_be_compared_is_refused(real: Tensor, fake: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        frechet_distance(real, fake)


def test_moments_of_another_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="one dimension"):
        Moments.of(torch.ones(4, 3)).add(torch.ones(1, 3)[:, :1])
