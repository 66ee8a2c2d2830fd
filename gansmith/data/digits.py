"""Handwritten digits: 1,797 scans of 8x8 pixels that come with scikit-learn."""

from __future__ import annotations

import torch

from gansmith.data.raw_data import RawData


def digits() -> RawData:
    """Gray scans, uint8 ``(1797, 1, 8, 8)``: the 17 levels 0..16 spread over 0..255; labels 0..9."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    levels = torch.from_numpy(x).reshape(-1, 1, 8, 8)
    return RawData((levels * (255 / 16)).round().to(torch.uint8), torch.from_numpy(y).long())
