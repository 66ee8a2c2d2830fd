"""WGAN-div."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Wasserstein
from gansmith.recipes.pairs import adam, code_size, pair
from gansmith.regularizers import GradientPower
from gansmith.training.experiment import Experiment, Stage


def wgan_div(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    penalty: float = 2.0,
    power: float = 6.0,
    moves: int = 1,
) -> Experiment:
    """As wgan-gp, without a slope to aim at: WGAN-div, a Wasserstein critic that pays for a power of its slope.


    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        penalty: k, weight of E |grad D|^p between real and fake samples.
        power: p, above 1.
        moves: of the critic in a round.

    Example:
        gansmith train wgan-div --data photos/
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, None, width)
    game = GAN(generator, critic, Wasserstein() + GradientPower(penalty, power), Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate, moves=moves), data, steps, batch)])
