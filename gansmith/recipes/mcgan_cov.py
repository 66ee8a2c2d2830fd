"""McGan with covariance matching."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import CovarianceMatching
from gansmith.recipes.mcgan import restrained
from gansmith.recipes.pairs import adam, code_size, pair
from gansmith.training.experiment import Experiment, Stage


def mcgan_cov(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    features: int = 32,
    k: int = 4,
    dual: bool = False,
    centered: bool = False,
    penalty: float = 0.1,
    moves: int = 1,
) -> Experiment:
    """To study McGan's covariance matching: the distance between second moments of features that the critic learns.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        features: numbers that the critic makes of a sample.
        k: columns of the frames: how many of the largest singular values count; the paper has 16.
        dual: the best function of the features in closed form, for each batch, instead of learning it. It has the
            noise of the batch, and wants a larger one, such as 256.
        centered: covariances about each batch's mean instead of second moments. They have no function of one sample
            whose slope could be held: the critic gets spectral normalization instead of the penalty.
        penalty: weight of E (|grad F| - 1)^2 between real and fake samples, F the function of the features; the
            paper clips weights instead.
        moves: of the critic in a round; the paper has 5.

    Example:
        gansmith train mcgan-cov --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, features, width)
    objective = CovarianceMatching(k, features, dual, centered)
    game = GAN(generator, critic, restrained(objective, critic, penalty), Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate, moves=moves), data, steps, batch)])
