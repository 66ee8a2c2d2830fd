"""Best critics and their values on a finite support, over all tables of scores."""

from __future__ import annotations

import math

import numpy as np

from gansmith.objectives import Hinge, NonSaturating
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import batches, best, best_of_each, jensen_shannon, p, q, total_variation

GOODFELLOW = "Goodfellow et al., 2014"
LIM = "Lim and Ye, 2017"


@claim(
    "non-saturating: the best critic is log p/q, the least L_D is 2 log 2 - 2 JSD(p, q)",
    source=GOODFELLOW,
    tolerance=1e-6,
)
def _() -> Pair:
    table, value = best(NonSaturating(), *batches())
    return np.append(table, value), np.append(np.log(p / q), 2 * math.log(2) - 2 * jensen_shannon(p, q))


@claim("hinge: the best critic is sign(p - q), the least L_D is 2 - 2 TV(p, q)", source=LIM, tolerance=1e-6)
def _() -> Pair:
    table, value = best_of_each(Hinge(), *batches())
    return np.append(table, value), np.append(np.sign(p - q), 2 - 2 * total_variation(p, q))
