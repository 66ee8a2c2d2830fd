"""Errors planted in the objectives of the zoo, in terms and in dynamics, beside those of ``planted``."""

import math

import torch
from planted import planted

from gansmith.dynamics import consensus, optimistic, rates, rungekutta, transforms
from gansmith.dynamics.extragradient import Extragradient
from gansmith.dynamics.gradients import combine
from gansmith.dynamics.simultaneous import Simultaneous
from gansmith.dynamics.transforms import Project
from gansmith.networks import StochasticCode
from gansmith.objectives import (
    CovarianceMatching,
    Fisher,
    KernelDiscrepancy,
    LeastSquares,
    MeanMatching,
    PairwiseQuadratic,
    balls,
    frames,
    kernels,
    matching,
    pointwise,
)
from gansmith.objectives.divergence import Conjugate
from gansmith.objectives.matching import Matching
from gansmith.regularizers import (
    Bottleneck,
    Consistency,
    FeatureMatching,
    Lazy,
    LeCam,
    OrthogonalWeights,
    dragan,
    gradient_power,
)

# f-GAN and LSGAN


@planted(
    "every activation of an f-GAN is twice as steep",
    "f-GAN, sum of p log p/q",
    "f-GAN, sum of q log q/p: the best critic",
    "f-GAN, 2 JSD: the best critic",
    "f-GAN, sum of (p - q)^2/q",
    "f-GAN, sum of (p - q)^2/p: the best critic",
    "f-GAN, sum of (sqrt p - sqrt q)^2: the best critic",
    "two lines t apart, f-GAN, KL, by the trick",
)
def _(patch):
    right = Conjugate.of_real
    patch.setattr(Conjugate, "of_real", lambda self, score: right(self, 2 * score))


@planted(
    "the conjugate of every f is shifted",
    "f-GAN, sum of p log p/q: the best critic",
    "f-GAN, sum of q log q/p: the best critic",
    "f-GAN, 2 JSD: the best critic",
    "f-GAN, sum of (p - q)^2/q: the best critic",
    "f-GAN, sum of (p - q)^2/p: the best critic",
    "f-GAN, sum of (sqrt p - sqrt q)^2: the best critic",
    "f-GAN, total variation: scores",
)
def _(patch):
    right = Conjugate.of_fake
    patch.setattr(Conjugate, "of_fake", lambda self, score: right(self, score) - 0.5)


@planted(
    "the conjugate of every f is a tenth too steep",
    "f-GAN, sum of p log p/q: f'",
    "f-GAN, sum of q log q/p: f'",
    "f-GAN, 2 JSD: f'",
    "f-GAN, sum of (p - q)^2/q: f'",
    "f-GAN, sum of (p - q)^2/p: f'",
    "f-GAN, sum of (sqrt p - sqrt q)^2: f'",
    "f-GAN, total variation: f'",
    "two lines t apart, f-GAN, KL: dL_G/dt",
    "Dirac GAN, f-GAN",
)
def _(patch):
    right = Conjugate.of_fake
    patch.setattr(Conjugate, "of_fake", lambda self, score: 1.1 * right(self, score))


@planted(
    "least squares have no factor 1/2",
    "LSGAN: the best critic",
    "LSGAN with targets -1, 1, 0",
    "LSGAN with targets a, b, c",
    "two lines t apart, LSGAN",
    "Dirac GAN, LSGAN",
)
def _(patch):
    patch.setattr(pointwise, "_distance_to", lambda target: lambda t: (t - target).square())


@planted("the critic's target for fake scores is forgotten", "LSGAN: the best critic", "LSGAN with targets a, b, c")
def _(patch):
    right = LeastSquares.__init__
    patch.setattr(LeastSquares, "__init__", lambda self, a=0.0, b=1.0, c=1.0: right(self, 0.0, b, c))


@planted(
    "the softplus that saturates is too steep",
    "saturating:",
    "two lines t apart, saturating",
    "Dirac GAN, saturating",
)
def _(patch):
    patch.setattr(pointwise, "_sure", lambda t: -torch.nn.functional.softplus(2 * t))


# critics of pairs


@planted("a gap of pairs is not antisymmetric", "GAN-QP of pairs: the best gap")
def _(patch):
    right = PairwiseQuadratic._gap
    patch.setattr(
        PairwiseQuadratic, "_gap", lambda self, critic, x, y: right(self, critic, x, y) - 0.1 * critic((y, x))
    )


