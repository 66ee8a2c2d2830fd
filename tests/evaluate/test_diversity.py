import math

import pytest
import torch
from torch import Tensor

from gansmith.evaluate.diversity import mean_distance, vendi_score


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("d", [2, 50])
def test_mean_distance_equals_scipys(d: int) -> None:
    from scipy.spatial.distance import pdist

    x = normal(40, d, 1) + 1000
    assert mean_distance(x) == pytest.approx(float(pdist(x.numpy()).mean()), rel=1e-7)


@pytest.mark.parametrize("d", [3, 50])
def test_copies_have_no_distance(d: int) -> None:
    assert mean_distance(normal(1, d, 1).expand(20, d)) == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize(("n", "d"), [(5, 5), (5, 9)])
def test_orthogonal_vectors_count_each(n: int, d: int) -> None:
    basis = torch.linalg.qr(normal(d, d, 1)).Q[:n]
    lengths = torch.linspace(0.1, 5, n, dtype=torch.float64)[:, None]
    assert vendi_score(basis * lengths) == pytest.approx(n, rel=1e-10)
    assert vendi_score((basis * lengths).repeat(4, 1)) == pytest.approx(n, rel=1e-10)


def test_copies_count_once() -> None:
    assert vendi_score(normal(1, 6, 1).expand(30, 6)) == pytest.approx(1.0, rel=1e-10)


@pytest.mark.parametrize(("n", "d"), [(20, 7), (7, 20)])
def test_equals_the_entropy_of_the_kernel_matrix(n: int, d: int) -> None:
    from scipy.linalg import eigvalsh

    x = normal(n, d, 1) + 0.5
    kernel = [[float(u @ v / (u.norm() * v.norm())) / n for v in x] for u in x]
    entropy = sum(-v * math.log(v) for v in eigvalsh(kernel) if v > 1e-13)
    assert vendi_score(x) == pytest.approx(math.exp(entropy), rel=1e-9)


def test_zeros_are_one_more_vector() -> None:
    x = torch.cat([torch.eye(3), torch.zeros(1, 3)])
    assert vendi_score(x) == pytest.approx(4.0, rel=1e-10)
    assert vendi_score(torch.zeros(6, 3)) == pytest.approx(1.0, rel=1e-10)


def test_length_has_no_say() -> None:
    x = normal(9, 4, 1)
    assert vendi_score(x * 1e200) == pytest.approx(vendi_score(x), rel=1e-10)
    assert vendi_score(x * 1e-200) == pytest.approx(vendi_score(x), rel=1e-10)


def test_what_has_no_diversity_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 vectors, but got 1"):
        mean_distance(torch.ones(1, 3))
    with pytest.raises(ValueError, match="finite"):
        vendi_score(torch.full((2, 3), torch.nan))
