"""O-GAN."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn
from torch.optim import RMSprop

from gansmith.data.dataset import Dataset
from gansmith.dynamics import Dynamics, Simultaneous
from gansmith.games import OGAN, Mean, Radius
from gansmith.games.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import Relativistic, SlopeQuadratic
from gansmith.recipes.pairs import adam, chosen, code_size, optimizers, pair
from gansmith.regularizers import R1, R2
from gansmith.training.experiment import Experiment, Stage

HEADS: dict[str, Callable[[int], nn.Module]] = {
    "mean": lambda size: Mean(),
    "linear": lambda size: nn.Linear(size, 1),
    "mlp": lambda size: MLP(size, None, 4 * size, 1),
    "polar": lambda size: Radius(),
    "log-polar": lambda size: Radius(log=True),
}


def ogan(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float | None = None,
    gamma: float = 1.0,
    weight: float | None = None,
    head: str = "mean",
    original: bool = False,
) -> Experiment:
    """The default, for gray pictures and vectors, and for codes beside samples: O-GAN, whose critic encodes.

    The critic is an encoder, and the mean of its code (or another head) is the score. Relativistic loss, R1 and R2
    penalties, and the correlation of latents with their codes in both players' losses.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic and then the generator moves once (with --original both at once).
        batch: samples a batch.
        latent: numbers in a latent, and in a code (default: 64, less for small data).
        width: of the networks; channels are multiples of it.
        rate: learning rate (default: 1e-3, of Adam, constant for 30 % of the run and then decayed; with --original
            1e-4, constant).
        gamma: weight of the penalties, (gamma/2) E |grad D|^2 on real and on fake samples; not with --original.
        weight: of the correlation (default: 0.25; with --original 0.5).
        head: what of a code is the score: mean, linear, mlp, polar (its length) or log-polar; the last two leave the
            direction to the latent.
        original: the paper's loss (a squared slope between real and fake samples, no other penalty) and its training:
            RMSprop, both players at once, as by one optimizer over a single loss. The networks are the same as without
            it; the paper's encoder has BatchNorm.

    Raises:
        ValueError: no such head.

    Example:
        gansmith train ogan --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    generator, encoder = pair(data, size, size, width)
    objective = SlopeQuadratic(0.25) if original else Relativistic() + R1(gamma) + R2(gamma)
    weight = (0.5 if original else 0.25) if weight is None else weight
    rate = (1e-4 if original else 1e-3) if rate is None else rate
    scores = chosen("head", head, HEADS)(size)
    game = OGAN(generator, encoder, objective, Normal(size), head=scores, weight=weight)
    if original:
        return Experiment([Stage(game, single_optimizer(game, rate), data, steps, batch)])
    return Experiment([Stage(game, adam(game, steps, rate), data, steps, batch)])


def single_optimizer(game: OGAN, rate: float) -> Dynamics:
    """RMSprop on both players at once: the same moves as one optimizer on the paper's single loss."""
    return Simultaneous(optimizers(game, rate, lambda p: RMSprop(p, rate, alpha=0.99, eps=1e-7)))
