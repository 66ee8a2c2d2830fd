"""Every public objective by the critic that it reads: the one list that laws, games, ranks and resume run over."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn

from gansmith.duel.ranks import gather
from gansmith.duel.scores import features
from gansmith.objectives import (
    CovarianceMatching,
    Divergence,
    Fisher,
    Hinge,
    KernelDiscrepancy,
    LeastSquares,
    MeanCovarianceMatching,
    MeanMatching,
    NonSaturating,
    Objective,
    PairwiseQuadratic,
    Patchwise,
    Pointwise,
    Quadratic,
    Relativistic,
    Saturating,
    Several,
    SlopeQuadratic,
    Wasserstein,
    divergence,
)
from gansmith.objectives.frames import Exponential
from gansmith.objectives.kernels import RBF, DistanceKernel, RationalQuadratic
from gansmith.objectives.quadratic import root_mean_square
from gansmith.regularizers import R1, R2, GradientPenalty


class MeanGap(Objective):
    """The norm of the gap between mean features: not additive, and its witness keeps a graph."""

    additive = False

    def gap(self, critic, real, fake) -> Tensor:
        return gather(features(critic, real)).mean(0) - gather(features(critic, fake)).mean(0)

    def critic_loss(self, critic, real, fake) -> Tensor:
        return -self.gap(critic, real, fake).norm()

    def generator_loss(self, critic, real, fake) -> Tensor:
        return self.gap(critic, real, fake).norm()

    joint_loss = generator_loss

    def witness(self, critic, real, fake):
        direction = nn.functional.normalize(self.gap(critic, real, fake), dim=0)
        return lambda x: features(critic, x) @ direction


M = 5
OBJECTIVES = {
    "Pointwise": lambda: Pointwise(lambda t: (t - 1) ** 2, lambda t: (t + 1) ** 2, lambda t: (t - 3) ** 2),
    "Saturating": Saturating,
    "NonSaturating": NonSaturating,
    "LeastSquares": LeastSquares,
    "LeastSquares of the theorem": lambda: LeastSquares(-1, 1, 0),
    "Hinge": Hinge,
    "Wasserstein": Wasserstein,
    "Divergence KL": lambda: Divergence(divergence.KL),
    "Divergence reverse KL": lambda: Divergence(divergence.REVERSE_KL),
    "Divergence JS": Divergence,
    "Divergence Pearson": lambda: Divergence(divergence.PEARSON),
    "Divergence Neyman": lambda: Divergence(divergence.NEYMAN),
    "Divergence Hellinger": lambda: Divergence(divergence.SQUARED_HELLINGER),
    "Divergence TV": lambda: Divergence(divergence.TOTAL_VARIATION),
    "Divergence KL, trick": lambda: Divergence(divergence.KL, trick=True),
    "Relativistic": Relativistic,
    "Relativistic average": lambda: Relativistic(average=True),
    "Relativistic average hinge": lambda: Relativistic(average=True, of=Hinge()),
    "Quadratic": Quadratic,
    "Quadratic L2": lambda: Quadratic(3.0, root_mean_square),
    "SlopeQuadratic": SlopeQuadratic,
    "Fisher": lambda: Fisher(0.1),
    "sum": lambda: NonSaturating() + R1() + R2() + GradientPenalty(),
}
OF_PAIRS = {"PairwiseQuadratic": PairwiseQuadratic}
OF_LISTS = {"Several": lambda: Several(NonSaturating()), "Several hinges": lambda: Several(Hinge())}
OF_FEATURES = {
    "mean gap": MeanGap,
    "Patchwise": lambda: Patchwise(NonSaturating()),
    "Patchwise relativistic": lambda: Patchwise(Relativistic()),
    "MeanMatching l1": lambda: MeanMatching(1, M),
    "MeanMatching l2": lambda: MeanMatching(2, M),
    "MeanMatching linf": lambda: MeanMatching(math.inf, M),
    "MeanMatching l1, dual": lambda: MeanMatching(1, dual=True),
    "MeanMatching l2, dual": lambda: MeanMatching(2, dual=True),
    "MeanMatching linf, dual": lambda: MeanMatching(math.inf, dual=True),
    "CovarianceMatching": lambda: CovarianceMatching(2, M),
    "CovarianceMatching, exponential": lambda: CovarianceMatching(2, M, frame=Exponential),
    "CovarianceMatching, centered": lambda: CovarianceMatching(2, M, centered=True),
    "CovarianceMatching, dual": lambda: CovarianceMatching(2, dual=True),
    "CovarianceMatching, dual, centered": lambda: CovarianceMatching(2, dual=True, centered=True),
    "MeanCovarianceMatching": lambda: MeanCovarianceMatching(2, 2, M),
    "MeanCovarianceMatching, dual": lambda: MeanCovarianceMatching(math.inf, 2, dual=True),
    "KernelDiscrepancy": KernelDiscrepancy,
    "KernelDiscrepancy RBF": lambda: KernelDiscrepancy(RBF()),
    "KernelDiscrepancy with a dot": lambda: KernelDiscrepancy(RationalQuadratic(dot=0.1)),
    "KernelDiscrepancy energy": lambda: KernelDiscrepancy(DistanceKernel()),
    "KernelDiscrepancy repulsive": lambda: KernelDiscrepancy(RBF((1.0,)), -1, (0.25, 4.0)),
    "KernelDiscrepancy biased": lambda: KernelDiscrepancy(RBF((1.0,)), biased=True),
}
_UNBIASED = "pairs of a sample with itself are left out, and of its duplicate are not: the estimate rises by their part"
EXCEPTIONS = {
    "LeastSquares of the theorem": {"orientation": "the generator wants 0, between the critic's targets -1 and 1"},
    "KernelDiscrepancy": {"duplicates": _UNBIASED},
    "KernelDiscrepancy RBF": {"duplicates": _UNBIASED},
    "KernelDiscrepancy with a dot": {"duplicates": _UNBIASED},
    "KernelDiscrepancy energy": {"duplicates": _UNBIASED},
    "KernelDiscrepancy repulsive": {"duplicates": _UNBIASED},
}
"""Laws that an objective breaks on purpose, and why; each is seen to be broken, so that none is excused in vain."""
EVERY: dict[str, Callable[[], Objective]] = OBJECTIVES | OF_PAIRS | OF_LISTS | OF_FEATURES


def not_in(games: dict[str, Callable[[], nn.Module]]) -> list[str]:
    """Names of objectives, the first of each class, that no game plays yet."""
    played = {type(m) for make in games.values() for m in make().modules() if isinstance(m, Objective)}
    first: dict[type[Objective], str] = {}
    for name, make in EVERY.items():
        first.setdefault(type(make()), name)
    return [name for kind, name in first.items() if kind not in played]
