"""R3GAN's objective: relativistic, with R1 and R2."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.experiment import Experiment, Stage
from gansmith.games import GAN
from gansmith.latents import Normal
from gansmith.objectives import Relativistic
from gansmith.recipes.pairs import adam, pair
from gansmith.regularizers import R1, R2


def r3(
    data: Dataset,
    steps: int = 5000,
    *,
    batch: int = 64,
    latent: int = 64,
    width: int = 32,
    rate: float = 1e-3,
    gamma: float = 1.0,
) -> Experiment:
    """R3GAN's objective: is the real one more real? With the critic held flat on real and on fake samples.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic and then the generator moves once.
        batch: samples a batch.
        latent: numbers in a latent.
        width: channels of the networks.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        gamma: weight of the penalties, (gamma/2) E |grad D|^2 on real and on fake samples.

    Example:
        gansmith train r3 --data photos/ --minutes 10
    """
    generator, critic = pair(data, latent, None, width)
    game = GAN(generator, critic, Relativistic() + R1(gamma) + R2(gamma), Normal(latent))
    return Experiment([Stage(game, adam(game, steps, rate), data, steps, batch)])
