"""WGAN with gradient penalty."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.experiment import Experiment, Stage
from gansmith.games import GAN
from gansmith.latents import Normal
from gansmith.objectives import Wasserstein
from gansmith.recipes.pairs import adam, pair
from gansmith.regularizers import GradientPenalty


def wgan_gp(
    data: Dataset,
    steps: int = 2000,
    *,
    batch: int = 64,
    latent: int = 64,
    width: int = 32,
    rate: float = 5e-4,
    penalty: float = 10.0,
    moves: int = 5,
) -> Experiment:
    """WGAN-GP: a Wasserstein critic whose slope is held near 1 between real and fake samples.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves several times and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent.
        width: channels of the networks.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        penalty: weight of E (|grad D| - 1)^2.
        moves: of the critic in a round.

    Example:
        gansmith train wgan-gp --data photos/ --minutes 10
    """
    generator, critic = pair(data, latent, None, width)
    game = GAN(generator, critic, Wasserstein() + GradientPenalty(penalty), Normal(latent))
    return Experiment([Stage(game, adam(game, steps, rate, moves), data, steps, batch)])
