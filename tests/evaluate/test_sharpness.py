import pytest
import torch
from torch.testing import assert_close

from gansmith.evaluate.sharpness import sharpness


def images(n: int = 6, c: int = 2, size: int = 12) -> torch.Tensor:
    return torch.rand(n, c, size, size + 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


def test_equals_scipys_laplacian() -> None:
    from scipy.ndimage import laplace

    x = images()
    expected = sum(float(laplace(channel)[1:-1, 1:-1].var()) for image in x.numpy() for channel in image) / 12
    assert sharpness(x) == pytest.approx(expected, rel=1e-12)


def test_a_ramp_has_no_detail_and_blur_lowers_it() -> None:
    ramp = torch.linspace(-1, 1, 9, dtype=torch.float64).expand(1, 1, 9, 9)
    assert sharpness(ramp) == pytest.approx(0.0, abs=1e-20)
    x = images()
    blurred = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
    assert sharpness(blurred) < 0.1 * sharpness(x)
    assert_close(sharpness(x / 2 + 0.3), sharpness(x) / 4, rtol=1e-12, atol=0)


def test_parts_make_the_whole() -> None:
    x = images(1).repeat(1100, 1, 1, 1)
    assert sharpness(x) == pytest.approx(sharpness(x[:1]), rel=1e-12)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.ones(3, 4), r"shape \(n, c, h, w\), .* but got \(3, 4\)"),
        (torch.ones(3, 1, 2, 8), "3 by 3 pixels"),
        (torch.ones(0, 1, 8, 8), "but got"),
        (torch.full((1, 1, 4, 4), torch.nan), "finite images"),
    ],
)
def test_what_has_no_detail_is_refused(x: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sharpness(x)
