"""The networks and the dynamics that recipes share."""

from __future__ import annotations

from math import prod

from torch import nn
from torch.optim import Adam

from gansmith.data.dataset import Dataset
from gansmith.dynamics import Alternating, Decay
from gansmith.games.base import Game
from gansmith.networks import MLP, DCGANCritic, DCGANGenerator


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


def pair(data: Dataset, latent: int, outputs: int | None, width: int) -> tuple[nn.Module, nn.Module]:
    """A generator and a critic for the data: DCGAN's for pictures, an MLP's (four times as wide) for vectors.

    Arguments:
        data: what to generate; only its shape is read.
        latent: numbers per latent.
        outputs: of the critic; None for scores.
        width: of the networks.
    """
    if data.is_images:
        channels, size, _ = data.shape
        generator: nn.Module = DCGANGenerator(latent, size, channels, width)
        return generator, DCGANCritic(size, channels, outputs, width)
    (numbers,) = data.shape
    return MLP(latent, numbers, 4 * width), MLP(numbers, outputs, 4 * width)


def adam(
    game: Game, steps: int, rate: float, *, betas: tuple[float, float] = (0.0, 0.99), moves: int = 1
) -> Alternating:
    """Alternating Adam, without momentum by default, at one rate for all players that decays over the run."""
    if not rate > 0:
        raise ValueError(f"needs a learning rate above 0, but got {rate}")
    optimizers = {name: Adam(player.parameters(), rate, betas=betas) for name, player in game.players().items()}
    return Alternating(optimizers, schedule=Decay(steps), critic=moves)
