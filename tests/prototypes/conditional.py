"""A conditional GAN: the label is part of the sample, (x, y) on both sides."""

from __future__ import annotations

from math import prod

from torch import Tensor, cat, nn
from torch.nn.functional import one_hot

from gansmith import chance
from gansmith.batch import Batch
from gansmith.data import Dataset
from gansmith.duel import Sample
from gansmith.games import GAN, Inputs, Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating, Objective
from gansmith.recipes.pairs import adam
from gansmith.regularizers import R1
from gansmith.training import Experiment, Stage


class WithLabel(nn.Module):
    """A network of samples or latents together with their labels."""

    def __init__(self, net: nn.Module, classes: int) -> None:
        super().__init__()
        self.net, self.classes = net, classes

    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        x, y = pair
        return self.net(cat([x.flatten(1), one_hot(y, self.classes).to(x.dtype)], 1))


class ConditionalGAN(GAN):
    def __init__(self, generator: nn.Module, critic: nn.Module, objective: Objective, z: Normal, classes: int) -> None:
        super().__init__(generator, critic, objective, z)
        self.classes = classes

    def real(self, batch: Batch) -> Sample:
        return batch.x, batch.y

    def fake(self, z: Inputs, batch: Batch) -> Sample:
        return super().fake((z, batch.y), batch), batch.y

    def inputs(self, n: int, y: Tensor | None = None) -> Inputs:
        z = super().inputs(n)
        return z, chance.integers(self.classes, "y", n, like=z) if y is None else y


def conditional(data: Dataset, steps: int = 2000, *, latent: int = 16, width: int = 128) -> Experiment:
    """A conditional GAN on labeled pictures or vectors."""
    if not data.classes:
        raise ValueError(f"needs labeled data, but {data.source} has no labels: put the pictures into class folders")
    n, k = prod(data.shape), data.classes
    generator = nn.Sequential(WithLabel(MLP(latent + k, n, width), k), nn.Unflatten(1, data.shape))
    critic = WithLabel(MLP(n + k, None, width), k)
    game = ConditionalGAN(generator, critic, NonSaturating() + R1(), Normal(latent), k)
    return Experiment([Stage(game, adam(game, steps, 1e-3), data, steps, batch=64)])
