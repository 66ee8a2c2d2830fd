"""The variational discriminator bottleneck: a limit to what the critic may know of a sample."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gansmith.duel.critics import module_of
from gansmith.duel.samples import Critic, Sample
from gansmith.networks.stochastic import sampling
from gansmith.notes import Notes, note
from gansmith.regularizers.base import Regularizer


class Sampled:
    """A critic whose :class:`~gansmith.networks.StochasticCode` layers sample; returns (scores, rate).

    Made anew for each loss: its passes are numbered, and each has draws of its own.

    Arguments:
        critic: a network, a view or a function; what it returns beside its scores is dropped.
    """

    def __init__(self, critic: Critic) -> None:
        self.critic, self.passes = critic, 0

    @property
    def module(self) -> nn.Module:
        return module_of(self.critic)

    def __call__(self, sample: Sample) -> tuple[Any, Tensor]:
        self.passes += 1
        with sampling(f"code{self.passes}") as rates:
            output = self.critic(sample)
        if not rates:
            raise ValueError(
                "needs a critic with a stochastic code, but its pass ran no StochasticCode layer: let the "
                "layers before the score return 2 * size numbers and put gansmith.networks.StochasticCode(size) there"
            )
        return output[0] if isinstance(output, tuple) else output, torch.stack(rates).sum(0)


class Bottleneck(Regularizer):
    r"""Limits the information between a sample and the critic's code of it (VDB), by dual ascent.

    .. math::
        \beta\,(I - I_c), \qquad I = E\,\mathrm{KL}(N(\mu, s^2)\,\|\,N(0, 1)), \qquad
        \beta \leftarrow \max(0, \beta + \eta\,(I - I_c))

    The mean runs over real and fake samples together, in nats. The multiplier starts at 0 and moves after each of the
    critic's moves, by the rate that this move saw. In the critic's loss codes are sampled, in the generator's they are
    their mean, without any penalty. Rate and multiplier are noted as ``rate`` and ``multiplier``: a multiplier of 0 is
    right where the rate is below the limit.

    In a loop of one's own call ``advance_`` once after each of the critic's steps, with the notes of its loss (``with
    notes() as values:``, as in the README): without it the multiplier stays 0.

    Arguments:
        limit: :math:`I_c`, nats per sample.
        rate: :math:`\eta`, the step of the multiplier.

    Raises:
        ValueError: the critic has no ``StochasticCode`` layer, or its outputs were computed before (in O-GAN).

    References:
        Variational Discriminator Bottleneck, Peng et al., 2018, https://arxiv.org/abs/1810.00821.

    Example:
        >>> from gansmith.networks import StochasticCode
        >>> from gansmith.objectives import Hinge
        >>> critic = nn.Sequential(nn.Linear(2, 8), StochasticCode(4), nn.Linear(4, 1), nn.Flatten(0))
        >>> objective, x, y = Hinge() + Bottleneck(), torch.ones(8, 2), torch.zeros(8, 2)
        >>> objective.critic_loss(critic, x, y).shape
        torch.Size([])
    """

    multiplier: Tensor

    def __init__(self, limit: float = 0.1, rate: float = 1e-5) -> None:
        super().__init__()
        if not (limit >= 0 and rate > 0):
            raise ValueError(f"needs a limit >= 0 and a rate > 0, but got {limit} and {rate}")
        self.limit, self.rate = limit, rate
        self.register_buffer("multiplier", torch.zeros(()))

    def view(self, critic: Critic, side: str) -> Critic:
        if side != "critic" or isinstance(critic, Sampled):  # a second bottleneck limits the rate of the same code
            return critic
        return Sampled(critic)

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor:
        rate = torch.cat([_rates(critic(sample)) for sample in (real, fake)]).mean()
        note("rate", rate)
        note("multiplier", self.multiplier.clone())  # the buffer itself moves before the note is read
        return self.multiplier * (rate - self.limit)

    def advance_(self, notes: Notes) -> None:
        rate = notes["rate"].to(self.multiplier)
        self.multiplier.add_(rate - self.limit, alpha=self.rate).clamp_(min=0)


def _rates(output: Any) -> Tensor:
    if isinstance(output, tuple) and len(output) == 2 and isinstance(output[1], Tensor):
        return output[1]
    raise ValueError(
        f"needs the code's rate beside the scores, but the critic returned {type(output).__name__}: add the term to an "
        "objective, or pass bottleneck.view(critic, 'critic')"
    )
