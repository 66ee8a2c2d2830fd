"""Adversarial objectives: the losses of critic and generator, all minimized. A high score means real."""

from gansmith.objectives.balance import balance as balance
from gansmith.objectives.base import Objective as Objective
from gansmith.objectives.divergence import Divergence as Divergence
from gansmith.objectives.fisher import Fisher as Fisher
from gansmith.objectives.kernel import KernelDiscrepancy as KernelDiscrepancy
from gansmith.objectives.matching import CovarianceMatching as CovarianceMatching
from gansmith.objectives.matching import MeanCovarianceMatching as MeanCovarianceMatching
from gansmith.objectives.matching import MeanMatching as MeanMatching
from gansmith.objectives.pairwise import PairwiseQuadratic as PairwiseQuadratic
from gansmith.objectives.patchwise import Patchwise as Patchwise
from gansmith.objectives.pointwise import Hinge as Hinge
from gansmith.objectives.pointwise import LeastSquares as LeastSquares
from gansmith.objectives.pointwise import NonSaturating as NonSaturating
from gansmith.objectives.pointwise import Pointwise as Pointwise
from gansmith.objectives.pointwise import Saturating as Saturating
from gansmith.objectives.pointwise import Wasserstein as Wasserstein
from gansmith.objectives.quadratic import Quadratic as Quadratic
from gansmith.objectives.quadratic import SlopeQuadratic as SlopeQuadratic
from gansmith.objectives.relativistic import Relativistic as Relativistic
from gansmith.objectives.several import Several as Several
