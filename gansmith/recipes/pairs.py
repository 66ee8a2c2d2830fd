"""The networks and the dynamics that recipes share."""

from __future__ import annotations

from torch import nn
from torch.optim import Adam

from gansmith.data.dataset import Dataset
from gansmith.dynamics import Alternating, Decay
from gansmith.games.base import Game
from gansmith.networks import MLP, DCGANCritic, DCGANGenerator


def pair(data: Dataset, latent: int, outputs: int | None, width: int) -> tuple[nn.Module, nn.Module]:
    """A generator and a critic for the data: DCGAN's for pictures, an MLP's (four times as wide) for vectors.

    Arguments:
        data: what to generate; only its shape is read.
        latent: numbers per latent.
        outputs: of the critic; None for scores.
        width: channels of the networks.
    """
    if data.is_images:
        channels, size, _ = data.shape
        generator: nn.Module = DCGANGenerator(latent, size, channels, width)
        return generator, DCGANCritic(size, channels, outputs, width)
    (numbers,) = data.shape
    return MLP(latent, numbers, 4 * width), MLP(numbers, outputs, 4 * width)


def adam(game: Game, steps: int, rate: float, moves: int = 1) -> Alternating:
    """Alternating Adam without momentum, beta = (0, 0.9), at one rate that decays over the run."""
    optimizers = {name: Adam(player.parameters(), rate, betas=(0.0, 0.9)) for name, player in game.players().items()}
    return Alternating(optimizers, schedule=Decay(steps), critic=moves)
