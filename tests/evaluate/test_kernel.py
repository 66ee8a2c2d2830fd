import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gansmith.evaluate import kernel
from gansmith.evaluate.kernel import kernel_distance


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def monomials(x: Tensor) -> Tensor:
    """The features phi with <phi(u), phi(v)> = (<u, v> / d + 1)^3: products of three of (u / d^(1/2), 1)."""
    u = torch.cat([x / x.shape[1] ** 0.5, torch.ones_like(x[:, :1])], 1)
    return torch.stack([u[:, list(t)].prod(1) for t in itertools.product(range(u.shape[1]), repeat=3)], 1)


@pytest.mark.parametrize("block", [2**21, 50])
@pytest.mark.parametrize(("n", "m"), [(30, 30), (12, 25)])
def test_is_the_distance_of_means_of_monomials(n: int, m: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "BLOCK", block)
    x, y = normal(n, 3, 1) * 2 + 1, normal(m, 3, 2)
    f, g = monomials(x), monomials(y)
    # |mean|^2 without pairs of one vector with itself.
    own = [(h.sum(0).square().sum() - h.square().sum()) / (len(h) * (len(h) - 1)) for h in (f, g)]
    expected = own[0] + own[1] - 2 * f.mean(0) @ g.mean(0)
    assert kernel_distance(x, y).value == pytest.approx(float(expected), rel=1e-10)


def test_equals_torchmetrics_over_one_subset_of_all() -> None:
    from torchmetrics.image.kid import KernelInceptionDistance

    class Flat(nn.Module):
        num_features = 48

        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1).double()

    x, y = normal(40, 48, 1), normal(40, 48, 2) * 1.5
    with pytest.warns(UserWarning, match="will save all extracted features"):
        oracle = KernelInceptionDistance(feature=Flat(), subsets=1, subset_size=40)
    oracle.update(x.view(-1, 3, 4, 4), real=True)
    oracle.update(y.view(-1, 3, 4, 4), real=False)
    assert kernel_distance(x, y).value == pytest.approx(float(oracle.compute()[0]), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(60, 60), (40, 120)])
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.3, 1.0), (1.0, 1.5)])
def test_the_error_is_the_spread_over_draws(n: int, m: int, shift: float, scale: float) -> None:
    draws = 500
    results = [kernel_distance(normal(n, 8, 2 * s), normal(m, 8, 2 * s + 1) * scale + shift) for s in range(draws)]
    values = torch.tensor([one.value for one in results], dtype=torch.float64)
    errors = torch.tensor([one.error for one in results], dtype=torch.float64)
    assert float(errors.mean() / values.std()) == pytest.approx(1.0, abs=0.15)


def test_equal_distributions_are_at_zero_on_both_sides() -> None:
    results = [kernel_distance(normal(50, 4, 2 * s), normal(50, 4, 2 * s + 1)) for s in range(200)]
    values = torch.tensor([one.value for one in results])
    assert float(values.min()) < 0 < float(values.max())
    assert abs(float(values.mean())) < 4 * float(values.std()) / 200**0.5
    within = torch.tensor([abs(one.value) < 1.96 * one.error for one in results])
    assert float(within.double().mean()) > 0.9


def test_does_not_depend_on_which_is_called_real() -> None:
    x, y = normal(20, 5, 1), normal(30, 5, 2) + 1
    assert_close(list(vars(kernel_distance(x, y)).values()), list(vars(kernel_distance(y, x)).values()))


def test_a_collapsed_generator_has_an_error_too() -> None:
    result = kernel_distance(normal(50, 4, 1), torch.ones(50, 4))
    assert result.value > 5 * result.error > 0


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (torch.ones(3, 2), torch.ones(5, 2), "at least 4 features, but got 3"),
        (torch.ones(5, 2), torch.ones(5, 3), "one dimension"),
        (torch.ones(5, 2), torch.full((5, 2), torch.inf), "finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(x: Tensor, y: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        kernel_distance(x, y)
