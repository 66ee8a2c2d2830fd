"""GAN-QP."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.experiment import Experiment, Stage
from gansmith.games import GAN
from gansmith.latents import Normal
from gansmith.objectives import Quadratic
from gansmith.recipes.pairs import adam, pair


def gan_qp(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int = 64,
    width: int = 32,
    rate: float = 5e-4,
    weight: float = 10.0,
    moves: int = 2,
) -> Experiment:
    """GAN-QP: a quadratic potential in the critic's gap, and no other constraint on the critic.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves twice and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent.
        width: channels of the networks.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        weight: lambda, by which the gap may grow with the mean absolute difference of a pair.
        moves: of the critic in a round.

    Example:
        gansmith train gan-qp --data photos/ --minutes 10
    """
    generator, critic = pair(data, latent, None, width)
    game = GAN(generator, critic, Quadratic(weight), Normal(latent))
    return Experiment([Stage(game, adam(game, steps, rate, moves), data, steps, batch)])
