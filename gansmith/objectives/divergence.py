"""f-GAN: any f-divergence, by its conjugate pair."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gansmith.objectives.pointwise import Pointwise

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Conjugate:
    r"""What f-GAN needs of a divergence :math:`D_f(p \| q) = E_q f(p/q)`, f convex, f(1) = 0.

    Arguments:
        activation: :math:`g_f`, increasing, from any score to the domain of :math:`f^*`.
        conjugate: :math:`f^*(t) = \sup_{u \ge 0} (u t - f(u))`, which never falls.
        composed: :math:`f^*(g_f(v))` written so that it neither overflows early nor cancels; where it is not given, the
            two are called one after the other.
        name: tells one divergence from another where a run goes on.

    Example:
        >>> pair = Conjugate(activation=lambda v: v, conjugate=lambda t: (t - 1).exp())  # Kullback-Leibler
        >>> pair.of_fake(torch.tensor([1.0]))
        tensor([1.])
    """

    activation: Function
    conjugate: Function
    composed: Function | None = None
    name: str = ""

    def of_real(self, score: Tensor) -> Tensor:
        """:math:`g_f(v)`, what the critic raises on real samples."""
        return self.activation(score)

    def of_fake(self, score: Tensor) -> Tensor:
        """:math:`f^*(g_f(v))`, what the critic lowers on fake samples."""
        return self.conjugate(self.activation(score)) if self.composed is None else self.composed(score)


def _identity(t: Tensor) -> Tensor:
    return t


KL = Conjugate(_identity, lambda t: (t - 1).exp(), name="kl")
r"""Kullback-Leibler, :math:`f(u) = u \log u`; :math:`D_f = E_p \log p/q`."""

REVERSE_KL = Conjugate(lambda v: -(-v).exp(), lambda t: -1 - (-t).log(), lambda v: v - 1, name="reverse_kl")
r"""Kullback-Leibler the other way, :math:`f(u) = -\log u`; :math:`D_f = E_q \log q/p`."""

JENSEN_SHANNON = Conjugate(
    lambda v: math.log(2) - softplus(-v),
    lambda t: -(2 - t.exp()).log(),
    lambda v: softplus(v) - math.log(2),
    name="jensen_shannon",
)
r""":math:`f(u) = u \log u - (u + 1) \log \frac{u + 1}{2}`; :math:`D_f = 2\,\mathrm{JSD}`, at most 2 log 2."""

PEARSON = Conjugate(_identity, lambda t: (1 + t / 2).clamp(min=0).square() - 1, name="pearson")
r"""Pearson's chi-squared, :math:`f(u) = (u - 1)^2`; :math:`D_f = \int (p - q)^2 / q`.

No ratio has a slope f' below -2: there :math:`f^*` stays -1, where the parabola :math:`t + t^2 / 4` of common tables
rises again and would turn the generator round.
"""

NEYMAN = Conjugate(
    lambda v: 1 - (-v).exp(), lambda t: 2 - 2 * (1 - t).sqrt(), lambda v: 2 - 2 * (-v / 2).exp(), name="neyman"
)
r"""Neyman's chi-squared, :math:`f(u) = (1 - u)^2 / u`; :math:`D_f = \int (p - q)^2 / p`."""

SQUARED_HELLINGER = Conjugate(
    lambda v: 1 - (-v).exp(), lambda t: t / (1 - t), lambda v: v.exp() - 1, name="squared_hellinger"
)
r""":math:`f(u) = (\sqrt u - 1)^2`; :math:`D_f = \int (\sqrt p - \sqrt q)^2`, at most 2."""

TOTAL_VARIATION = Conjugate(lambda v: torch.tanh(v) / 2, _identity, name="total_variation")
r""":math:`f(u) = |u - 1| / 2`; :math:`D_f = \int |p - q| / 2`, at most 1."""


class Divergence(Pointwise):
    r"""f-GAN: the critic's best value is minus an f-divergence between data and generator.

    .. math::
        L_D = -E\,g_f(D(x)) + E\,f^*(g_f(D(y))), \qquad L_G = -E\,f^*(g_f(D(y))), \qquad k = g_f

    At the best critic :math:`g_f(D^*) = f'(p/q)` and :math:`L_D = -D_f(p \| q)`. With ``trick=True`` the generator
    minimizes :math:`-E\,g_f(D(y))` instead (and k is :math:`f^* \circ g_f`), which does not vanish where the critic is
    sure (section 3.2 of the paper; under total variation, bounded on both sides, it does). Several pairs hold
    exponentials: keep the critic smooth (R1) or the steps small.

    Arguments:
        pair: the divergence: ``KL``, ``REVERSE_KL``, ``JENSEN_SHANNON``, ``PEARSON``, ``NEYMAN``,
            ``SQUARED_HELLINGER``, ``TOTAL_VARIATION`` of :mod:`gansmith.objectives.divergence`, or one's own.
        trick: whether the generator raises :math:`g_f` instead of lowering the divergence's own term.

    References:
        f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization, Nowozin, Cseke and
        Tomioka, 2016, https://arxiv.org/abs/1606.00709.

    Example:
        >>> critic = lambda s: s[:, 0]
        >>> Divergence(KL).critic_loss(critic, torch.tensor([[3.0]]), torch.tensor([[1.0]]))  # -3 + exp(1 - 1)
        tensor(-2.)
    """

    logits = True

    def __init__(self, pair: Conjugate = JENSEN_SHANNON, trick: bool = False) -> None:
        if not isinstance(pair, Conjugate):
            raise ValueError(f"needs a Conjugate pair, such as gansmith.objectives.divergence.KL, but got {pair!r}")

        def raised(t: Tensor) -> Tensor:
            return -pair.of_real(t)

        def lowered(t: Tensor) -> Tensor:
            return -pair.of_fake(t)

        if trick:
            super().__init__(raised, pair.of_fake, raised, pair.of_fake)
        else:
            super().__init__(raised, pair.of_fake, lowered, pair.of_real)
        self.pair, self.trick = pair, trick
