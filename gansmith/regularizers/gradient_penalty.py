"""The gradient penalty of WGAN-GP, and its one-sided form."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import relu

from gansmith.duel.samples import Critic, Sample
from gansmith.duel.slopes import interpolate, slope
from gansmith.regularizers.base import Regularizer, nonnegative


class GradientPenalty(Regularizer):
    r"""Holds the critic's slope near a target, between paired real and fake samples.

    .. math::
        \lambda\, E_{\hat x} (\|\nabla D(\hat x)\|_2 - c)^2, \qquad \hat x = x + t\,(y - x), \quad t \sim U[0, 1)

    One t per sample, the norm over all pixels and channels, a mean over samples, no factor 1/2. With
    ``one_sided=True`` only slopes above the target are penalized (WGAN-LP). There is no guarantee off the segments.

    Arguments:
        weight: :math:`\lambda`, 10 in the paper.
        target: c.
        one_sided: penalize :math:`[\|\nabla D\| - c]_+^2` instead.

    Raises:
        ValueError: the batches differ in size, or a negative weight.

    References:
        Improved Training of Wasserstein GANs, Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, equation (3);
        On the regularization of Wasserstein GANs, Petzka et al., 2018, https://arxiv.org/abs/1709.08894.

    Example:
        >>> import torch
        >>> w = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> x, y = torch.zeros(8, 2), torch.ones(8, 2)
        >>> GradientPenalty(10.0)(lambda s: s @ w, x, y).item()  # 10 (5 - 1)^2
        160.0
    """

    slopes = True
    eps = 1e-12  # under the root, whose derivative at 0 is infinite

    def __init__(self, weight: float = 10.0, target: float = 1.0, one_sided: bool = False) -> None:
        super().__init__()
        self.weight, self.target, self.one_sided = nonnegative(weight), nonnegative(target), one_sided

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor:
        norm = (slope(witness or critic, self.points(real, fake)) + self.eps).sqrt()
        excess = norm - self.target
        return self.weight * (relu(excess) if self.one_sided else excess).square().mean()

    def points(self, real: Sample, fake: Sample) -> Sample:
        """Where the slope is taken, one point per sample."""
        return interpolate(real, fake)
