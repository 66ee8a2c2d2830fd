"""Which device and which precision."""

from __future__ import annotations

import torch
from torch import nn


def choose_device(name: str) -> torch.device:
    """``auto`` is a GPU where there is one, else the CPU.

    Raises:
        ValueError: no such device here.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # a device without memory is none to train on
    # torch raises any of these for a device that it does not know, was not built for, or that is not there
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ValueError(f"no device {name!r} here: use auto or cpu") from None
    return device


def choose_precision(name: str, device: torch.device, game: nn.Module, full: bool = False) -> torch.dtype | None:
    """The precision of forward passes: bfloat16, or None for that of the parameters.

    ``auto`` is bfloat16 where the hardware computes in it *and* the game has wide convolutions; small matrices lose
    more by casting than they win. With ``full`` (dynamics that need full precision) it never is.

    Raises:
        ValueError: an unknown precision; bfloat16 for dynamics that need full precision.
    """
    if name == "float32":
        return None
    if name == "bfloat16":
        if full:
            raise ValueError("these dynamics need full precision, but got bfloat16: use auto or float32")
        return torch.bfloat16
    if name != "auto":
        raise ValueError(f"needs a precision auto, float32 or bfloat16, but got {name!r}")
    return torch.bfloat16 if not full and _has_bfloat16(device) and _is_convolutional(game) else None


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        return any(bool(known.get(name)) for name in ("amx_bf16", "amx_tile", "avx512_bf16", "bf16"))
    return False


def _is_convolutional(game: nn.Module) -> bool:
    convolutions = (nn.Conv2d, nn.ConvTranspose2d)
    return any(isinstance(m, convolutions) and min(m.weight.shape[:2]) >= 16 for m in game.modules())
