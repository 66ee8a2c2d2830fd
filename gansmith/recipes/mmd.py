"""MMD GAN."""

from __future__ import annotations

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import KernelDiscrepancy
from gansmith.objectives.kernels import RBF, DistanceKernel, RationalQuadratic
from gansmith.recipes.pairs import adam, chosen, code_size, pair
from gansmith.regularizers import GradientPenalty
from gansmith.training.experiment import Experiment, Stage

KERNELS = {"distance": DistanceKernel, "rational-quadratic": RationalQuadratic, "rbf": RBF}


def mmd(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    features: int = 16,
    kernel: str = "distance",
    penalty: float = 0.1,
    moves: int = 1,
) -> Experiment:
    """To study MMD GAN: a kernel discrepancy between features that the critic learns; it learns slowly.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        features: numbers that the critic makes of a sample.
        kernel: distance (the discrepancy is then an energy distance), rational-quadratic (as in the paper) or rbf.
        penalty: weight of E (|grad w| - 1)^2, w the witness function, between real and fake samples; the paper
            has 1.
        moves: of the critic in a round; the paper has 5.

    Raises:
        ValueError: no such kernel.

    Example:
        gansmith train mmd --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    generator, critic = pair(data, size, features, width)
    objective = KernelDiscrepancy(chosen("kernel", kernel, KERNELS)()) + GradientPenalty(penalty)
    game = GAN(generator, critic, objective, Normal(size))
    return Experiment([Stage(game, adam(game, steps, rate, moves=moves), data, steps, batch)])
