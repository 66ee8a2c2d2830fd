"""McGan: critics of features whose means, covariances, or both are matched."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from gansmith.duel.ranks import gather
from gansmith.duel.samples import Critic, Sample
from gansmith.duel.scores import features, full_precision, still
from gansmith.duel.slopes import NoWitness, Witness
from gansmith.objectives import balls
from gansmith.objectives.base import Objective
from gansmith.objectives.eigen import signs_of_largest, sum_of_largest
from gansmith.objectives.frames import Exponential, Retracted

Head = Callable[[Tensor], Tensor]
Frame = Callable[[int, int], Retracted | Exponential]


class Matching(Objective):
    r"""An integral probability metric :math:`\sup_F E F(\phi(x)) - E F(\phi(y))` over functions F of features.

    In the primal F has parameters of its own, which the critic's player raises beside the features (they belong to its
    optimizer) and ``project_`` puts back into their set after each move; the generator's loss is then :math:`-E F(y)`,
    without the real samples' part, which it does not move. In
    the dual the best F for the batch at hand is known in closed form; the estimate is biased upward by the batch's
    noise, both moves need real samples, and the loss is no mean over samples. Nothing here bounds the features
    themselves: add ``ClipWeights(0.01)`` (the paper's) or a gradient penalty, which restrains :meth:`witness`.
    """

    def __init__(self, dual: bool, centered: bool = False) -> None:
        super().__init__()
        self.dual, self.centered, self.additive = dual, centered, not (dual or centered)

    def current(self) -> Head:
        """The primal's F: features (n, m) -> scores (n,)."""
        raise NotImplementedError

    def expect(self, phi: Tensor) -> Tensor:
        """The mean of the primal's F over a batch of features (n, m)."""
        return self.current()(phi).mean()

    def distance(self, real: Tensor, fake: Tensor) -> Tensor:
        """The dual: the value of the best F between two batches of features."""
        raise NotImplementedError

    def best(self, real: Tensor, fake: Tensor) -> Head:
        """The dual's F, the best one between two batches of features."""
        raise NotImplementedError

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return -self.joint_loss(critic, real, fake)

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        phi = self._read(critic, fake)
        if not self.dual:
            with full_precision(phi):
                return -self.expect(phi)
        with still():
            reals = self._read(critic, real)
        with full_precision(phi):
            return self.distance(reals, phi)

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        phi, psi = self._read(critic, real), self._read(critic, fake)
        with full_precision(phi):
            return self.distance(phi, psi) if self.dual else self.expect(phi) - self.expect(psi)

    def witness(self, critic: Critic, real: Sample, fake: Sample) -> Critic:
        if self.centered:
            return NoWitness(
                "needs second moments about zero to restrain a slope, but centered covariances compare each batch "
                "about its own mean: use centered=False, or bound the weights by ClipWeights"
            )

        @cache
        def function() -> Head:
            return self.best(self._read(critic, real), self._read(critic, fake)) if self.dual else self.current()

        def head(phi: Tensor) -> Tensor:
            with full_precision(phi):
                return function()(phi)

        return Witness(critic, head)

    def _read(self, critic: Critic, sample: Sample) -> Tensor:
        phi = features(critic, sample)
        return phi if self.additive else gather(phi)


class MeanMatching(Matching):
    r"""McGan with mean matching: the distance between the features' means.

    .. math::
        \sup_{\|v\|_p \le 1} \langle v, E\phi(x) - E\phi(y) \rangle = \|E\phi(x) - E\phi(y)\|_q, \qquad
        \tfrac1p + \tfrac1q = 1

    The critic minimizes minus this value, over the features and (in the primal, the left side) over v; the generator
    minimizes it (in the primal :math:`-\langle v, E\phi(y) \rangle`, what of it depends on y). ``project_`` is the
    Euclidean projection of v onto the ball: in a loop of one's own call it after the critic's steps, whose optimizer
    holds ``objective.parameters()``, too. Batches may differ in size.

    Arguments:
        p: 1, 2 or ``math.inf``: the ball of v. The dual is the conjugate norm.
        features: m, the critic's numbers per sample; needed in the primal, whose v (m,) is a parameter.
        dual: take the norm instead of learning v.

    Raises:
        ValueError: p is none of the three; the primal without ``features``, or with another number of them.

    References:
        McGan: Mean and Covariance Feature Matching GAN, Mroueh, Sercu and Goel, 2017, https://arxiv.org/abs/1702.08398.

    Example:
        >>> critic, x, y = lambda s: s, torch.tensor([[3.0, 4.0]]), torch.zeros(2, 2)
        >>> [MeanMatching(p, dual=True).generator_loss(critic, x, y).item() for p in (1, 2, float("inf"))]
        [4.0, 5.0, 7.0]
    """

    def __init__(self, p: float = 2.0, features: int | None = None, dual: bool = False) -> None:
        super().__init__(dual)
        self.p, self.q = p, balls.conjugate(p)
        if not dual:
            start = nn.functional.normalize(torch.randn(_needed(features, "v")), dim=0)
            self.v = nn.Parameter(balls.project(start, p))

    def current(self) -> Head:
        def along(phi: Tensor) -> Tensor:
            _check_width(phi, self.v)
            return phi @ self.v.to(phi.dtype)

        return along

    def distance(self, real: Tensor, fake: Tensor) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(real.mean(0) - fake.mean(0), self.q)
        return norm

    def best(self, real: Tensor, fake: Tensor) -> Head:
        v = balls.maximizer(real.mean(0) - fake.mean(0), self.p)
        return lambda phi: phi @ v

    @torch.no_grad()
    def project_(self, module: Critic) -> None:
        if not self.dual:
            self.v.copy_(balls.project(self.v, self.p))


class CovarianceMatching(Matching):
    r"""McGan with covariance matching: the distance between the features' second moments.

    .. math::
        \sup_{U, V \in O_{m,k}} \mathrm{tr}\, U^T S V = \sum_{i \le k} \sigma_i(S), \qquad
        S = E\phi(x)\phi(x)^T - E\phi(y)\phi(y)^T

    over pairs of orthonormal frames; the right side is the Ky Fan norm, the nuclear norm for k = m. S is indefinite, so
    that the best V is U up to a sign in each column. The primal is the mean of :math:`\langle U^T\phi, V^T\phi \rangle`
    over each batch; its parameters and ``project_`` belong to the critic's steps, as in :class:`MeanMatching`. Batches
    may differ in size.

    Arguments:
        k: columns of the frames, at most m.
        features: m, the critic's numbers per sample; needed in the primal, whose U and V (m, k) are parameters.
        dual: take the norm instead of learning U and V.
        centered: match covariances (each batch about its own mean, over n) instead of second moments about zero; the
            loss is then no mean over samples, and has no function of one sample whose slope could be restrained.
        frame: how U and V stay orthonormal: :class:`Retracted` (QR after each move) or :class:`Exponential`.

    Raises:
        ValueError: k > m, or the primal without ``features``, or with another number of them; a penalty asks for the
            slope of the centered form.

    References:
        McGan: Mean and Covariance Feature Matching GAN, Mroueh, Sercu and Goel, 2017, https://arxiv.org/abs/1702.08398.

    Example:
        >>> critic, x, y = lambda s: s, torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> [CovarianceMatching(k, dual=True).generator_loss(critic, x, y).item() for k in (1, 2)]  # S = diag(4, -1)
        [4.0, 5.0]
    """

    def __init__(
        self,
        k: int,
        features: int | None = None,
        dual: bool = False,
        centered: bool = False,
        frame: Frame = Retracted,
    ) -> None:
        super().__init__(dual, centered)
        if k < 1:
            raise ValueError(f"needs frames of at least one column, but got k={k}")
        self.k = k
        if features is not None:
            _check_columns(k, features)
        if not dual:
            m = _needed(features, "U and V")
            self.u, self.v = frame(m, k), frame(m, k)

    def current(self) -> Head:
        u: Tensor = self.u()
        v: Tensor = self.v()

        def form(phi: Tensor) -> Tensor:
            _check_width(phi, u)
            return ((phi @ u.to(phi.dtype)) * (phi @ v.to(phi.dtype))).sum(1)

        return form

    def expect(self, phi: Tensor) -> Tensor:
        return super().expect(self._about_mean(phi))

    def distance(self, real: Tensor, fake: Tensor) -> Tensor:
        _check_columns(self.k, real.shape[1])
        return sum_of_largest(self._moment(real) - self._moment(fake), self.k)

    def best(self, real: Tensor, fake: Tensor) -> Head:
        _check_columns(self.k, real.shape[1])
        matrix = signs_of_largest(self._moment(real) - self._moment(fake), self.k)
        return lambda phi: ((phi @ matrix) * phi).sum(1)

    def _moment(self, phi: Tensor) -> Tensor:
        phi = self._about_mean(phi)
        return phi.T @ phi / len(phi)

    def _about_mean(self, phi: Tensor) -> Tensor:
        return phi - phi.mean(0) if self.centered else phi

    def project_(self, module: Critic) -> None:
        if not self.dual:
            self.u.project_()
            self.v.project_()


class MeanCovarianceMatching(Matching):
    r"""McGan with both: the sum of :class:`MeanMatching` and :class:`CovarianceMatching` over the same features.

    .. math::
        \|E\phi(x) - E\phi(y)\|_q + \sum_{i \le k} \sigma_i(S)

    in the dual, and :math:`\langle v, \phi \rangle + \langle U^T\phi, V^T\phi \rangle` as the function in the primal.

    Arguments:
        p: of the mean's ball, see :class:`MeanMatching`.
        k: of the frames, see :class:`CovarianceMatching`.
        features: m; needed in the primal.
        dual: take the norms instead of learning v, U and V.
        centered: see :class:`CovarianceMatching`.
        frame: see :class:`CovarianceMatching`.

    Raises:
        ValueError: as the two.

    References:
        McGan: Mean and Covariance Feature Matching GAN, Mroueh, Sercu and Goel, 2017, https://arxiv.org/abs/1702.08398.

    Example:
        >>> critic, x, y = lambda s: s, torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> MeanCovarianceMatching(float("inf"), 2, dual=True).generator_loss(critic, x, y)  # 2 + 1, and 4 + 1
        tensor(8.)
    """

    def __init__(
        self,
        p: float = 2.0,
        k: int = 16,
        features: int | None = None,
        dual: bool = False,
        centered: bool = False,
        frame: Frame = Retracted,
    ) -> None:
        super().__init__(dual, centered)
        self.mean = MeanMatching(p, features, dual)
        self.covariance = CovarianceMatching(k, features, dual, centered, frame)

    def expect(self, phi: Tensor) -> Tensor:
        return self.mean.expect(phi) + self.covariance.expect(phi)

    def distance(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.mean.distance(real, fake) + self.covariance.distance(real, fake)

    def current(self) -> Head:
        return _sum(self.mean.current(), self.covariance.current())

    def best(self, real: Tensor, fake: Tensor) -> Head:
        return _sum(self.mean.best(real, fake), self.covariance.best(real, fake))

    def project_(self, module: Critic) -> None:
        self.mean.project_(module)
        self.covariance.project_(module)


def _sum(one: Head, other: Head) -> Head:
    return lambda phi: one(phi) + other(phi)


def _needed(count: int | None, what: str) -> int:
    if count is not None and count < 1:
        raise ValueError(f"needs at least one feature of each sample, but got features={count}")
    if count is None:
        raise ValueError(
            f"needs features=m in the primal, because {what} must exist before the optimizer, but got none: "
            "pass the critic's numbers per sample, or dual=True"
        )
    return count


def _check_width(phi: Tensor, weight: Tensor) -> None:
    if phi.shape[1] != len(weight):
        raise ValueError(
            f"needs {len(weight)} features of each sample, the number given to the objective, but got {phi.shape[1]}"
        )
    if phi.device != weight.device:
        raise ValueError(
            f"needs the objective where the features are, but it is on {weight.device} and they on {phi.device}: "
            "move it by objective.to(...)"
        )


def _check_columns(k: int, m: int) -> None:
    if k > m:
        raise ValueError(f"needs k of at most the number of features, but got k={k} and {m} features: lower k")
