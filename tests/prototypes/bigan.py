"""BiGAN: a critic of pairs (x, E(x)) and (G(z), z); the generator's player owns the encoder."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from torch import Tensor, cat, nn

from gansmith.batch import Batch
from gansmith.data import Dataset
from gansmith.duel import Sample
from gansmith.games import GAN, Encodes, Inputs, Normal, Player
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating, Objective
from gansmith.recipes.pairs import adam
from gansmith.regularizers import R1
from gansmith.training import Experiment, Stage


class Pairs(nn.Module):
    def __init__(self, numbers: int, latent: int, width: int) -> None:
        super().__init__()
        self.net = MLP(numbers + latent, None, width)

    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        return self.net(cat([part.flatten(1) for part in pair], 1))


class BiGAN(GAN, Encodes):
    def __init__(self, generator: nn.Module, encoder: nn.Module, critic: nn.Module, objective: Objective, z: Normal):
        super().__init__(generator, critic, objective, z)
        self.encoder = encoder

    def real(self, batch: Batch) -> Sample:
        return batch.x, self.encoder(batch.x)

    def fake(self, z: Inputs, batch: Batch) -> Sample:
        return super().fake(z, batch), z

    def generator_loss(self, batch: Batch) -> Tensor:
        return self.objective.joint_loss(*self.duel(batch))

    def players(self) -> dict[str, Player]:
        players = super().players()
        return players | {"generator": replace(players["generator"], modules=[self.generator, self.encoder])}

    def encode(self, x: Tensor) -> Tensor:
        with self.looking():
            return self.encoder(x)


def bigan(data: Dataset, steps: int = 2000, *, latent: int = 16, width: int = 128) -> Experiment:
    """BiGAN on pictures or vectors."""
    n = prod(data.shape)
    generator = nn.Sequential(MLP(latent, n, width), nn.Unflatten(1, data.shape))
    encoder = nn.Sequential(nn.Flatten(), MLP(n, latent, width))
    game = BiGAN(generator, encoder, Pairs(n, latent, width), NonSaturating() + R1(), Normal(latent))
    return Experiment([Stage(game, adam(game, steps, 1e-3), data, steps, batch=64)])
