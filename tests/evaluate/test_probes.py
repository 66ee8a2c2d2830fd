import numpy as np
import pytest
import torch
from torch import Tensor

from gansmith.evaluate.probes import latent_correlation, linear_probe, neighbor_probe


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def labeled(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Overlapping classes 1, 4 and 9, of unequal spread per coordinate."""
    y = torch.arange(n) % 3
    centers = 2 * torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)
    return (centers[y] + normal(n, 3, seed)) * torch.tensor([1.0, 10.0, 0.1]), torch.tensor([1, 4, 9])[y]


def test_probes_equal_scikit_learns() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import StandardScaler

    (x, y), (u, v) = labeled(150, 1), labeled(120, 2)
    scaler = StandardScaler().fit(x.numpy())
    linear = LogisticRegression(max_iter=1000).fit(scaler.transform(x.numpy()), y.numpy())
    near = KNeighborsClassifier(5).fit(x.numpy(), y.numpy())
    assert linear_probe(x, y, u, v) == pytest.approx(linear.score(scaler.transform(u.numpy()), v.numpy()))
    assert neighbor_probe(x, y, u, v) == pytest.approx(near.score(u.numpy(), v.numpy()))
    assert 0.5 < neighbor_probe(x, y, u, v) < linear_probe(x, y, u, v) < 1


def test_what_is_no_matter_of_lines_is_one_of_neighbors() -> None:
    x, u = normal(400, 2, 1), normal(300, 2, 2)
    y, v = ((a.prod(1) > 0).long() for a in (x, u))
    assert linear_probe(x, y, u, v) < 0.65
    assert neighbor_probe(x, y, u, v) > 0.9


def test_codes_that_know_nothing_name_the_most_frequent_class() -> None:
    y = torch.tensor([0, 0, 1])
    assert linear_probe(torch.zeros(3, 2), y, torch.zeros(3, 2), y) == pytest.approx(2 / 3)
    assert neighbor_probe(torch.zeros(3, 2), y, torch.zeros(3, 2), y) == pytest.approx(2 / 3)


def test_correlations_equal_numpys() -> None:
    z, e = normal(20, 6, 1), normal(20, 6, 1) + normal(20, 6, 2)
    correlation = latent_correlation(z, e)
    per_sample = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(z.numpy(), e.numpy(), strict=True)])
    per_coordinate = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(z.T.numpy(), e.T.numpy(), strict=True)])
    assert correlation.per_sample == pytest.approx(float(per_sample), rel=1e-10)
    assert correlation.per_coordinate == pytest.approx(float(per_coordinate), rel=1e-10)


def test_what_each_correlation_is_blind_to() -> None:
    z = normal(30, 8, 1)
    scaled = latent_correlation(z, (z + normal(30, 1, 2)) * normal(30, 1, 3).abs())
    assert scaled.per_sample == pytest.approx(1.0)
    assert scaled.per_coordinate < 0.9
    shifted = latent_correlation(z, z * normal(1, 8, 4).abs() + normal(1, 8, 5))
    assert shifted.per_coordinate == pytest.approx(1.0)
    assert shifted.per_sample < 0.9


def test_constant_codes_correlate_with_nothing() -> None:
    # Their means are off by rounding.
    assert latent_correlation(normal(37, 8, 1), normal(1, 8, 2).expand(37, 8)).per_coordinate == 0
    assert latent_correlation(normal(37, 9, 1), normal(37, 1, 2).expand(37, 9)).per_sample == 0


@pytest.mark.parametrize("probe", [linear_probe, neighbor_probe])
def test_what_cannot_be_probed_is_refused(probe: object) -> None:
    assert callable(probe)
    x, y = torch.ones(4, 2), torch.tensor([0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"one label for each code, shape \(4,\), but got \(3,\)"):
        probe(x, y[:3], x, y)
    with pytest.raises(ValueError, match="at least two classes"):
        probe(x, y * 0, x, y)
    with pytest.raises(ValueError, match="one dimension"):
        probe(x, y, torch.ones(4, 3), y)


def test_codes_that_fit_no_latents_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a code for each latent, .* got \(4, 2\) and \(4, 3\)"):
        latent_correlation(torch.ones(4, 2), torch.ones(4, 3))
    with pytest.raises(ValueError, match="at least 2 numbers"):
        latent_correlation(torch.ones(4, 1), torch.ones(4, 1))
