"""What is measured at the end of a run: numbers with their provenance."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gansmith.chance import Part, keyed
from gansmith.data.dataset import Dataset
from gansmith.data.mixtures import grid_modes, ring_modes
from gansmith.evaluate.classes import ClassJudge
from gansmith.evaluate.energy import energy_distance
from gansmith.evaluate.frechet import frechet_distance
from gansmith.evaluate.modes import mode_coverage
from gansmith.evaluate.reconstruction import pca_reconstruct, reconstruction_error, same_class_share

MOST = 2000
"""Samples measured: enough for a first look in seconds."""
FEW = 100
"""Held-out samples below which a distance between distributions is noise."""


def measure(game: Any, data: Dataset, seed: int, device: torch.device | None = None) -> dict[str, Any]:
    """Numbers for a trained game against the held-out part of its data.

    Images: the Frechet distance of pixel values (beside that of training images, the floor at the same number),
    and, where there are labels, the share of each class among the samples as a judge fitted on real images sees it;
    for a game that encodes, its reconstructions beside those of principal components with the same code size. Vectors:
    the energy distance beside its floor; on the ring and the grid, the modes.

    Arguments:
        game: samples, and perhaps encodes; in evaluation mode.
        data: what it was trained on.
        seed: of the samples and of the choice of real ones.
        device: the game's.
    """
    device = device or torch.device("cpu")
    if len(data.held_out) < 2 or len(data.train) < 2:
        return {"n": 0, "seed": seed}
    held_out = _choose(data.held_out, "held out", seed)
    train = _choose(data.train, "train", seed)
    real = data.crop(data.values(held_out))
    with keyed(Part((seed, "measure")), device):
        fake = torch.cat([game.sample(500).float().cpu() for _ in range(MOST // 500)])
    fake = data.crop(fake)
    found: dict[str, Any] = {
        "n": len(real),
        "samples": len(fake),
        "against": "held-out part of the data",
        "split": {"train": len(data.train), "held_out": len(data.held_out)},
        "content": list(real.shape[1:]),
        "seed": seed,
    }
    twin = data.crop(data.values(train[: len(real)]))
    if len(real) < FEW:
        found["too_few"] = f"{len(real)} held-out samples are too few to measure a distance by (needs {FEW})"
    else:
        found |= _pictures(fake, real, twin) if data.is_images else _points(fake, real, twin, data.source)
    judge = _judge(data) if data.is_images else None
    if judge is not None:
        shares = judge.shares(fake)
        found["classes"] = {
            "judge_accuracy": judge.accuracy,
            "shares": {str(k): round(v, 4) for k, v in shares.items()},
            "rarest": round(min(shares.values()), 4),
        }
    if hasattr(game, "reconstruct"):
        found["reconstruction"] = _reconstruction(game, data, held_out, judge, device)
    return found


def _finite(value: float) -> float | None:
    """JSON knows neither infinity (the PSNR of a perfect copy) nor NaN (a divergence of nothing)."""
    return value if math.isfinite(value) else None


def _choose(index: Tensor, name: str, seed: int) -> Tensor:
    with keyed(Part((seed, "measure", name))):
        return index[torch.randperm(len(index))[:MOST]]


def _pictures(fake: Tensor, real: Tensor, twin: Tensor) -> dict[str, Any]:
    flat_real, flat_fake, flat_twin = (x.flatten(1) for x in (real, fake[: len(real)], twin))
    return {
        "frechet_distance": {
            "features": "pixels in [-1, 1]",
            "value": frechet_distance(flat_real, flat_fake),
            "floor": frechet_distance(flat_real, flat_twin),
        }
    }


def _points(fake: Tensor, real: Tensor, twin: Tensor, source: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "energy_distance": {"value": energy_distance(real, fake), "floor": energy_distance(real, twin)}
    }
    modes = {"ring": ring_modes, "grid": grid_modes}.get(source)
    if modes is not None:
        seen = mode_coverage(fake, *modes())
        found["modes"] = {
            "captured": seen.captured,
            "of": seen.modes,
            "high_quality": seen.high_quality,
            "reverse_kl": _finite(seen.reverse_kl),
        }
    return found


def _judge(data: Dataset) -> ClassJudge | None:
    if data.y is None:
        return None
    train = data.train[data.y[data.train] >= 0]
    held_out = data.held_out[data.y[data.held_out] >= 0]
    with keyed(Part((0, "judge"))):
        train, held_out = train[torch.randperm(len(train))[:10_000]], held_out[torch.randperm(len(held_out))[:MOST]]
    if len(held_out) == 0 or len(torch.unique(data.y[train])) < 2:
        return None
    pictures = [data.crop(data.values(index)) for index in (train, held_out)]
    return ClassJudge(pictures[0], data.y[train], held_out=(pictures[1], data.y[held_out]))


def _reconstruction(
    game: Any, data: Dataset, index: Tensor, judge: ClassJudge | None, device: torch.device
) -> dict[str, Any]:
    x = data.values(index)
    again = torch.cat([game.reconstruct(part.to(device)).float().cpu() for part in torch.split(x, 500)])
    size = int(game.latent.size)
    code = min(size, x[0].numel() - 1, len(data.train) - 1)
    fitted = data.crop(data.values(data.train[: 5 * MOST]))
    real, again = data.crop(x), data.crop(again)
    code = min(code, real[0].numel(), len(fitted) - 1)
    principal = pca_reconstruct(fitted, real, code) if code else real.mean(0).expand_as(real)
    if data.is_images:
        principal = principal.clamp(-1, 1)
    found: dict[str, Any] = {"code": size, "principal_code": code}
    for name, y in (("game", again), ("principal_components", principal)):
        error = reconstruction_error(real, y)
        found[name] = {"mse": error.mse, "psnr": _finite(error.psnr)}
        if judge is not None:
            found[name]["same_class"] = same_class_share(judge, real, y)
    return found
