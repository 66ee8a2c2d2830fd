"""Pictures that would fill the memory as vectors are refused before they do; long vectors are compared in parts."""

import pytest
import torch

from gansmith.evaluate import features, sliced, sliced_wasserstein
from gansmith.evaluate.features import extract, pixels


def test_pixels_of_large_pictures_are_refused():
    assert pixels((3, 256, 256)).size == 3 * 256 * 256
    with pytest.raises(ValueError, match=r"at most 262,144 numbers .* \(3, 512, 512\), 786,432: .*--size 256"):
        pixels((3, 512, 512))


def test_too_many_vectors_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(features, "MOST", 40)
    made = []

    def parts():
        for _ in range(5):
            made.append(1)
            yield torch.zeros(4, 1, 2, 2)

    with pytest.raises(ValueError, match="at most 10 pictures in features 'pixels', of which each has 4 numbers"):
        extract(pixels((1, 2, 2)), parts())
    assert len(made) == 3


def test_lines_through_long_vectors_are_drawn_in_parts(monkeypatch):
    """Other lines, and the same distance but for chance; memory for a few lines only."""
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(50, 300, generator=generator) for _ in range(2))
    whole = sliced_wasserstein(x, y + 1)
    drawn, normal = [], torch.randn

    def counted(*shape, **options):
        drawn.append(shape)
        return normal(*shape, **options)

    monkeypatch.setattr(sliced, "LINES", 3000)
    monkeypatch.setattr(torch, "randn", counted)
    assert sliced_wasserstein(x, y + 1) == pytest.approx(whole, rel=0.2)
    assert sum(count for count, _ in drawn) == 256 and max(count for count, _ in drawn) == 10