@planted(
    "the room of pairs has no factor 2",
    "two lines t apart, GAN-QP of pairs",
    "GAN-QP of pairs: the best gap",
)
def _(patch):
    right = PairwiseQuadratic.__init__
    patch.setattr(PairwiseQuadratic, "__init__", lambda self, weight, *rest: right(self, weight / 2, *rest))


# McGan


@planted(
    "the dual norm is that of the ball itself",
    "McGan, means: the dual is the norm",
    "McGan, means: projected ascent",
)
def _(patch):
    patch.setattr(balls, "conjugate", lambda p: p)
    right = MeanMatching.__init__

    def init(self, p=2.0, features=None, dual=False):
        right(self, p, features, dual)
        self.q = p

    patch.setattr(MeanMatching, "__init__", init)
    patch.setattr(balls, "project", lambda v, p: v / torch.linalg.vector_norm(v, p).clamp(min=1))


@planted(
    "means are sums",
    "McGan, means: the dual",
    "McGan, means: over all batches",
    "McGan, both",
    "McGan: the dual's gradient",
    "two lines t apart, features the points: McGan of means",
    "mean matching of 20,000",
)
def _(patch):
    right = MeanMatching.distance
    patch.setattr(MeanMatching, "distance", lambda self, real, fake: len(real) * right(self, real, fake))


@planted(
    "vectors are scaled into the ball instead of projected",
    "McGan: v is projected",
)
def _(patch):
    patch.setattr(balls, "project", lambda v, p: v / torch.linalg.vector_norm(v, p).clamp(min=1))


@planted(
    "second moments are sums over samples",
    "McGan, covariances: the dual",
    "McGan, centered covariances",
    "McGan, both",
    "McGan: the dual's gradient",
)
def _(patch):
    right = CovarianceMatching._moment
    patch.setattr(CovarianceMatching, "_moment", lambda self, phi: right(self, phi) * len(phi))


@planted(
    "the primal of the covariance reads U for V",
    "McGan, covariances: of a hundred",
    "McGan, covariances: ascent",
    "McGan, covariances: frames that are exponentials",
)
def _(patch):
    def current(self):
        u = self.u()
        return lambda phi: ((phi @ u) * (phi @ u)).sum(1)

    patch.setattr(CovarianceMatching, "current", current)


@planted(
    "the primal of the covariance is a tenth too large",
    "McGan, covariances: of a hundred",
    "McGan, covariances: ascent",
)
def _(patch):
    right = Matching.expect
    patch.setattr(Matching, "expect", lambda self, phi: 1.9 * right(self, phi))


@planted("frames are not put back", "McGan, covariances: ascent")
def _(patch):
    patch.setattr(frames.Retracted, "project_", lambda self: None)


@planted(
    "centered moments are not centered",
    "McGan, centered covariances",
)
def _(patch):
    patch.setattr(CovarianceMatching, "_about_mean", lambda self, phi: phi)


@planted("the best U and V have no signs", "McGan: the slope of the dual's best function")
def _(patch):
    def unsigned(matrix, k):
        values, vectors = torch.linalg.eigh(matrix)
        top = vectors[:, values.abs().topk(k).indices]
        return top @ top.T

    patch.setattr(matching, "signs_of_largest", unsigned)


@planted(
    "a slope of the dual's best function goes through the batch that it was made from",
    "McGan: the slope of the dual's best function",
)
def _(patch):
    from gansmith.duel import slopes

    patch.setattr(
        slopes.Witness,
        "gradient",
        slopes._gradient,
    )


@planted("signs of R are dropped", "frames: QR", "frames: an orthonormal matrix")
def _(patch):
    patch.setattr(frames, "retract", lambda matrix: torch.linalg.qr(matrix).Q)


@planted("the exponential's matrix is not skew", "frames: the exponential")
def _(patch):
    def forward(self):
        return torch.linalg.matrix_exp(self.free)[:, : self.columns]

    patch.setattr(frames.Exponential, "forward", forward)


# Fisher


@planted(
    "Fisher's constraint is on the sum of both second moments",
    "Fisher: the best critic",
)
def _(patch):
    from gansmith.objectives import fisher

    right = fisher.score
    patch.setattr(fisher, "score", lambda critic, sample: right(critic, sample) * math.sqrt(2))


