"""Objectives that are means of functions of one score: the original GAN, LSGAN, hinge, Wasserstein, and one's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from gansmith.duel.samples import Critic, Sample
from gansmith.duel.scores import score
from gansmith.objectives.base import Objective

Function = Callable[[Tensor], Tensor]


class Pointwise(Objective):
    r"""The general form: three functions of one score (and a fourth where real samples move too).

    .. math::
        L_D = E f(D(x)) + E g(D(G(z))), \qquad L_G = E h(D(G(z))), \qquad L_J = E h(D(G(z))) + E k(D(x))

    Means over the batch, the sum of both terms without a factor 1/2; all are minimized, a high score means real.

    Arguments:
        f: for real scores in the critic's loss, scores (n,) -> values (n,).
        g: for fake scores in the critic's loss.
        h: for fake scores in the generator's loss.
        k: for real scores in the joint loss; ``g`` by default.

    Example:
        >>> square = Pointwise(lambda t: (t - 1) ** 2, lambda t: t**2, lambda t: (t - 1) ** 2)
        >>> critic, x, y = lambda s: s[:, 0], torch.tensor([[0.5]]), torch.tensor([[2.0]])
        >>> square.critic_loss(critic, x, y), square.generator_loss(critic, x, y)
        (tensor(4.2500), tensor(1.))
    """

    places = True

    def __init__(self, f: Function, g: Function, h: Function, k: Function | None = None) -> None:
        super().__init__()
        if not all(map(callable, (f, g, h))):
            raise ValueError("needs f, g and h, functions of scores (n,) -> (n,), but one of them cannot be called")
        self.f, self.g, self.h, self.k = f, g, h, k or g

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self.f(score(critic, real)).mean() + self.g(score(critic, fake)).mean()

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self.h(score(critic, fake)).mean()

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self.h(score(critic, fake)).mean() + self.k(score(critic, real)).mean()


def _identity(t: Tensor) -> Tensor:
    return t


def _miss(t: Tensor) -> Tensor:
    return softplus(-t)


def _hit(t: Tensor) -> Tensor:
    return -softplus(-t)


def _sure(t: Tensor) -> Tensor:
    return -softplus(t)


def _half_square(target: float, t: Tensor) -> Tensor:
    return (t - target).square() / 2


def _distance_to(target: float) -> Function:
    return partial(_half_square, target)


def _below(t: Tensor) -> Tensor:
    return relu(1 - t)


def _above(t: Tensor) -> Tensor:
    return relu(1 + t)


class NonSaturating(Pointwise):
    r"""The original GAN with the generator's loss that does not saturate.

    .. math::
        f(t) = h(t) = \log(1 + e^{-t}), \qquad g(t) = \log(1 + e^{t})

    At the best critic :math:`D^* = \log p/q` and :math:`L_D = 2 \log 2 - 2\,\mathrm{JSD}(p, q)`.

    References:
        Generative Adversarial Networks, Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, equation (1) and the
        last paragraph of section 3.

    Example:
        >>> critic = lambda s: s[:, 0]
        >>> NonSaturating().critic_loss(critic, torch.zeros(2, 1), torch.zeros(2, 1))  # 2 log 2
        tensor(1.3863)
    """

    logits = True

    def __init__(self) -> None:
        super().__init__(_miss, softplus, _miss)


class Saturating(Pointwise):
    r"""The original GAN as a zero-sum game: the generator maximizes what the critic minimizes.

    .. math::
        f(t) = \log(1 + e^{-t}), \qquad g(t) = -h(t) = \log(1 + e^{t}), \qquad k = -f

    The critic's side is that of :class:`NonSaturating`; the generator's gradient :math:`|h'(t)| = \sigma(t)` vanishes
    where the critic is sure of a fake sample. For theory, and for what analyzes the zero-sum game.

    References:
        Generative Adversarial Networks, Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, equation (1).

    Example:
        >>> critic = lambda s: s[:, 0]
        >>> Saturating().generator_loss(critic, torch.zeros(2, 1), torch.zeros(2, 1))  # -log 2
        tensor(-0.6931)
    """

    logits = True

    def __init__(self) -> None:
        super().__init__(_miss, softplus, _sure, _hit)


class LeastSquares(Pointwise):
    r"""LSGAN: scores are regressed on targets.

    .. math::
        f(t) = \tfrac12 (t - b)^2, \qquad g(t) = \tfrac12 (t - a)^2, \qquad h(t) = \tfrac12 (t - c)^2,
        \qquad k(t) = \tfrac12 (t - (a + b - c))^2

    With the factor 1/2 of the paper, the sum of both terms. The best critic is :math:`D^* = (b p + a q) / (p + q)`.
    With :math:`b - c = 1` and :math:`b - a = 2`, as in (-1, 1, 0), :math:`E (D - c)^2` over p and q is
    :math:`\int (p - q)^2 / (p + q)` at the best critic; (0, 1, 1) is what is used in practice.

    Arguments:
        a: the critic's target for fake scores.
        b: the critic's target for real scores, above a.
        c: the generator's target for fake scores, above a.

    Raises:
        ValueError: b or c is not above a, so that a high score would not mean real.

    References:
        Least Squares Generative Adversarial Networks, Mao et al., 2016, https://arxiv.org/abs/1611.04076, equation (2).

    Example:
        >>> critic = lambda s: s[:, 0]
        >>> LeastSquares().critic_loss(critic, torch.tensor([[3.0]]), torch.tensor([[2.0]]))  # (3 - 1)^2 / 2 + 2^2 / 2
        tensor(4.)
    """

    def __init__(self, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> None:
        if not (b > a and c > a):
            raise ValueError(
                f"needs targets b and c above a, because a high score means real, but got a={a}, b={b}, c={c}: "
                "raise b and c, or lower a"
            )
        super().__init__(_distance_to(b), _distance_to(a), _distance_to(c), _distance_to(a + b - c))


class Hinge(Pointwise):
    r"""The hinge loss of geometric GAN.

    .. math::
        f(t) = [1 - t]_+, \qquad g(t) = [1 + t]_+, \qquad h(t) = -t, \qquad k(t) = t

    At the best critic :math:`D^* = \mathrm{sign}(p - q)` and :math:`L_D = 2 - 2\,\mathrm{TV}(p, q)`.

    References:
        Geometric GAN, Lim and Ye, 2017, https://arxiv.org/abs/1705.02894.

    Example:
        >>> critic = lambda s: s[:, 0]
        >>> Hinge().critic_loss(critic, torch.tensor([[0.5]]), torch.tensor([[-3.0]]))
        tensor(0.5000)
    """

    def __init__(self) -> None:
        super().__init__(_below, _above, torch.neg, _identity)


class Wasserstein(Pointwise):
    r"""The Wasserstein-1 distance by a critic that something else must keep Lipschitz.

    .. math::
        f(t) = -t, \qquad g(t) = t, \qquad h(t) = -t

    Among 1-Lipschitz critics the least :math:`L_D` is :math:`-W_1(p, q)`. Alone it is unbounded: add
    ``GradientPenalty(10)`` (WGAN-GP) or ``ClipWeights(0.01)`` (WGAN, which bounds some unknown multiple of W1).

    References:
        Wasserstein GAN, Arjovsky, Chintala and Bottou, 2017, https://arxiv.org/abs/1701.07875, equation (2).

    Example:
        >>> critic = lambda s: s[:, 0]
        >>> Wasserstein().critic_loss(critic, torch.tensor([[2.0]]), torch.tensor([[0.5]]))
        tensor(-1.5000)
    """

    def __init__(self) -> None:
        super().__init__(torch.neg, _identity, torch.neg)
