"""Encoders with their decoders: a game's, and principal components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from gansmith.evaluate.reconstruction import PrincipalComponents
from gansmith.games.base import Encodes

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
    def of_game(game: Encodes, crop: Crop, device: torch.device) -> Coder:
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
