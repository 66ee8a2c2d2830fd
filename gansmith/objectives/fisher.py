"""Fisher GAN: a mean gap whose scale is fixed by the scores' own second moment."""

from __future__ import annotations

import torch
from torch import Tensor

from gansmith.duel.ranks import gather
from gansmith.duel.samples import Critic, Sample
from gansmith.duel.scores import score
from gansmith.notes import Notes, note
from gansmith.objectives.base import Objective


class Fisher(Objective):
    r"""Fisher GAN, by an augmented Lagrangian.

    .. math::
        L_D = -\big[E D(x) - E D(y) + \Lambda (1 - \Omega) - \tfrac{\rho}{2} (1 - \Omega)^2\big], \qquad
        \Omega = \tfrac12 E D(x)^2 + \tfrac12 E D(y)^2, \qquad L_G = -E D(y)

    The constraint :math:`\Omega = 1` takes the place of a Lipschitz bound, and leaves the critic's weights alone. The
    multiplier falls by :math:`\rho (1 - \Omega)` after each move of the critic (``advance_``, with the value from
    before the move); it starts at 0. At the best critic :math:`D^* \propto (p - q) / (p + q)` and the gap is
    :math:`\sqrt{\int (p - q)^2 / \tfrac12 (p + q)}`, at most 2. The loss is no mean over samples.

    In a loop of one's own call ``advance_`` once after each of the critic's steps, with the notes of its loss (``with
    notes() as values:``, as in the README): without it the multiplier stays 0.

    Arguments:
        rho: of the quadratic term, and step of the multiplier; 1e-6 in the authors' code.

    Raises:
        ValueError: rho is not positive.

    References:
        Fisher GAN, Mroueh and Sercu, 2017, https://arxiv.org/abs/1705.09675, and its code.

    Example:
        >>> critic, x, y = lambda s: s[:, 0], torch.tensor([[1.0]]), torch.tensor([[-1.0]])
        >>> Fisher().critic_loss(critic, x, y)  # the gap; Omega is 1
        tensor(-2.)
    """

    additive = False
    places = True
    multiplier: Tensor

    def __init__(self, rho: float = 1e-6) -> None:
        super().__init__()
        if not rho > 0:
            raise ValueError(f"needs rho above 0, but got {rho}")
        self.rho = rho
        self.register_buffer("multiplier", torch.zeros(()))

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        reals, fakes = gather(score(critic, real)), gather(score(critic, fake))
        slack = 1 - (reals.square().mean() + fakes.square().mean()) / 2
        note("slack", slack)
        return fakes.mean() - reals.mean() - self.multiplier * slack + self.rho / 2 * slack.square()

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return -gather(score(critic, fake)).mean()

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return gather(score(critic, real)).mean() - gather(score(critic, fake)).mean()

    @torch.no_grad()
    def advance_(self, notes: Notes) -> None:
        if "slack" in notes:  # the generator's loss has no such note
            self.multiplier -= self.rho * notes["slack"].to(self.multiplier)
