"""Photographs on few cores: upsampling, small batches, light penalties."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from torch import nn

from gansmith.data.augment import Augment
from gansmith.data.dataset import Dataset
from gansmith.games import GAN, OGAN, AdaptiveAugmentation, Beside, DifferentiableAugmentation, Normal, SeveralCritics
from gansmith.networks import DCGANCritic, FeatureCritic, UpsamplingGenerator
from gansmith.objectives import Hinge, Patchwise, Relativistic, Several
from gansmith.recipes.pairs import adam, needs_images
from gansmith.regularizers import R1, R2, Lazy
from gansmith.training.experiment import Experiment, Stage

Change: TypeAlias = DifferentiableAugmentation | AdaptiveAugmentation | None

FEW = 1000
"""Pictures below which a critic learns them by heart within half an hour."""
FEW_SURE, SURE = 0.8, 0.95
"""How often a critic may be right of few pictures, and of more, before they are changed."""
CORRELATION = 0.25
"""Weight of the correlation of codes, as in the recipe `ogan`."""
RARE = 4
"""Moves of the critic for each with penalties."""


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
    every: int | None = None,
    features: float = 0.0,
    mirror: bool | None = None,
    augment: bool | None = None,
    adaptive: bool | None = None,
    cutout: bool = False,
    freeze: int = 0,
    encode: bool = False,
) -> Experiment:
    """The default, for color pictures: photographs on a laptop, in half an hour.

    R3GAN's objective with a generator that takes little time: nearest upsampling and small convolutions, few channels
    at the large maps, and coarse maps that scale the channels of fine ones. Batches are small and the critic's
    penalties light and rare.

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
        every: they are in every so many of the critic's moves, as many times as strong, which takes less time (default:
            4; fewer where so many batches would show all pictures).
        features: weight of a second critic, which sees maps of a frozen classifier, such as 0.4; 0 for none. With it a
            round takes a third more time; judges that know neither network found no gain (benchmarks/RESULTS.md).
        mirror: learn from mirrored pictures, too (default: in color, because gray ones may be of writing).
        augment: change colors and places of all real and fake pictures alike before the critic sees them, or of none.
        adaptive: change only some of the pictures, more of them where the critic is too sure, fewer where it is not
            (default: where nothing else is asked for; of 1,000 pictures and more it may be surer).
        cutout: where pictures are changed, cut a rectangle of half their sides out of them, too.
        freeze: so many of the critic's first convolutions keep their weights, of a run that begins with another's
            (--from).
        encode: the critic encodes, too, as O-GAN's: pictures can be encoded and reconstructed.

    Raises:
        ValueError: both a critic that encodes and one of features; adaptive augmentation or cutout without
            augmentation; no convolution is left to learn.

    Example:
        gansmith train photos --data photos.zip --size 64 --minutes 30
        gansmith train photos --data photos.zip --encode --minutes 30
    """
    needs_images(data, "photos")
    channels, size = data.shape[0], data.sides
    if channels >= 3 if mirror is None else mirror:
        data = replace(data, augment=Augment(flip=True, shift=data.augment.shift if data.augment else 0))
    generator = UpsamplingGenerator(latent, size, channels, width)
    critic = DCGANCritic(size, channels, latent if encode else None, critic_width)
    change = _change(len(data.train), augment, adaptive, cutout)
    _freeze(critic, freeze)
    rounds = max(1, min(RARE, len(data.train) // batch)) if every is None else every
    penalties = R1(gamma), R2(gamma)
    slopes = penalties if every == 1 else [Lazy(penalty, rounds) for penalty in penalties]
    objective = Relativistic() + slopes[0] + slopes[1]
    if features and encode:
        raise ValueError("needs one critic to encode, but --features asks for a second one: leave one of both out")
    if encode:
        game: GAN = OGAN(generator, critic, objective, Normal(latent), weight=CORRELATION, augment=change)
    elif features:
        beside = [Beside(FeatureCritic(), Several(Patchwise(Hinge())), features)]
        game = SeveralCritics(generator, critic, objective, Normal(latent), change, beside=beside)
    else:
        game = GAN(generator, critic, objective, Normal(latent), change)
    return Experiment([Stage(game, adam(game, steps, rate), data, steps, batch)])


def _change(n: int, augment: bool | None, adaptive: bool | None, cutout: bool) -> Change:
    """How pictures are changed before the critic sees them.

    What of it is saved has one form for any n, because a run is opened without its data.
    """
    if augment is False and (adaptive or cutout):
        raise ValueError("needs augmentation to adapt or to cut out, but got --no-augment: leave one of both out")
    change = DifferentiableAugmentation(cutout=cutout)
    if adaptive:
        return AdaptiveAugmentation(change)
    if adaptive is None and augment is None:
        return AdaptiveAugmentation(change, target=FEW_SURE if n < FEW else SURE)
    return change if cutout or (n < FEW if augment is None else augment) else None


def _freeze(critic: nn.Module, count: int) -> None:
    layers = [m for m in critic.modules() if isinstance(m, nn.Conv2d)]
    if not 0 <= count < len(layers):
        raise ValueError(f"needs from 0 to {len(layers) - 1} convolutions to freeze, but got {count}")
    for layer in layers[:count]:
        layer.requires_grad_(False)
