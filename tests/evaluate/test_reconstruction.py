import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gansmith.evaluate import pca_reconstruct, reconstruction_error, same_class_share


def images(n: int, seed: int) -> Tensor:
    return torch.randn(n, 1, 4, 5, generator=torch.Generator().manual_seed(seed)).cumsum(3)


def test_error_by_hand() -> None:
    x, y = torch.zeros(2, 1, 1, 2), torch.tensor([[[[0.0, 1.0]]], [[[0.0, -1.0]]]])
    error = reconstruction_error(x, y)
    assert error.mse == 0.5
    assert error.psnr == pytest.approx(10 * math.log10(8), rel=1e-12)


def test_a_perfect_reconstruction() -> None:
    error = reconstruction_error(images(3, 0), images(3, 0))
    assert (error.mse, error.psnr) == (0.0, math.inf)


def test_the_worst_one_has_no_decibels() -> None:
    assert reconstruction_error(torch.ones(2, 3), -torch.ones(2, 3)).psnr == pytest.approx(0)


def test_pca_equals_the_singular_vectors() -> None:
    import numpy as np

    train, x = images(60, 0), images(7, 1)
    a, b = train.flatten(1).double().numpy(), x.flatten(1).double().numpy()
    basis = np.linalg.svd(a - a.mean(0), full_matrices=False)[2][:6]
    expected = a.mean(0) + (b - a.mean(0)) @ basis.T @ basis
    y = pca_reconstruct(train, x, size=6)
    assert y.dtype == x.dtype
    assert_close(y, torch.from_numpy(expected).float().view_as(x), rtol=1e-5, atol=1e-5)


def test_a_longer_code_keeps_more_and_a_full_one_all() -> None:
    train = images(60, 0)
    errors = [reconstruction_error(train, pca_reconstruct(train, train, size)).mse for size in (1, 5, 20)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-10


def test_same_class_share() -> None:
    class Positive:
        def predict(self, x: Tensor) -> Tensor:
            return (x.flatten(1).sum(1) > 0).long()

    x = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
    assert same_class_share(Positive(), x, torch.tensor([[2.0], [-1.0], [-2.0], [-3.0]])) == 0.75


def test_what_does_not_fit_is_refused() -> None:
    x = images(5, 0)
    with pytest.raises(ValueError, match="one shape"):
        reconstruction_error(x, x[:4])
    with pytest.raises(ValueError, match="finite reconstructions"):
        reconstruction_error(x, x * torch.nan)
    with pytest.raises(ValueError, match="n at least 1"):
        reconstruction_error(x[:0], x[:0])
    with pytest.raises(ValueError, match="1 to 4 numbers, but got 5"):
        pca_reconstruct(x, x, size=5)
    with pytest.raises(ValueError, match="1 to 4 numbers, but got 0"):
        pca_reconstruct(x, x, size=0)
    with pytest.raises(ValueError, match="samples of one shape"):
        pca_reconstruct(x, x.flatten(2), size=2)
