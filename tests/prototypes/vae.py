"""A variational autoencoder: one player, no duel."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from gansmith import chance
from gansmith.batch import Batch
from gansmith.data import Dataset
from gansmith.games import Encodes, Inputs, Normal, Player
from gansmith.networks import MLP
from gansmith.notes import note
from gansmith.recipes.pairs import adam
from gansmith.training import Experiment, Stage


class VAE(Encodes):
    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: Normal, sd: float) -> None:
        super().__init__()
        self.encoder, self.decoder, self.latent, self.sd = encoder, decoder, latent, sd

    def players(self) -> dict[str, Player]:
        return {"autoencoder": Player([self.encoder, self.decoder], self.loss)}

    def loss(self, batch: Batch) -> Tensor:
        """The negative evidence lower bound, a Gaussian of deviation sd summed over the numbers of a sample."""
        mean, log_variance = self.encoder(batch.x).to(batch.x.dtype).chunk(2, 1)
        z = mean + (log_variance / 2).exp() * chance.normal("noise", *mean.shape, like=mean)
        error = (self.decoder(z) - batch.x).square().flatten(1).sum(1) / (2 * self.sd**2)
        kl = (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2
        note("kl", kl.mean())
        return (error + kl).mean()

    def inputs(self, n: int, y: Tensor | None = None) -> Inputs:
        return self.latent(n, next(self.decoder.parameters()))

    def decode(self, inputs: Inputs) -> Tensor:
        with self.looking():
            return self.decoder(inputs)

    def encode(self, x: Tensor) -> Tensor:
        with self.looking():
            return self.encoder(x).chunk(2, 1)[0]


def vae(data: Dataset, steps: int = 2000, *, latent: int = 16, width: int = 128, sd: float = 0.3) -> Experiment:
    """A variational autoencoder with a Gaussian likelihood."""
    n = prod(data.shape)
    encoder = nn.Sequential(nn.Flatten(), MLP(n, 2 * latent, width))
    decoder = nn.Sequential(MLP(latent, n, width), nn.Unflatten(1, data.shape))
    game = VAE(encoder, decoder, Normal(latent), sd)
    return Experiment([Stage(game, adam(game, steps, 1e-3, betas=(0.9, 0.99)), data, steps, batch=64)])
