"""SN-GAN."""

from __future__ import annotations

from torch import nn

from gansmith.data.dataset import Dataset
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.networks import TutorialCritic, TutorialGenerator, spectral_norm
from gansmith.objectives import Hinge, NonSaturating
from gansmith.recipes.pairs import adam, chosen, code_size, needs_images, pair
from gansmith.training.experiment import Experiment, Stage

LOSSES = {"hinge": Hinge, "non-saturating": NonSaturating}


def sngan(
    data: Dataset,
    steps: int = 4000,
    *,
    batch: int = 64,
    latent: int | None = None,
    width: int = 32,
    rate: float = 1e-3,
    loss: str = "hinge",
    network: str = "dcgan",
    moves: int = 1,
) -> Experiment:
    """Where no penalty is to be weighed: SN-GAN divides each layer of the critic by its largest singular value.

    The network `tutorial` is the pair of a widely taught MNIST tutorial, 1-3-6-13-28 pixels and 28-13-5-1: its critic
    has BatchNorm, which undoes the bound, and a warning says so.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic moves and then the generator once.
        batch: samples a batch.
        latent: numbers in a latent (default: 64, less for small data).
        width: of the networks; channels are multiples of it. The tutorial's networks have their own.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        loss: hinge or non-saturating.
        network: dcgan or tutorial.
        moves: of the critic in a round; the paper has 5.

    Raises:
        ValueError: an unknown loss or network; for the tutorial's networks data that are no images of 28 x 28 pixels.

    Example:
        gansmith train sngan --data photos/ --minutes 10
    """
    size = code_size(data, latent)
    make = chosen("network", network, {"dcgan": dcgan, "tutorial": tutorial})
    generator, critic = make(data, size, width)
    game = GAN(generator, spectral_norm(critic), chosen("loss", loss, LOSSES)(), Normal(size))
    betas = (0.5, 0.999) if network == "tutorial" else (0.0, 0.99)
    return Experiment([Stage(game, adam(game, steps, rate, betas=betas, moves=moves), data, steps, batch)])


def dcgan(data: Dataset, latent: int, width: int) -> tuple[nn.Module, nn.Module]:
    return pair(data, latent, None, width)


def tutorial(data: Dataset, latent: int, width: int) -> tuple[nn.Module, nn.Module]:
    """The tutorial's pair, which makes and sees the 28 pixels inside a padding."""
    needs_images(data, "the tutorial's network")
    height, width = data.content or data.sides
    if (height, width) != (28, 28):
        raise ValueError(
            f"the tutorial's networks need images of 28x28 pixels, as MNIST's, but {data.source} has "
            f"{width}x{height}: leave --network tutorial out"
        )
    channels, side, _ = data.shape
    padding = (side - 28) // 2
    generator, critic = TutorialGenerator(latent, channels), TutorialCritic(channels)
    return nn.Sequential(generator, nn.ReplicationPad2d(padding)), nn.Sequential(nn.ZeroPad2d(-padding), critic)
