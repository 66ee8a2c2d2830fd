"""f-GAN and LSGAN: best critics and values against the divergences' definitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.special import rel_entr

from gansmith.objectives import Divergence, LeastSquares
from gansmith.objectives.divergence import (
    JENSEN_SHANNON,
    KL,
    NEYMAN,
    PEARSON,
    REVERSE_KL,
    SQUARED_HELLINGER,
    TOTAL_VARIATION,
    Conjugate,
)
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import (
    Array,
    batches,
    best,
    jensen_shannon,
    lookup,
    loss,
    p,
    q,
    total_variation,
)

NOWOZIN = "Nowozin et al., 2016"
MAO = "Mao et al., 2017"


def diverges(name: str, pair: Conjugate, expected: float, slope: Callable[[Array], Array]) -> None:
    """Claims the value of the best critic, and the critic: one line a divergence.

    Arguments:
        name: of the divergence, with its formula.
        pair: the library's.
        expected: the divergence of the support's p from its q.
        slope: f' by definition.
    """

    @claim(
        f"f-GAN, {name}: the best critic has g(D) = f'(p/q), the least L_D is minus it", source=NOWOZIN, tolerance=1e-6
    )
    def _() -> Pair:
        scores, value = best(Divergence(pair), *batches())
        return np.append(pair.activation(torch.as_tensor(scores)), value), np.append(slope(p / q), -expected)


diverges("sum of p log p/q", KL, rel_entr(p, q).sum(), lambda u: 1 + np.log(u))
diverges("sum of q log q/p", REVERSE_KL, rel_entr(q, p).sum(), lambda u: -1 / u)
diverges("2 JSD", JENSEN_SHANNON, 2 * jensen_shannon(p, q), lambda u: np.log(2 * u / (1 + u)))
diverges("sum of (p - q)^2/q", PEARSON, ((p - q) ** 2 / q).sum(), lambda u: 2 * (u - 1))
diverges("sum of (p - q)^2/p", NEYMAN, ((p - q) ** 2 / p).sum(), lambda u: 1 - 1 / u**2)
diverges(
    "sum of (sqrt p - sqrt q)^2",
    SQUARED_HELLINGER,
    ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(),
    lambda u: 1 - 1 / np.sqrt(u),
)


@claim(
    "f-GAN, total variation: scores of +-40 by the sign of p - q gain it, and no table of 100 at random gains more",
    source=NOWOZIN,
    tolerance=1e-12,
)
def _() -> Pair:
    tables = [40 * np.sign(p - q), *np.random.default_rng(2).normal(size=(100, len(p))) * 2]
    return -min(loss(Divergence(TOTAL_VARIATION), table, *batches()) for table in tables), total_variation(p, q)


@claim(
    "LSGAN: the best critic is (b p + a q)/(p + q), the least L_D is (b - a)^2/2 times the sum of pq/(p + q)",
    source=MAO,
    tolerance=1e-7,
)
def _() -> Pair:
    table, value = best(LeastSquares(-0.5, 2.0, 1.0), *batches())
    return np.append(table, value), np.append((2 * p - 0.5 * q) / (p + q), 2.5**2 / 2 * (p * q / (p + q)).sum())


@claim(
    "LSGAN with targets -1, 1, 0: at the best critic E_p D^2 + E_q D^2 is the sum of (p - q)^2/(p + q)",
    source=MAO,
    tolerance=1e-7,
)
def _() -> Pair:
    objective = LeastSquares(-1.0, 1.0, 0.0)
    table = torch.as_tensor(best(objective, *batches())[0])
    return 2 * objective.joint_loss(lookup(table), *batches()), ((p + q - 2 * q) ** 2 / (p + q)).sum()
