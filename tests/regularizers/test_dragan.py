"""DRAGAN: both kinds of noise, at real samples."""

import pytest
import torch
from toys import X, Y, half

from gansmith.chance import Part, keyed
from gansmith.regularizers import DRAGAN


def moved(noise, x):
    with keyed(Part((0,), 0, len(x), len(x))):
        return (DRAGAN(noise=noise).points(x, x) - x).detach()


def test_the_papers_noise_is_normal_and_the_codes_is_not():
    x = torch.linspace(-3, 5, 20000, dtype=torch.float64).view(5000, 4)
    x[:, 0] = 0  # one number for all pixels: this column moves as much as the others
    spread = x.std(correction=0)
    paper, authors = moved("paper", x), moved("authors", x)
    torch.testing.assert_close(paper.mean().item(), 0.0, rtol=0, atol=0.02)
    torch.testing.assert_close(paper.std().item(), 0.5, rtol=0.02, atol=0)
    assert authors.min() >= 0 and authors.max() <= 0.5 * spread
    assert authors[:, 0].max() > 0.45 * spread
    torch.testing.assert_close(authors.mean(), 0.125 * spread, rtol=0.02, atol=0)
    # t is one number per sample, u one per pixel: the mean of a product of two uniforms' squares is 1/9
    torch.testing.assert_close(authors.square().mean(), 0.25 * spread**2 / 9, rtol=0.04, atol=0)
    rows = authors.mean(1)  # were t drawn per pixel, the rows' means would vary by 7/144/4 instead of 1/64 + 1/4/36
    torch.testing.assert_close(rows.var(), 0.25 * spread**2 * (1 / 48 + 1 / 144), rtol=0.1, atol=0)


def test_dragan_reads_real_samples_only():
    for noise in ("paper", "authors"):
        with keyed(Part((0,), 0, 2, 2)):
            one, two = (DRAGAN(noise=noise)(half, X, y) for y in (Y, Y * torch.nan))
        torch.testing.assert_close(one, two)
    with pytest.raises(ValueError, match='noise="paper"'):
        DRAGAN(noise="none")


def test_dragan_of_samples_that_are_tuples():
    real = (torch.randn(4, 2), torch.arange(4))
    for noise in ("paper", "authors"):
        assert DRAGAN(1.0, noise=noise)(lambda s: 3 * s[0][:, 0], real, real).item() == pytest.approx(4.0)
