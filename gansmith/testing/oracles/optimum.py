"""Best critics and their values on a finite support, over all tables of scores."""

from __future__ import annotations

import math

import numpy as np
import torch

from gansmith.objectives import Hinge, NonSaturating
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import (
    P,
    Q,
    batches,
    best,
    best_of_each,
    jensen_shannon,
    minimize,
    p,
    q,
    samples,
    total_variation,
)

GOODFELLOW = "Goodfellow et al., 2014"
LIM = "Lim and Ye, 2017"


@claim("non-saturating: the best critic is log p/q", source=GOODFELLOW, tolerance=1e-6)
def _() -> Pair:
    return best(NonSaturating(), *batches())[0], np.log(p / q)


@claim("non-saturating: the least L_D is 2 log 2 - 2 JSD(p, q)", source=GOODFELLOW, tolerance=1e-9)
def _() -> Pair:
    return best(NonSaturating(), *batches())[1], 2 * math.log(2) - 2 * jensen_shannon(p, q)


@claim("non-saturating: where p = q the best critic is 0", source=GOODFELLOW, tolerance=1e-6)
def _() -> Pair:
    return best(NonSaturating(), samples(P), samples(P))[0], np.zeros(len(P))


@claim(
    "a log y + b log(1 - y) peaks at y = a/(a + b): y the sigmoid of the best score", source=GOODFELLOW, tolerance=1e-6
)
def _() -> Pair:
    measured, _ = best(NonSaturating(), *batches())
    return 1 / (1 + np.exp(-measured)), P / (P + Q)


@claim(
    "non-saturating: from N(0, 1) and N(m, 1) the best linear critic is m^2/2 - m x",
    source="derivation",
    tolerance=2e-3,
)
def _() -> Pair:
    from scipy.stats import norm

    m = 1.5
    x = torch.as_tensor(norm.ppf((np.arange(20_000) + 0.5) / 20_000))
    line = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    minimize(lambda: NonSaturating().critic_loss(lambda s: line[0] + line[1] * s, x, x + m), [line])
    return line, np.array([m**2 / 2, -m])


@claim("hinge: the best critic is sign(p - q)", source=LIM, tolerance=1e-6)
def _() -> Pair:
    return best_of_each(Hinge(), *batches())[0], np.sign(p - q)


@claim("hinge: the least L_D is 2 - 2 TV(p, q)", source=LIM, tolerance=1e-6)
def _() -> Pair:
    return best_of_each(Hinge(), *batches())[1], 2 - 2 * total_variation(p, q)
