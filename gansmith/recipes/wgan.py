"""The first Wasserstein GAN."""

from __future__ import annotations

from torch import nn
from torch.optim import RMSprop

from gansmith.data.dataset import Dataset
from gansmith.dynamics import Alternating, bursts
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Wasserstein
from gansmith.recipes.pairs import code_size, optimizers, pair
from gansmith.regularizers import ClipWeights
from gansmith.training.experiment import Experiment, Stage


def wgan(
    data: Dataset,
    steps: int = 2000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 5e-4,
    clip: float = 0.01,
    moves: int = 5,
) -> Experiment:
    """To compare with: the first WGAN, clipped weights and RMSprop; its critic moves so often that it is slow.

    The critic of pictures has BatchNorm, as in the authors' code: without it the scores of clipped weights fade. What
    came to replace clipping, `wgan-gp` and `wgan-div`, learns faster.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of RMSprop, constant; the paper has 5e-5 on far longer runs.
        clip: the largest absolute value of a weight of the critic.
        moves: of the critic in most rounds; in the first 25 rounds and in every 500th it is 20 times as many.

    Example:
        gansmith train wgan --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, None, width, nn.BatchNorm2d)
    game = GAN(generator, critic, Wasserstein() + ClipWeights(clip), Normal(size))
    dynamics = Alternating(optimizers(game, rate, lambda p: RMSprop(p, rate)), critic=bursts(moves, 20 * moves))
    return Experiment([Stage(game, dynamics, data, steps, batch)])