@planted("Fisher's multiplier moves the wrong way", "Fisher: the best critic")
def _(patch):
    right = Fisher.advance_
    patch.setattr(Fisher, "advance_", lambda self, notes: right(self, {"slack": -notes["slack"]}))


@planted("Fisher's generator has the wrong sign", "Dirac GAN, Fisher", "two lines t apart, Fisher")
def _(patch):
    right = Fisher.generator_loss
    patch.setattr(Fisher, "generator_loss", lambda *duel: -right(*duel))


# MMD


@planted(
    "pairs of a sample with itself are counted",
    "MMD: a mixture",
    "MMD: rational",
    "MMD: averaged over all batches",
    "MMD: the biased estimate",
    "repulsive MMD",
)
def _(patch):
    def within(self, phi, low=0.0, high=math.inf):
        return self.kernel(phi, phi, low, high).mean()

    patch.setattr(KernelDiscrepancy, "_within", within)


@planted(
    "the cross term has no factor 2",
    "MMD: with the linear kernel",
    "MMD: with the distance kernel",
    "MMD: between N(0, v)",
    "MMD: the witness",
    "two lines t apart, features the points: MMD with a Gaussian",
    "two lines t apart, features the points: MMD with the distance",
)
def _(patch):
    def discrepancy(self, phi, psi):
        return self._within(phi) + self._within(psi) - self.kernel(phi, psi).mean()

    patch.setattr(KernelDiscrepancy, "_discrepancy", discrepancy)


@planted(
    "squared distances are halved", "MMD: a mixture", "MMD: rational", "repulsive MMD: L_D", "MMD: between N(0, v)"
)
def _(patch):
    right = kernels.squared_distances
    patch.setattr(kernels, "squared_distances", lambda a, b: right(a, b) / 2)


@planted("the critic's loss of MMD has the wrong sign", "repulsive MMD")
def _(patch):
    right = KernelDiscrepancy.critic_loss
    patch.setattr(KernelDiscrepancy, "critic_loss", lambda *duel: -right(*duel))


# terms


@planted(
    "the power of the slope is that of its square",
    "linear critic: GradientPower",
    "WGAN-div on a line: the best critic",
    "Dirac GAN, Wasserstein + GradientPower(k, 6)",
    "Dirac GAN, Wasserstein + GradientPower(k, 2)",
)
def _(patch):
    right = gradient_power.slope
    patch.setattr(gradient_power, "slope", lambda *at: right(*at).square())


@planted("the penalty of WGAN-div restrains a slope of 1", "Dirac GAN, Wasserstein + GradientPower(k, 6)")
def _(patch):
    right = gradient_power.slope
    patch.setattr(gradient_power, "slope", lambda *at: right(*at) + 1)


@planted("DRAGAN's target is 1, whatever was asked for", "linear critic: DRAGAN")
def _(patch):
    right = dragan.DRAGAN.__init__

    def init(self, weight=10.0, target=1.0, noise="paper", scale=0.5):
        right(self, weight, 1.0, noise, scale)

    patch.setattr(dragan.DRAGAN, "__init__", init)


@planted("DRAGAN's weight is doubled", "Dirac GAN, non-saturating + DRAGAN", "linear critic: DRAGAN")
def _(patch):
    right = dragan.DRAGAN.__init__

    def init(self, weight=10.0, target=1.0, noise="paper", scale=0.5):
        right(self, 2 * weight, target, noise, scale)

    patch.setattr(dragan.DRAGAN, "__init__", init)


@planted("a lazy term is not made up for", "linear critic: Lazy")
def _(patch):
    patch.setattr(Lazy, "forward", lambda self, *duel: self.term(*duel))


@planted("LeCam pulls real scores to the real average", "LeCam: with anchors")
def _(patch):
    right = LeCam.forward

    def forward(self, *duel):
        self.real, self.fake = self.fake, self.real
        return right(self, *duel)

    patch.setattr(LeCam, "forward", forward)


@planted(
    "LeCam's averages are not corrected for their start",
    "LeCam: the anchors",
    "LeCam: with anchors",
    "Dirac GAN, Wasserstein + LeCam",
)
def _(patch):
    right = LeCam.advance_

    def advance_(self, notes):
        right(self, notes)
        self.mass.fill_(1)

    patch.setattr(LeCam, "advance_", advance_)


