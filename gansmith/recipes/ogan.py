"""O-GAN, the default."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.experiment import Experiment, Stage
from gansmith.games import OGAN
from gansmith.latents import Normal
from gansmith.objectives import Relativistic
from gansmith.recipes.pairs import adam, code_size, pair
from gansmith.regularizers import R1, R2


def ogan(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    gamma: float = 1.0,
    weight: float = 0.25,
) -> Experiment:
    """O-GAN: one network scores and encodes, so that what is generated can also be reconstructed.

    The critic is an encoder whose code's mean is the score. Relativistic loss, R1 and R2 penalties, and the correlation
    of latents with their codes in both players' losses.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic and then the generator moves once.
        batch: samples a batch.
        latent: numbers in a latent, and in a code (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        gamma: weight of the penalties, (gamma/2) E |grad D|^2 on real and on fake samples.
        weight: of the correlation.

    Example:
        gansmith train ogan --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    generator, encoder = pair(data, size, size, width)
    objective = Relativistic() + R1(gamma) + R2(gamma)
    game = OGAN(generator, encoder, objective, Normal(size), weight=weight)
    return Experiment([Stage(game, adam(game, steps, rate), data, steps, batch)])
