"""Relativistic objectives: is the real sample more real than the fake one?"""

from __future__ import annotations

from torch import Tensor

from gansmith.duel.checks import same_size
from gansmith.duel.ranks import gather
from gansmith.duel.samples import Critic, Sample
from gansmith.duel.scores import score, still
from gansmith.notes import note
from gansmith.objectives.base import Objective
from gansmith.objectives.pointwise import NonSaturating, Pointwise


class Relativistic(Objective):
    r"""The relativistic GAN, paired (RpGAN) or against the other batch's average (RaGAN).

    .. math::
        L_D = E\,f(D(x) - D(y)), \qquad L_G = E\,f(D(y) - D(x)), \qquad f(t) = \log(1 + e^{-t})

    with x real, y fake, paired by their place in the batch; one term and no factor 1/2. With ``average=True``

    .. math::
        L_D = \tfrac12 [E\,f(D(x) - \bar D(y)) + E\,g(D(y) - \bar D(x))], \qquad g(t) = \log(1 + e^{t})

    and the generator's loss with x and y exchanged. The paired form's best critic is :math:`\log p/q + c`; its value is
    :math:`\log 2 - \mathrm{JSD}(p \otimes q, q \otimes p)`. Adding a constant to the critic changes nothing, so that a
    last bias gets no gradient. The note ``ahead`` is the share of pairs whose real sample scores higher. The average is
    no mean over samples: ranks are gathered, micro-batches refused.

    Arguments:
        average: compare with the mean score of the other batch instead of with one partner.
        of: whose f and g (h and k are not read): ``Hinge()`` makes it RaHinge, ``LeastSquares(-1, 1, 1)`` RaLSGAN up to
            its factor 1/2; the logistic ones of :class:`NonSaturating` by default.

    Note:
        The paper writes the average form as a sum, without the 1/2; the author's code has it, and so has this class.

    Raises:
        ValueError: the paired form got batches of different sizes.

    References:
        The relativistic discriminator, Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734;
        The GAN is dead; long live the GAN!, Huang et al., 2024, https://arxiv.org/abs/2501.05441.

    Example:
        >>> import torch
        >>> critic = lambda s: s[:, 0]
        >>> Relativistic().critic_loss(critic, torch.tensor([[3.0]]), torch.tensor([[3.0]]))  # log 2
        tensor(0.6931)
    """

    places = True

    def __init__(self, average: bool = False, of: Pointwise | None = None) -> None:
        super().__init__()
        if of is not None and not isinstance(of, Pointwise):
            raise ValueError(f"needs a pointwise objective, such as of=Hinge(), but got {of!r}")
        self.average, self.of = average, of or NonSaturating()
        self.additive, self.logits = not average, self.of.logits

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        self._check(real, fake)
        high, low = score(critic, real), score(critic, fake)
        if not self.average:
            note("ahead", (high > low).to(high.dtype).mean())
        return self._prefer(high, low)

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        self._check(real, fake)
        with still():  # the real scores weigh the generator's gradient, and have none of their own in it
            reals = score(critic, real)
        return self._prefer(score(critic, fake), reals)

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        self._check(real, fake)
        return self._prefer(score(critic, fake), score(critic, real))

    def _check(self, real: Sample, fake: Sample) -> None:
        if not self.average:
            same_size(real, fake)

    def _prefer(self, high: Tensor, low: Tensor) -> Tensor:
        if not self.average:
            return self.of.f(high - low).mean()
        high, low = gather(high), gather(low)
        return (self.of.f(high - low.mean()).mean() + self.of.g(low - high.mean()).mean()) / 2
