"""Photographs on few cores: upsampling, small batches, light penalties."""

from __future__ import annotations

from dataclasses import replace

from gansmith.data.augment import Augment
from gansmith.data.dataset import Dataset
from gansmith.games import GAN, DifferentiableAugmentation, Normal
from gansmith.networks import DCGANCritic, UpsamplingGenerator
from gansmith.objectives import Relativistic
from gansmith.recipes.pairs import adam, needs_images
from gansmith.regularizers import R1, R2
from gansmith.training.experiment import Experiment, Stage

FEW = 1000
"""Pictures below which a critic learns them by heart within half an hour."""


def photos(
    data: Dataset,
    steps: int = 10_000,
    *,
    batch: int = 16,
    latent: int = 64,
    width: int = 16,
    critic_width: int = 32,
    rate: float = 1e-3,
    gamma: float = 0.1,
    mirror: bool | None = None,
    augment: bool | None = None,
) -> Experiment:
    """The default, for color pictures: photographs on a laptop, in half an hour.

    R3GAN's objective with a generator that takes little time: nearest upsampling and small convolutions, few channels
    at the large maps, and coarse maps that scale the channels of fine ones. Batches are small and the critic's
    penalties light.

    Arguments:
        data: what to learn.
        steps: rounds; in each the critic and then the generator moves once.
        batch: samples a batch.
        latent: numbers in a latent.
        width: channels of the generator's largest map; coarser ones have up to eight times as many.
        critic_width: channels of the critic's first layer, which halves the picture; later ones have up to eight times
            as many.
        rate: learning rate of Adam, constant for 30 % of the run and then decayed.
        gamma: weight of the penalties, (gamma/2) E |grad D|^2 on real and on fake samples.
        mirror: learn from mirrored pictures, too (default: in color, because gray ones may be of writing).
        augment: change colors and places of real and fake pictures alike before the critic sees them (default: where
            there are fewer than 1,000 pictures to learn from).

    Example:
        gansmith train photos --data photos.zip --size 64 --minutes 30
    """
    needs_images(data, "photos")
    channels, size, _ = data.shape
    if channels == 3 if mirror is None else mirror:
        data = replace(data, augment=Augment(flip=True, shift=data.augment.shift if data.augment else 0))
    generator = UpsamplingGenerator(latent, size, channels, width)
    critic = DCGANCritic(size, channels, width=critic_width)
    few = len(data.train) < FEW if augment is None else augment
    change = DifferentiableAugmentation() if few else None
    game = GAN(generator, critic, Relativistic() + R1(gamma) + R2(gamma), Normal(latent), change)
    return Experiment([Stage(game, adam(game, steps, rate), data, steps, batch)])
