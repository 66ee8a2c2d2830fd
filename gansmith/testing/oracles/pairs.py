"""GAN-QP with a critic of pairs: best gaps and values against closed forms."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gansmith.duel.samples import Sample, parts
from gansmith.objectives import PairwiseQuadratic
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import Array, all_pairs, minimize, p, q

SU = "Su, 2018"

APART = np.abs(np.subtract.outer([0.0, 1.0, 1.5, 4.0, 4.2], [0.0, 1.0, 1.5, 4.0, 4.2]))
WEIGHT = 3.0
ONE, OTHER = np.outer(p, q), np.outer(q, p)


def _distance(x: Sample, y: Sample) -> Tensor:
    return torch.as_tensor(APART)[parts(x)[0], parts(y)[0]]


def _best() -> tuple[Array, float, float]:
    """Of all tables of pairs: the gap T(x, y) - T(y, x), the critic's loss and the generator's."""
    table = torch.zeros(APART.shape, dtype=torch.float64, requires_grad=True)
    objective = PairwiseQuadratic(WEIGHT, _distance)

    def critic(pair: tuple[Tensor, Tensor]) -> Tensor:
        return table[pair]

    minimize(lambda: objective.critic_loss(critic, *all_pairs()), [table])
    gaps = table.detach()
    of_critic, of_generator = (
        float(loss(critic, *all_pairs()).detach()) for loss in (objective.critic_loss, objective.generator_loss)
    )
    return (gaps - gaps.T).numpy(), of_critic, of_generator


@claim(
    "GAN-QP of pairs: the best gap is w d (a - b)/(a + b), a = p(x)q(y), b = p(y)q(x); L_D is -w/4 times the sum of "
    "d (a - b)^2/(a + b), L_G is -2 L_D",
    source=SU,
    tolerance=1e-6,
)
def _() -> Pair:
    gaps, of_critic, of_generator = _best()
    energy = WEIGHT * (APART * (ONE - OTHER) ** 2 / (ONE + OTHER)).sum()
    expected = WEIGHT * APART * (ONE - OTHER) / (ONE + OTHER)
    return np.append(gaps, [of_critic, of_generator]), np.append(expected, [-energy / 4, energy / 2])
