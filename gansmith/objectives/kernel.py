"""MMD GAN: the kernel discrepancy between features."""

from __future__ import annotations

from functools import cache

from torch import Tensor

from gansmith.duel.ranks import gather
from gansmith.duel.samples import Critic, Sample
from gansmith.duel.scores import features, full_precision, still
from gansmith.duel.slopes import Witness
from gansmith.objectives.base import Objective
from gansmith.objectives.kernels import Kernel, RationalQuadratic


class KernelDiscrepancy(Objective):
    r"""MMD GAN: the squared maximum mean discrepancy between the critic's features of real and of fake samples.

    .. math::
        \mathrm{MMD}^2 = E k(\phi(x), \phi(x')) + E k(\phi(y), \phi(y')) - 2 E k(\phi(x), \phi(y)), \qquad
        L_G = \mathrm{MMD}^2

    .. math::
        L_D = (1 + c)\, E k(\phi(x), \phi(y)) - E k(\phi(y), \phi(y')) - c\, E k(\phi(x), \phi(x'))

    With c = 1 the critic's loss is :math:`-\mathrm{MMD}^2`. With c = -1 it is the repulsive one,
    :math:`E k(x, x') - E k(y, y')`: the critic spreads the features of real samples instead of contracting them. The
    estimate is unbiased (pairs of different samples only), and may be negative; it is no mean over samples.

    Arguments:
        kernel: of features; see :mod:`gansmith.objectives.kernels`.
        contraction: c.
        bounds: (low, high): in the critic's loss squared distances of fake features are seen as at least low, those of
            real ones as at most high (0.25 and 4 in the repulsive paper's code); None for no bounds.
        biased: also count pairs of a sample with itself, as the first MMD GAN's code does.

    Note:
        The first MMD GAN's code takes the root of the positive part, :math:`\sqrt{\max(\mathrm{MMD}^2, 0)}`, of the
        biased estimate, as the loss of both players; here ``biased`` changes the estimate alone. The repulsive paper's
        code leaves out the diagonal of the cross kernel, k(x_i, y_i), too; here all pairs of a real and a fake sample
        count, because they are independent. With equal batches both estimates have the same mean.

    Raises:
        ValueError: fewer than two samples of a kind, in the unbiased form.

    References:
        MMD GAN: Towards Deeper Understanding of Moment Matching Network, Li et al., 2017,
        https://arxiv.org/abs/1705.08584; Demystifying MMD GANs, Binkowski et al., 2018,
        https://arxiv.org/abs/1801.01401; Improving MMD-GAN Training with Repulsive Loss Function, Wang, Sun and
        Halgamuge, 2018, https://arxiv.org/abs/1812.09916.

    Example:
        >>> import torch
        >>> from gansmith.objectives.kernels import RBF
        >>> x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[5.0], [6.0]])
        >>> KernelDiscrepancy(RBF((1.0,))).generator_loss(lambda s: s, x, y)  # about 2 exp(-1/2)
        tensor(1.2129)
    """

    additive = False

    def __init__(
        self,
        kernel: Kernel | None = None,
        contraction: float = 1.0,
        bounds: tuple[float, float] | None = None,
        biased: bool = False,
    ) -> None:
        super().__init__()
        if kernel is not None and (isinstance(kernel, type) or not callable(kernel)):
            raise ValueError(f"needs a kernel, such as RBF() of gansmith.objectives.kernels, but got {kernel!r}")
        if bounds is not None and not 0 <= bounds[0] <= bounds[1]:
            raise ValueError(f"needs bounds 0 <= low <= high of squared distances, but got {bounds}")
        self.kernel: Kernel = kernel or RationalQuadratic()
        self.contraction, self.bounds, self.biased = contraction, bounds, biased

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        phi, psi = self._read(critic, real), self._read(critic, fake)
        low, high = self.bounds or (0.0, float("inf"))
        with full_precision(phi):
            loss = -self._within(psi, low=low) - self.contraction * self._within(phi, high=high)
            if self.contraction != -1:
                loss = loss + (1 + self.contraction) * self.kernel(phi, psi).mean()
            return loss

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        with still():
            phi = self._read(critic, real)
        return self._discrepancy(phi, self._read(critic, fake))

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self._discrepancy(self._read(critic, real), self._read(critic, fake))

    def witness(self, critic: Critic, real: Sample, fake: Sample) -> Critic:
        r""":math:`\phi \mapsto E k(\phi, \phi(x)) - E k(\phi, \phi(y))`, whose means differ by the discrepancy."""

        @cache
        def anchors() -> tuple[Tensor, Tensor]:
            return self._read(critic, real), self._read(critic, fake)

        def head(phi: Tensor) -> Tensor:
            with full_precision(phi):
                high, low = (self.kernel(phi, anchor).mean(1) for anchor in anchors())
                return high - low

        return Witness(critic, head)

    def _discrepancy(self, phi: Tensor, psi: Tensor) -> Tensor:
        with full_precision(phi):
            return self._within(phi) + self._within(psi) - 2 * self.kernel(phi, psi).mean()

    def _within(self, phi: Tensor, low: float = 0.0, high: float = float("inf")) -> Tensor:
        """The mean of the kernel over pairs of one batch."""
        matrix = self.kernel(phi, phi, low, high)
        return matrix.mean() if self.biased else (matrix.sum() - matrix.diagonal().sum()) / (len(phi) * (len(phi) - 1))

    def _read(self, critic: Critic, sample: Sample) -> Tensor:
        phi = gather(features(critic, sample))
        if len(phi) < 2 and not self.biased:
            raise ValueError(f"needs at least two samples of each kind for pairs of them, but got {len(phi)}")
        return phi
