"""R3GAN's objective: relativistic, with R1 and R2."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Relativistic
from gansmith.recipes.pairs import adam, code_size, pair
from gansmith.regularizers import R1, R2
from gansmith.training.experiment import Experiment, Stage


def r3(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    gamma: float = 1.0,
) -> Experiment:
    """A good first choice where no encoder is needed: R3GAN, with the critic held flat on real and on fake samples.

    Its loss is relativistic: is the real one more real than the fake one beside it?

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic and then the generator moves once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        gamma: weight of the penalties, (gamma/2) E |grad D|^2 on real and on fake samples.

    Example:
        gansmith train r3 --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, None, width)
    game = GAN(generator, critic, Relativistic() + R1(gamma) + R2(gamma), Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate), data, steps, batch)])
