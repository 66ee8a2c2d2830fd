"""Sharpness: how much fine detail images have."""

from __future__ import annotations

import torch
from torch import Tensor


def sharpness(images: Tensor) -> float:
    r"""The variance of the Laplacian, averaged over images and channels.

    .. math::
        \operatorname{mean}_{n,c} \operatorname{Var}_{h,w} \big( x_{h-1,w} + x_{h+1,w} + x_{h,w-1} + x_{h,w+1}
        - 4 x_{h,w} \big)

    over inner pixels. Blur lowers it, and so do reconstructions by few principal components. Noise raises it, and
    contrast raises it by its square. Compare it only with the value of real images: a ratio of 1 means as much detail,
    right or wrong.

    Arguments:
        images: values in [-1, 1], shape `(n, c, h, w)`, h and w at least 3.

    Returns:
        The mean variance, in squared units of the values.

    Raises:
        ValueError: where the shape is wrong or a value is not finite.

    References:
        Diatom autofocusing in brightfield microscopy: a comparative study, Pech-Pacheco et al., 2000,
        https://doi.org/10.1109/ICPR.2000.903548.

    Example:
        >>> board = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2.0 - 1
        >>> sharpness(board[None, None]), sharpness(board[None, None] / 2)
        (64.0, 16.0)
    """
    if images.ndim != 4 or not images.numel() or min(images.shape[2:]) < 3:
        raise ValueError(
            f"needs images of shape (n, c, h, w), of 3 by 3 pixels or more, but got {tuple(images.shape)}: "
            "give images, and not features"
        )
    total = 0.0
    for part in images.detach().split(500):
        x = part.to("cpu" if part.device.type == "mps" else part.device, torch.float64)
        inner = x[..., 1:-1, 1:-1]
        laplacian = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:] - 4 * inner
        total += float(laplacian.var((2, 3), correction=0).mean(1).sum())
    if not total < torch.inf:
        raise ValueError("needs finite images, but got NaN or infinity: look for where they arose")
    return total / len(images)
