"""f-GAN."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Divergence
from gansmith.objectives import divergence as pairs
from gansmith.recipes.pairs import adam, chosen, code_size, pair
from gansmith.regularizers import R1
from gansmith.training.experiment import Experiment, Stage

DIVERGENCES = {
    "kl": pairs.KL,
    "reverse-kl": pairs.REVERSE_KL,
    "js": pairs.JENSEN_SHANNON,
    "pearson": pairs.PEARSON,
    "neyman": pairs.NEYMAN,
    "hellinger": pairs.SQUARED_HELLINGER,
    "tv": pairs.TOTAL_VARIATION,
}


def fgan(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    gamma: float = 1.0,
    divergence: str = "js",
    trick: bool = True,
) -> Experiment:
    """To study f-GAN: seven divergences to choose from, with the critic held flat where the data are.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic and then the generator moves once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        gamma: weight of the penalty, (gamma/2) E |grad D|^2 on real samples.
        divergence: kl, reverse-kl, js (Jensen-Shannon), pearson, neyman, hellinger (squared) or tv (total variation).
        trick: whether the generator raises what the critic says of real samples, which does not vanish where the critic
            is sure, instead of lowering the divergence's own term (under tv both are the same).

    Raises:
        ValueError: no such divergence.

    Example:
        gansmith train fgan --data photos/ --divergence pearson --minutes 10
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, None, width)
    objective = Divergence(chosen("divergence", divergence, DIVERGENCES), trick) + R1(gamma)
    game = GAN(generator, critic, objective, Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate), data, steps, batch)])
