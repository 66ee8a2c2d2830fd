"""Zero-centered gradient penalties on real and on fake samples."""

from __future__ import annotations

from torch import Tensor

from gansmith.duel.samples import Critic, Sample
from gansmith.duel.slopes import slope
from gansmith.regularizers.base import Regularizer, nonnegative


class R1(Regularizer):
    r"""Holds the critic flat where the data are.

    .. math::
        \tfrac{\gamma}{2}\, E_x \|\nabla D(x)\|_2^2

    With the factor 1/2 of the paper (the authors' code has none: its 10 is :math:`\gamma = 20` here). A mean over
    samples, a sum over pixels and channels. With it, or with R2, the plain GANs converge locally.

    Arguments:
        weight: :math:`\gamma`.

    Raises:
        ValueError: a negative weight.

    References:
        Which Training Methods for GANs do actually Converge?, Mescheder, Geiger and Nowozin, 2018,
        https://arxiv.org/abs/1801.04406, equation (9).

    Example:
        >>> import torch
        >>> w = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> R1(1.0)(lambda s: s @ w, torch.zeros(8, 2), torch.ones(8, 2)).item()  # 25 / 2
        12.5
    """

    slopes = True

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = nonnegative(weight)

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor:
        return self.weight / 2 * slope(witness or critic, real).mean()


class R2(Regularizer):
    r"""Holds the critic flat where the generator's samples are; as :class:`R1`, with fake in the place of real.

    .. math::
        \tfrac{\gamma}{2}\, E_z \|\nabla D(G(z))\|_2^2

    Arguments:
        weight: :math:`\gamma`.

    Raises:
        ValueError: a negative weight.

    References:
        Which Training Methods for GANs do actually Converge?, Mescheder, Geiger and Nowozin, 2018,
        https://arxiv.org/abs/1801.04406, equation (10).

    Example:
        >>> import torch
        >>> w = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> R2(2.0)(lambda s: s @ w, torch.zeros(8, 2), torch.ones(8, 2)).item()
        25.0
    """

    slopes = True

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = nonnegative(weight)

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor:
        return self.weight / 2 * slope(witness or critic, fake).mean()
