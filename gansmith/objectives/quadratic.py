"""GAN-QP: a quadratic potential in the critic's gap replaces any constraint on the critic."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gansmith.duel.checks import same_shape, same_size
from gansmith.duel.samples import Critic, Sample, parts
from gansmith.duel.scores import full, score, still
from gansmith.objectives.base import Objective

Distance = Callable[[Sample, Sample], Tensor]


def mean_absolute(x: Sample, y: Sample) -> Tensor:
    """Mean absolute difference (n,) over all that belongs to a sample (L1 over the number of pixels).

    Example:
        >>> mean_absolute(torch.zeros(1, 2), torch.tensor([[1.0, 3.0]]))
        tensor([2.])
    """
    return _mean(torch.abs, x, y)


def root_mean_square(x: Sample, y: Sample) -> Tensor:
    """Root of the mean squared difference (n,) (L2 over the root of the number of pixels).

    Example:
        >>> root_mean_square(torch.zeros(1, 2), torch.tensor([[1.0, 7.0]]))
        tensor([5.])
    """
    return mean_square(x, y).clamp(min=1e-24).sqrt()  # the root's derivative at 0 is infinite


def mean_square(x: Sample, y: Sample) -> Tensor:
    """Mean squared difference (n,).

    Example:
        >>> mean_square(torch.zeros(1, 2), torch.tensor([[1.0, 7.0]]))
        tensor([25.])
    """
    return _mean(torch.square, x, y)


def _mean(of: Callable[[Tensor], Tensor], x: Sample, y: Sample) -> Tensor:
    """Parts of a tuple add up: each is averaged over its own entries."""
    terms = [of(_floats(a) - _floats(b)).flatten(1).mean(1) for a, b in zip(parts(x), parts(y), strict=True)]
    return terms[0] if len(terms) == 1 else torch.stack(terms).sum(0)


def _floats(x: Tensor) -> Tensor:
    if not x.is_floating_point():
        raise ValueError(f"needs samples of floats to take distances, but got {x.dtype}: scale pictures to [-1, 1]")
    return full(x)


def apart(distance: Distance, x: Sample, y: Sample) -> Tensor:
    """The distance of each pair (n,), by a function that may be the user's.

    Raises:
        ValueError: samples or distances of another shape.
    """
    same_shape(x, y)
    distances = distance(x, y)
    if distances.shape != (len(parts(x)[0]),):
        raise ValueError(
            f"needs a distance of each pair, shape ({len(parts(x)[0])},), but it returned {tuple(distances.shape)}: "
            "reduce over all that belongs to a sample, and keep no dimension"
        )
    return distances


def positive(name: str, value: float) -> float:
    """The value, where it is above 0.

    Raises:
        ValueError: it is not.
    """
    if not value > 0:
        raise ValueError(f"needs a {name} above 0, but got {value}")
    return value


class Quadratic(Objective):
    r"""GAN-QP with a critic of single samples, paired by their position in the batch.

    .. math::
        L_D = E\Big[\frac{\Delta^2}{2 \lambda d(x, y)} - \Delta\Big], \qquad L_G = E \Delta, \qquad
        \Delta = D(x) - D(y)

    The generator's loss holds no quadratic term: it would pull samples together in pixel space. Between two points the
    best gap is :math:`\lambda d`, the value :math:`-\lambda d / 2`, and the generator's gradient does not vanish.

    Arguments:
        weight: :math:`\lambda`, 10 in the paper's code, where d is a mean over pixels.
        distance: (x, y) -> (n,), nonnegative; :func:`mean_absolute` or :func:`root_mean_square`.

    Raises:
        ValueError: the batches differ in size.

    References:
        GAN-QP: A Novel GAN Framework without Gradient Vanishing and Lipschitz Constraint, Su, 2018,
        https://arxiv.org/abs/1811.07296.

    Example:
        >>> critic, x, y = lambda s: s[:, 0], torch.tensor([[1.0]]), torch.tensor([[0.0]])
        >>> Quadratic(weight=1.0).critic_loss(critic, x, y)  # 1/2 - 1
        tensor(-0.5000)
    """

    eps = 1e-12  # a pair of equal samples has gap 0 and distance 0

    def __init__(self, weight: float = 10.0, distance: Distance = mean_absolute) -> None:
        super().__init__()
        self.weight, self.distance = positive("weight", weight), distance

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        same_size(real, fake)
        gap = score(critic, real) - score(critic, fake)
        return (gap.square() / (self.room(real, fake) + self.eps) - gap).mean()

    def room(self, real: Sample, fake: Sample) -> Tensor:
        """What the squared gap of each pair is divided by, (n,)."""
        return 2 * self.weight * apart(self.distance, real, fake)

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        same_size(real, fake)
        with still():  # a constant that makes the value the gap
            reals = score(critic, real)
        return (reals - score(critic, fake)).mean()

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        same_size(real, fake)
        return (score(critic, real) - score(critic, fake)).mean()


class SlopeQuadratic(Quadratic):
    r"""The quadratic potential that O-GAN's experiments use: the *squared* slope between real and fake is restrained.

    .. math::
        L_D = E\Big[\lambda \frac{\Delta^2}{\overline{(x - y)^2}} - \Delta\Big], \qquad L_G = E \Delta

    with the mean of the squared difference over pixels: a finite-difference penalty along the pair, zero-centered, and
    a relative of WGAN-div with p = 2. Between two points the best gap is :math:`\overline{(x - y)^2} / 2\lambda`.

    Arguments:
        weight: :math:`\lambda`, 0.25 in the author's code. With a sum over pixels instead of the mean it would be
            0.25 times the number of pixels.

    References:
        O-GAN: Extremely Concise Approach for Auto-Encoding Generative Adversarial Networks, Su, 2019,
        https://arxiv.org/abs/1903.01931, and its code.

    Example:
        >>> critic, x, y = lambda s: s[:, 0], torch.tensor([[2.0]]), torch.tensor([[0.0]])
        >>> SlopeQuadratic(weight=0.25).critic_loss(critic, x, y)  # 0.25 * 4 / 4 - 2
        tensor(-1.7500)
    """

    def __init__(self, weight: float = 0.25) -> None:
        super().__init__(weight, mean_square)

    def room(self, real: Sample, fake: Sample) -> Tensor:
        return apart(self.distance, real, fake) / self.weight