@planted("a code's log-variance is its log-deviation", "bottleneck: a code's rate")
def _(patch):
    right = StochasticCode.distribution
    patch.setattr(StochasticCode, "distribution", lambda self, x: (right(self, x)[0], right(self, x)[1] / 2))


@planted("the bottleneck's multiplier may fall below 0, and moves twice as far", "bottleneck, points at")
def _(patch):
    def advance_(self, notes):
        self.multiplier.add_(notes["rate"].to(self.multiplier) - self.limit, alpha=2 * self.rate)

    patch.setattr(Bottleneck, "advance_", advance_)


@planted("the bottleneck's rate is doubled", "bottleneck, points at")
def _(patch):
    from gansmith.regularizers import bottleneck

    right = bottleneck._rates
    patch.setattr(bottleneck, "_rates", lambda output: 2 * right(output))


@planted("consistency has a factor 1/2", "consistency: at", "Dirac GAN, Wasserstein + Consistency")
def _(patch):
    right = Consistency._gap
    patch.setattr(Consistency, "_gap", lambda *at: right(*at) / 2)


@planted("the diagonal of the filters' products is turned around", "orthogonal weights")
def _(patch):
    right = OrthogonalWeights._miss

    def miss(self, w):
        self.diagonal = not self.diagonal
        found = right(self, w)
        self.diagonal = not self.diagonal
        return found

    patch.setattr(OrthogonalWeights, "_miss", miss)


@planted("feature maps are summed up", "feature matching: mean", "feature matching: it joins")
def _(patch):
    right = FeatureMatching._apart
    patch.setattr(FeatureMatching, "_apart", lambda self, x, y: len(x) * right(self, x, y))


@planted("feature matching joins the critic's loss", "feature matching: it joins")
def _(patch):
    patch.setattr(FeatureMatching, "side", "critic")


# dynamics


@planted("a look-ahead is not gone back from", "pure rotation, extragradient")
def _(patch):
    patch.setattr(Extragradient, "_field", Simultaneous._field)


@planted("an optimistic step forgets the last gradient", "pure rotation, optimistic")
def _(patch):
    patch.setattr(optimistic, "combine", lambda weights, several: combine([1.0], several[:1]))


@planted(
    "Runge-Kutta's stages all lie at the start",
    "pure rotation, Heun",
    "pure rotation, midpoint",
    "pure rotation, RK4",
    "y' = -y^2",
    "adaptive Heun",
)
def _(patch):
    patch.setattr(rungekutta.RungeKutta, "_go_to_stage", lambda *arguments: None)


@planted("ODE-GAN's regularizer has a factor 1/2", "pure rotation, ODE-GAN's regularizer")
def _(patch):
    right = rungekutta.RungeKutta._first

    def first(self, players, here):
        pulled, slopes = right(self, players, here)
        return pulled, {name: combine([0.5], [gradients]) for name, gradients in slopes.items()}

    patch.setattr(rungekutta.RungeKutta, "_first", first)


@planted("an adaptive step misjudges its error", "adaptive Heun")
def _(patch):
    right = rungekutta.RungeKutta._error
    patch.setattr(rungekutta.RungeKutta, "_error", lambda *at: right(*at) / 10)


@planted("consensus drives apart", "pure rotation, consensus")
def _(patch):
    patch.setattr(
        consensus, "combine", lambda weights, several: combine([-w if w != 1 else w for w in weights], several)
    )


@planted("a reparametrized weight is scaled twice", "x = c phi")
def _(patch):
    patch.setattr(rates._Scaled, "forward", lambda self, phi: phi * self.factor**2)


@planted("parameter groups have the root of the factor", "parameter groups")
def _(patch):
    right = rates.rate_groups
    patch.setattr(rates, "rate_groups", lambda p, lr, factors: right(p, lr, {m: f**0.5 for m, f in factors.items()}))


@planted("a projection keeps what it should remove", "gradient transforms")
def _(patch):
    right = Project.__call__

    def keep(self, gradients):
        left = right(self, gradients)
        return [g - rest for g, rest in zip(gradients, left, strict=True)]

    patch.setattr(transforms.Project, "__call__", keep)
