"""WGAN with gradient penalty."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Wasserstein
from gansmith.recipes.pairs import adam, code_size, pair
from gansmith.regularizers import GradientPenalty
from gansmith.training.experiment import Experiment, Stage


def wgan_gp(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    penalty: float = 10.0,
    moves: int = 1,
) -> Experiment:
    """Where the loss is to be a distance (Wasserstein-1): WGAN-GP, slopes held near 1 between real and fake.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        penalty: weight of E (|grad D| - 1)^2.
        moves: of the critic in a round; the paper has 5, but at equal time 1 did better on MNIST.

    Example:
        gansmith train wgan-gp --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, None, width)
    game = GAN(generator, critic, Wasserstein() + GradientPenalty(penalty), Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate, moves=moves), data, steps, batch)])
