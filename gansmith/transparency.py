"""Pictures with a fourth channel, which says how little transparent a pixel is."""

from __future__ import annotations

from torch import Tensor


def over_white(images: Tensor) -> Tensor:
    r"""Images (n, 4, h, w) with values in [-1, 1] as colors (n, 3, h, w) over white, :math:`1 - a (1 - x)`; others as
    they are.

    Example:
        >>> import torch
        >>> over_white(torch.tensor([-1.0, -1.0, 1.0, 0.0]).view(1, 4, 1, 1)).flatten()
        tensor([0., 0., 1.])
    """
    if images.shape[1] != 4:
        return images
    return 1 - (images[:, 3:] + 1) / 2 * (1 - images[:, :3])
