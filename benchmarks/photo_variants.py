"""The recipe `photos` with one part changed, for `benchmarks/photos.py --choices`."""

from __future__ import annotations

from dataclasses import replace

from gansmith.data import Dataset
from gansmith.games import GAN, Normal
from gansmith.networks import DCGANGenerator, FeatureCritic
from gansmith.objectives import Hinge, Patchwise, Several
from gansmith.recipes import photos
from gansmith.recipes.pairs import adam
from gansmith.training.experiment import Experiment


def dcgan_generator(data: Dataset, steps: int = 10_000, *, batch: int = 16, width: int = 32) -> Experiment:
    """With the generator of DCGAN: transposed convolutions, and the usual number of channels."""
    [stage] = photos(data, steps, batch=batch).stages
    game = stage.game
    assert isinstance(game, GAN)
    generator = DCGANGenerator(64, data.sides, data.shape[0], width)
    game = GAN(generator, game.critic, game.objective, game.latent, game.augment)
    return Experiment([replace(stage, game=game, dynamics=adam(game, steps, 1e-3))])


def features_alone(data: Dataset, steps: int = 10_000, *, batch: int = 16) -> Experiment:
    """Without the critic of pixels: the one on the maps of the frozen trunk judges alone."""
    [stage] = photos(data, steps, batch=batch, augment=False).stages
    game = stage.game
    assert isinstance(game, GAN)
    game = GAN(game.generator, FeatureCritic(), Several(Patchwise(Hinge())), Normal(64), game.augment)
    return Experiment([replace(stage, game=game, dynamics=adam(game, steps, 1e-3))])
