"""McGan with mean matching."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import MeanMatching
from gansmith.recipes.mcgan import BALLS, restrained
from gansmith.recipes.pairs import adam, chosen, code_size, pair
from gansmith.training.experiment import Experiment, Stage


def mcgan_mean(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    features: int = 32,
    p: str = "2",
    dual: bool = False,
    penalty: float = 0.1,
    moves: int = 1,
) -> Experiment:
    """To study McGan's mean matching: the distance between means of features that the critic learns.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        features: numbers that the critic makes of a sample.
        p: the ball of the mean's weights: 1, 2 or inf. The distance is the q-norm, 1/q = 1 - 1/p.
        dual: the best function of the features in closed form, for each batch, instead of learning it. It has the
            noise of the batch, and wants a larger one, such as 256.
        penalty: weight of E (|grad F| - 1)^2 between real and fake samples, F the function of the features; the
            paper clips weights instead.
        moves: of the critic in a round; the paper has 5.

    Example:
        gansmith train mcgan-mean --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, features, width)
    objective = MeanMatching(chosen("p", p, BALLS), features, dual)
    game = GAN(generator, critic, restrained(objective, critic, penalty), Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate, moves=moves), data, steps, batch)])
