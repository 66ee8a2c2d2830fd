"""Feature matching: fake samples look like real ones inside the critic."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gansmith.duel.checks import same_size
from gansmith.duel.ranks import gather
from gansmith.duel.samples import Critic, Sample, size
from gansmith.duel.scores import full, still
from gansmith.regularizers.base import Regularizer, nonnegative


class FeatureMatching(Regularizer):
    r"""The generator matches the critic's feature maps, of paired samples or on average.

    .. math::
        \lambda \sum_k \mathrm{mean}\,|F_k(x) - F_k(y)|, \qquad \text{or of means} \qquad
        \lambda \sum_k \|E F_k(x) - E F_k(y)\|_2

    A sum over maps (not divided by their number). The paired form, a mean over all of a map and over the batch, is for
    generators whose sample i belongs to real sample i (HiFi-GAN, pix2pixHD); the form of means, a Euclidean norm over
    all of a map, is for free samples, and no mean over samples. Real maps are constants. It joins the generator's loss.

    Arguments:
        weight: :math:`\lambda`; HiFi-GAN's is 2 beside squares without the factor 1/2, so 1 beside ``LeastSquares``.
        of_means: compare the batches' means instead of pairs.

    Raises:
        ValueError: the critic returns no maps, or others for real than for fake samples; a paired form got batches of
            different sizes; an empty batch; a negative weight.

    References:
        High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs, Wang et al., 2017,
        https://arxiv.org/abs/1711.11585; HiFi-GAN, Kong, Kim and Bae, 2020, https://arxiv.org/abs/2010.05646 (pairs).
        Improved Techniques for Training GANs, Salimans et al., 2016, https://arxiv.org/abs/1606.03498 (means; its norm
        is squared).

    Example:
        >>> critic = lambda s: (s.sum(1), [s, 2 * s])
        >>> FeatureMatching(1.0)(critic, torch.zeros(4, 2), torch.ones(4, 2))  # 1 + 2
        tensor(3.)
    """

    side = "generator"
    eps = 1e-12  # under the root, whose derivative at 0 is infinite

    def __init__(self, weight: float = 10.0, of_means: bool = False) -> None:
        super().__init__()
        self.weight, self.of_means = nonnegative(weight), of_means
        self.additive = not of_means

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor:
        with still():
            real_maps = _maps(critic, real)
        if not self.of_means:
            same_size(real, fake)
        fake_maps = _maps(critic, fake)
        _same_shapes(real_maps, fake_maps)
        distances = [self._apart(full(a), full(b)) for a, b in zip(real_maps, fake_maps, strict=True)]
        return self.weight * torch.stack(distances).sum()

    def _apart(self, x: Tensor, y: Tensor) -> Tensor:
        if not self.of_means:
            return (x - y).abs().mean()
        gap = gather(x.flatten(1)).mean(0) - gather(y.flatten(1)).mean(0)
        return (gap.square().sum() + self.eps).sqrt()


def _maps(critic: Critic, sample: Sample) -> Sequence[Tensor]:
    if size(sample) == 0:
        raise ValueError("needs at least one sample, but got an empty batch: drop the last, partial batch")
    output = critic(sample)
    maps = output[1] if isinstance(output, tuple) and len(output) == 2 else None
    if not isinstance(maps, (list, tuple)) or not maps or not all(isinstance(m, Tensor) for m in maps):
        raise ValueError(
            f"needs a critic that returns (scores, [map, ...]), but got {type(output).__name__}: "
            "return the feature maps to match in a list beside the scores"
        )
    return maps


def _same_shapes(real: Sequence[Tensor], fake: Sequence[Tensor]) -> None:
    shapes = [[tuple(m.shape[1:]) for m in maps] for maps in (real, fake)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"needs maps of the same shapes for real and fake samples, but the critic returned {shapes[0]} and "
            f"{shapes[1]}, without the batch: does a map, or how many there are, depend on a sample's size?"
        )
