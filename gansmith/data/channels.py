"""Finds the axis of channels; converts between gray and color."""

from __future__ import annotations

import torch
from torch import Tensor


def channels_first(x: Tensor, what: str) -> tuple[Tensor, tuple[str, ...]]:
    """Brings images to ``(n, c, h, w)``, c being 1 or 3.

    The axis of channels is the one of size 1 or 3; if both the second and the last are, it is the last.

    Arguments:
        x: ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)``.
        what: the name of the source, for the error message.

    Returns:
        The images, and notes for the user.

    Raises:
        ValueError: another number of dimensions or of channels.

    Example:
        >>> channels_first(torch.zeros(5, 28, 28, 3), "example")[0].shape
        torch.Size([5, 3, 28, 28])
    """
    if x.ndim == 3:
        return x.unsqueeze(1), ()
    if x.ndim != 4:
        raise ValueError(f"{what} needs images (n, h, w), (n, h, w, c) or (n, c, h, w), but has {tuple(x.shape)}")
    first, last = x.shape[1] in (1, 3), x.shape[3] in (1, 3)
    if not first and not last:
        cure = ": drop the alpha channel" if 4 in (x.shape[1], x.shape[3]) else ""
        raise ValueError(f"{what} needs 1 or 3 channels, but its images have shape {tuple(x.shape[1:])}{cure}")
    if first and last:
        return x.permute(0, 3, 1, 2), (f"the last axis of {tuple(x.shape)} was taken for the channels",)
    return (x.permute(0, 3, 1, 2) if last else x), ()


def check_alpha(x: Tensor, channels: int) -> None:
    """Refuses to keep the transparency of an array ``(n, c, h, w)``, which has none.

    Raises:
        ValueError: 4 channels are wanted, and it has fewer.
    """
    if channels == 4 and x.shape[1] != 4:
        raise ValueError(
            "needs picture files, such as PNG, where transparency is kept, but got an array: save its pictures as PNG, "
            "or train without alpha"
        )


def with_channels(x: Tensor, channels: int) -> Tensor:
    """Brings uint8 ``(n, c, h, w)`` to 1 or 3 channels.

    Gray is repeated; color becomes luma (ITU-R 601-2, in the integers that Pillow uses).

    Example:
        >>> with_channels(torch.full((1, 3, 1, 1), 200, dtype=torch.uint8), 1).tolist()
        [[[[200]]]]
    """
    if x.shape[1] == channels:
        return x
    if channels == 3:
        return x.expand(-1, 3, -1, -1).contiguous()
    gray = x.new_empty(len(x), 1, *x.shape[2:])
    for start in range(0, len(x), 1024):  # in parts, so that only a part has an int32 copy
        r, g, b = x[start : start + 1024].int().unbind(1)
        gray[start : start + 1024, 0] = ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16).to(torch.uint8)
    return gray
