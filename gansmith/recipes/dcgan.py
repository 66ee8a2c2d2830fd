"""DCGAN."""

from __future__ import annotations

from torch import nn

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import NonSaturating
from gansmith.recipes.pairs import adam, code_size, needs_images, pair
from gansmith.training.experiment import Experiment, Stage


def dcgan(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 2e-4,
) -> Experiment:
    """To compare with: DCGAN as published, BatchNorm in both networks and no penalty; gan and r3 do better.

    A yardstick: `gan` and `r3`, whose critics have a penalty on the slope in the place of BatchNorm, do better.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic and then the generator moves once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, with the paper's momentum of 0.5; constant for 30 % of the run and then decayed.

    Raises:
        ValueError: the data are no images.

    Example:
        gansmith train dcgan --data photos/ --minutes 10
    """
    needs_images(data, "dcgan")
    size = code_size(data, latent)
    generator, critic = pair(data, size, None, width, nn.BatchNorm2d)
    game = GAN(generator, critic, NonSaturating(), Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate, betas=(0.5, 0.999)), data, steps, batch)])
