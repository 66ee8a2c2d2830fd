"""The networks and the dynamics that recipes share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import TypeVar

from torch import nn
from torch.optim import Adam, Optimizer

from gansmith.data.dataset import Dataset
from gansmith.dynamics import Alternating, Decay
from gansmith.games.base import Game
from gansmith.networks import MLP, DCGANCritic, DCGANGenerator
from gansmith.networks.dcgan import Normalize

Choice = TypeVar("Choice")


def code_size(data: Dataset, latent: int | None) -> int:
    """``latent``, or by default 64 numbers, less for small data.

    For small pictures half of their own, because a code is to be smaller. For vectors twice their own, at least four:
    from 64 normal numbers a network hardly learns to make a point in the plane (`gan` on the ring, gamma 0.1, 4,000
    rounds, one seed: 6 % of samples came close to a mode from 64 numbers, 35 % from four).
    """
    if latent is not None:
        return latent
    numbers = prod(data.shape)
    return min(64, numbers // 2 if data.is_images else max(4, 2 * numbers))


def needs_images(data: Dataset, recipe: str) -> None:
    """Refuses vectors for a recipe whose networks are made of convolutions.

    Raises:
        ValueError: the data hold no pictures.
    """
    if not data.is_images:
        raise ValueError(
            f"{recipe} needs images, for its convolutions, but {data.source} holds vectors of {data.shape[0]} numbers: "
            "gan, r3 or wgan-gp play on vectors, too"
        )


def chosen(flag: str, word: object, choices: Mapping[str, Choice]) -> Choice:
    """What a flag's word stands for.

    Raises:
        ValueError: it is none of the words.
    """
    if str(word) not in choices:
        raise ValueError(f"--{flag} is one of {', '.join(choices)}, but got {word!r}")
    return choices[str(word)]


def pair(
    data: Dataset, latent: int, outputs: int | None, width: int, normalize: Normalize | None = None
) -> tuple[nn.Module, nn.Module]:
    """A generator and a critic for the data: DCGAN's for pictures, an MLP's (four times as wide) for vectors.

    Arguments:
        data: what to generate; only its shape is read.
        latent: numbers per latent.
        outputs: of the critic; None for scores.
        width: of the networks.
        normalize: of the critic for pictures, channels -> module; None for nothing.
    """
    if data.is_images:
        channels, size = data.shape[0], data.sides
        generator: nn.Module = DCGANGenerator(latent, size, channels, width)
        return generator, DCGANCritic(size, channels, outputs, width, normalize)
    (numbers,) = data.shape
    return MLP(latent, numbers, 4 * width), MLP(numbers, outputs, 4 * width)


def adam(
    game: Game, steps: int, rate: float, *, betas: tuple[float, float] = (0.0, 0.99), moves: int = 1
) -> Alternating:
    """Alternating Adam, without momentum by default, at one rate for all players that decays over the run."""
    dynamics = Alternating(optimizers(game, rate, lambda p: Adam(p, rate, betas=betas)), schedule=Decay(steps))
    if moves != 1:
        dynamics.moves["critic"] = moves
    return dynamics


def optimizers(game: Game, rate: float, make: Callable[[list[nn.Parameter]], Optimizer]) -> dict[str, Optimizer]:
    """One optimizer a player.

    Raises:
        ValueError: the rate is not above 0.
    """
    if not rate > 0:
        raise ValueError(f"needs a learning rate above 0, but got {rate}")
    return {name: make(list(player.parameters())) for name, player in game.players().items()}
