"""WGAN-div's penalty: a power of the critic's slope."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gansmith.duel.samples import Critic, Sample
from gansmith.duel.slopes import slope
from gansmith.regularizers.base import Regularizer
from gansmith.regularizers.points import between, mixed, within

Points = Callable[[Sample, Sample], Sequence[Sample]]


class GradientPower(Regularizer):
    r"""Makes the Wasserstein loss a divergence without any Lipschitz constraint (WGAN-div).

    .. math::
        k\, E_r \|\nabla D\|_2^p = k\, E_r \Big(\sum_j (\partial_j D)^2\Big)^{p/2}

    Added to ``Wasserstein()``. The norm runs over all pixels and channels, then a mean over samples, then a mean over
    the kinds of points that ``at`` returns. Whatever the distribution r of points, the best critic's value is at least
    :math:`\frac{p-1}{p} (kp)^{-1/(p-1)} W_1^{p/(p-1)}`, so that it is a divergence and not an estimate of W1. It is
    infinite where r leaves gaps between real and fake samples: under ``on_both`` on two points a critic may be flat at
    both and rise in between for nothing; ``between`` leaves no gap. A critic that is flat pays nothing, other than
    under a penalty around slope 1.

    Three codings are public. The paper: k = 2, p = 6, and various points, said to do about equally well. The authors'
    code: k = 10, p = 6 on segments from real to fake, ``GradientPower(10, 6)``. Later reimplementations: k/2 times the
    *sum* of the means on real and on fake samples, which is ``GradientPower(2, 6, on_both)``. The scale of the samples
    belongs to k: pixels in [0, 255] instead of [-1, 1] change it by 127.5 to the power p.

    Arguments:
        k: the penalty's weight, above 0.
        p: the power, above 1.
        at: (real, fake) -> list of samples, from ``gansmith.regularizers.points``: ``between``, ``within``, ``mixed``,
            ``on_both``, ``on_real``, ``on_fake``. With ``within`` and ``mixed`` the term is no mean over samples; with
            a function of one's own that mixes samples of a batch, set ``additive = False`` on the term before it is
            added.

    Raises:
        ValueError: k <= 0 or p <= 1, or ``at`` is no function.

    References:
        Wasserstein Divergence for GANs, Wu et al., 2018, https://arxiv.org/abs/1712.01026.

    Example:
        >>> w = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> GradientPower(2.0, 3.0)(lambda s: s @ w, torch.zeros(8, 2), torch.ones(8, 2)).item()  # 2 * 5^3
        250.0
    """

    slopes = True
    eps = 1e-24  # below a power p/2 < 1, whose derivative at 0 is infinite

    def __init__(self, k: float = 2.0, p: float = 6.0, at: Points = between) -> None:
        super().__init__()
        if not (k > 0 and p > 1):
            raise ValueError(f"needs a weight k > 0 and a power p > 1, but got k={k} and p={p}: the paper has 2 and 6")
        if not callable(at):
            raise ValueError(f"needs a function (real, fake) -> list of samples, but got {at!r}: between, or on_both")
        self.k, self.p, self.at = k, p, at
        self.additive = at not in (within, mixed)

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor:
        squares = [slope(witness or critic, sample) for sample in self.at(real, fake)]
        if self.p < 2:
            squares = [s + self.eps for s in squares]
        return self.k * torch.stack([s.pow(self.p / 2).mean() for s in squares]).mean()
