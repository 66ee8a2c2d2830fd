"""What an encoder is worth: its reconstructions, what lies between its codes, and what its codes know."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gansmith.evaluate.classes import Judge
from gansmith.evaluate.frechet import frechet_distance
from gansmith.evaluate.probes import linear_probe, neighbor_probe
from gansmith.evaluate.reconstruction import PrincipalComponents, reconstruction_error, same_class_share
from gansmith.evaluate.sharpness import sharpness

PART = 500  # samples through a network at a time


Crop: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Coder:
    """An encoder with its decoder.

    Attributes:
        encode: samples (n, ...) to codes (n, d).
        decode: codes (n, d) to samples, less their padding.
        middle: two sets of samples (n, ...) to what lies between each pair, less its padding.
        round_trip: codes (n, d) to the codes of what they are decoded to.
    """

    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
    middle: Callable[[Tensor, Tensor], Tensor]
    round_trip: Callable[[Tensor], Tensor]

    @staticmethod
    def of_game(game: Any, crop: Crop, device: torch.device) -> Coder:
        """A game that encodes, with samples and codes on the CPU."""

        def parts(call: Callable[..., Tensor], *x: Tensor) -> Tensor:
            split = zip(*(torch.split(each, PART) for each in x), strict=True)
            return torch.cat([call(*(p.to(device) for p in part)).float().cpu() for part in split])

        return Coder(
            lambda x: parts(game.encode, x),
            lambda codes: crop(parts(game.decode, codes)),
            lambda a, b: crop(parts(lambda u, v: game.interpolate(u, v, 3)[:, 1], a, b)),
            lambda codes: parts(lambda z: game.encode(game.decode(z)), codes),
        )

    @staticmethod
    def of_components(components: PrincipalComponents, crop: Crop) -> Coder:
        """Principal components of samples less their padding; images are clamped to [-1, 1]."""

        def encode(x: Tensor) -> Tensor:
            return components.encode(crop(x))

        def decode(codes: Tensor) -> Tensor:
            y = components.decode(codes)
            return y.clamp(-1, 1) if y.ndim == 4 else y

        def middle(a: Tensor, b: Tensor) -> Tensor:
            return decode((encode(a) + encode(b)) / 2)

        return Coder(encode, decode, middle, lambda codes: components.encode(decode(codes)))


@dataclass(frozen=True)
class Trial:
    """What coders are tried on.

    Attributes:
        train: training samples (m, ...) for the probes, and their labels (m,) or None.
        held_out: held-out samples (n, ...), and their labels (n,) or None.
        crop: cuts the padding off pictures.
        features: cropped samples to features (n, d), for the Frechet distances; None where there are too few samples.
        judge: names classes; None without labels.
    """

    train: tuple[Tensor, Tensor | None]
    held_out: tuple[Tensor, Tensor | None]
    crop: Crop
    features: Callable[[Tensor], Tensor] | None
    judge: Judge | None

    def numbers(self, coder: Coder) -> dict[str, float | None]:
        """The numbers of a coder, those that can be had.

        Returns:
            `mse` of reconstructions; of images `psnr` and `sharpness`, over that of the originals; `same_class`; the
            `frechet_distance` of reconstructions, and that of the middles of pairs of held-out samples,
            `midpoints_frechet_distance`; the accuracy of a `linear_probe` and of a `neighbor_probe` on codes.
        """
        x = self.held_out[0]
        codes = coder.encode(x)
        again, real = coder.decode(codes), self.crop(x)
        error = reconstruction_error(real, again)
        found: dict[str, float | None] = {"mse": error.mse}
        if real.ndim == 4:
            found["psnr"] = error.psnr if math.isfinite(error.psnr) else None
            found["sharpness"] = sharpness(again) / max(sharpness(real), 1e-12)
        if self.judge is not None:
            found["same_class"] = same_class_share(self.judge, real, again)
        if self.features is not None:
            seen = self.features(real)
            between = coder.middle(x, x.roll(1, 0))
            found["frechet_distance"] = frechet_distance(seen, self.features(again))
            found["midpoints_frechet_distance"] = frechet_distance(seen, self.features(between))
        return found | self._probes(coder, codes)

    def _probes(self, coder: Coder, codes: Tensor) -> dict[str, float]:
        """How well codes tell classes, where there are labels that can teach it."""
        (x, y), held_out = self.train, self.held_out[1]
        if y is None or held_out is None or not bool((held_out >= 0).any()) or len(torch.unique(y[y >= 0])) < 2:
            return {}
        known, asked = y >= 0, held_out >= 0
        taught = coder.encode(x[known]), y[known], codes[asked], held_out[asked]
        return {"linear_probe": linear_probe(*taught), "neighbor_probe": neighbor_probe(*taught)}
