"""Networks that have learned clothes, and come with gansmith: ``--from clothes``."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from gansmith.shipped import shipped

NAME, SCRATCH = "clothes", "scratch"
RECIPE, SIZE, SHAPE = "photos", 64, (3, 64, 64)
WEIGHTS = Path(__file__).with_name("clothes.safetensors")
SHA256 = "e6907e9ddcd65d9a4072a7281b1ecb110fe7c31bdb6f4feb5d2551d36f2c778f"
SCALE, PICTURES = ".scale", "pictures"


def networks() -> tuple[dict[str, Tensor], int]:
    """Generator and critic of the recipe `photos` at 64 pixels in color, as a game names their entries, and how many
    pictures they have seen.

    Raises:
        ValueError: the file of weights is not the one that comes with gansmith.
    """
    arrays = restored(shipped(WEIGHTS, SHA256))
    return arrays, int(arrays.pop(PICTURES))


def restored(arrays: dict[str, Tensor]) -> dict[str, Tensor]:
    """Arrays whose rows were divided by a scale each, and rounded to 8 bits, as they were but for the rounding."""
    return {
        name: value * arrays[name + SCALE] if name + SCALE in arrays else value
        for name, value in arrays.items()
        if not name.endswith(SCALE)
    }
