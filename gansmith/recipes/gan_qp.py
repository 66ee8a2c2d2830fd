"""GAN-QP."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Quadratic
from gansmith.recipes.pairs import adam, code_size, pair
from gansmith.training.experiment import Experiment, Stage


def gan_qp(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 4e-4,
    weight: float = 10.0,
    moves: int = 1,
) -> Experiment:
    """To study GAN-QP: a quadratic in the critic's gap, and no other constraint on the critic; it learns slowly.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        weight: lambda, by which the gap may grow with the mean absolute difference of a pair.
        moves: of the critic in a round; the paper has 2, but at equal time 1 did better on MNIST.

    Example:
        gansmith train gan-qp --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, None, width)
    game = GAN(generator, critic, Quadratic(weight), Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate, betas=(0.5, 0.9), moves=moves), data, steps, batch)])
