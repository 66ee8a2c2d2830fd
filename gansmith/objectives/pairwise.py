"""GAN-QP in its general form: a critic of pairs."""

from __future__ import annotations

from torch import Tensor

from gansmith.duel.checks import same_size
from gansmith.duel.samples import Critic, Sample, parts
from gansmith.duel.scores import score
from gansmith.duel.slopes import NoWitness
from gansmith.objectives.base import Objective
from gansmith.objectives.quadratic import Distance, apart, mean_absolute, positive


class PairwiseQuadratic(Objective):
    r"""GAN-QP with a critic of pairs, :math:`T(x, y)`, which need not be a difference of scores.

    .. math::
        L_D = E\Big[\frac{\Delta^2}{2 \lambda d(x, y)} - \Delta\Big], \qquad L_G = E \Delta, \qquad
        \Delta = T(x, y) - T(y, x)

    with x real and y fake, paired by their place in the batch. The best gap is
    :math:`\Delta^* = \lambda d\, (w - w') / (w + w')` with :math:`w = p(x) q(y)` and :math:`w' = p(y) q(x)`, at most
    :math:`\lambda d`: the potential itself holds the critic's slope. The value is then
    :math:`-\tfrac{\lambda}{4} \iint d\, (w - w')^2 / (w + w')`, and the generator's loss twice its amount.

    Arguments:
        weight: :math:`\lambda`.
        distance: (x, y) -> (n,), nonnegative.

    Raises:
        ValueError: the batches differ in size; a penalty asks for the slope of a function of one sample, which a critic
            of pairs has not.

    References:
        GAN-QP: A Novel GAN Framework without Gradient Vanishing and Lipschitz Constraint, Su, 2018,
        https://arxiv.org/abs/1811.07296.

    Example:
        The critic is called with a tuple of both samples:

        >>> import torch
        >>> critic = lambda pair: (pair[0] * pair[1].exp())[:, 0]
        >>> x, y = torch.tensor([[1.0]]), torch.tensor([[0.0]])
        >>> PairwiseQuadratic(weight=1.0).critic_loss(critic, x, y)  # the gap is 1 - 0
        tensor(-0.5000)
    """

    eps = 1e-12  # a pair of equal samples has gap 0 and distance 0

    def __init__(self, weight: float = 10.0, distance: Distance = mean_absolute) -> None:
        super().__init__()
        self.weight, self.distance = positive("weight", weight), distance

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        gap = self._gap(critic, real, fake)
        return (gap.square() / (2 * self.weight * apart(self.distance, real, fake) + self.eps) - gap).mean()

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self._gap(critic, real, fake).mean()

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self._gap(critic, real, fake).mean()

    def witness(self, critic: Critic, real: Sample, fake: Sample) -> Critic:
        return NoWitness(
            "needs a critic of single samples to restrain its slope, but PairwiseQuadratic has one of pairs: "
            "leave the penalty out, the potential holds the slope, or use Quadratic"
        )

    def _gap(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        same_size(real, fake)
        there, back = (*parts(real), *parts(fake)), (*parts(fake), *parts(real))
        return score(critic, there) - score(critic, back)
