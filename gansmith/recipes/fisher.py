"""Fisher GAN."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Fisher
from gansmith.recipes.pairs import adam, code_size, pair
from gansmith.training.experiment import Experiment, Stage


def fisher(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    rho: float = 1e-3,
    moves: int = 1,
) -> Experiment:
    """To study Fisher GAN: the gap between mean scores, whose second moment is held at 1, and no other constraint.


    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        rho: of the constraint's quadratic term, and step of its multiplier; the paper has 1e-6 on far longer runs.
        moves: of the critic in a round; the paper has 2.

    Example:
        gansmith train fisher --data photos/
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, None, width)
    game = GAN(generator, critic, Fisher(rho), Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate, moves=moves), data, steps, batch)])
