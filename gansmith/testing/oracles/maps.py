"""Critics of maps and of several scales, and how much an adversarial loss weighs beside a reconstruction's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gansmith.objectives import Hinge, NonSaturating, Patchwise, Several, balance
from gansmith.regularizers import R1
from gansmith.testing.claims import Pair, claim

_rng = np.random.default_rng(21)
X, Y = _rng.normal(size=(2, 5, 6))
W, V = _rng.normal(size=(6, 4)), _rng.normal(size=(6, 9))
"""The columns are a linear critic's places: a map of 2 x 2 for each sample, and one of 3 x 3."""


def _small(s: Tensor) -> Tensor:
    return (s @ torch.as_tensor(W)).view(-1, 2, 2)


def _large(s: Tensor) -> Tensor:
    return (s @ torch.as_tensor(V)).view(-1, 3, 3)


@claim(
    "Patchwise: the losses are means over samples and places, and R1 restrains the slope of a map's mean",
    source="Isola et al., 2016",
    tolerance=1e-12,
)
def _() -> Pair:
    objective, x, y = Patchwise(NonSaturating() + R1(3.0)), torch.as_tensor(X), torch.as_tensor(Y)
    measured = [float(loss(_small, x, y).detach()) for loss in (objective.critic_loss, objective.generator_loss)]
    real, fake = X @ W, Y @ W
    of_critic = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean() + 1.5 * (W.mean(1) ** 2).sum()
    return np.array(measured), np.array([of_critic, np.logaddexp(0, -fake).mean()])


@claim(
    "Several over Patchwise: the losses are sums over scales of means over places, and R1 restrains the slope of the "
    "sum of the scales' means",
    source="Kong et al., 2020",
    tolerance=1e-12,
)
def _() -> Pair:
    objective, x, y = Several(Patchwise(Hinge())) + R1(3.0), torch.as_tensor(X), torch.as_tensor(Y)
    losses = objective.critic_loss, objective.generator_loss
    measured = [float(loss(lambda s: [_small(s), _large(s)], x, y).detach()) for loss in losses]
    of_critic = sum(np.maximum(1 - X @ w, 0).mean() + np.maximum(1 + Y @ w, 0).mean() for w in (W, V))
    of_generator = -sum((Y @ w).mean() for w in (W, V))
    return np.array(measured), np.array([of_critic + 1.5 * ((W.mean(1) + V.mean(1)) ** 2).sum(), of_generator])


@claim(
    "balance: min(|dL_rec/dW| / (|dL_adv/dW| + eps), limit) with Frobenius norms",
    source="Esser et al., 2020",
    tolerance=1e-12,
)
def _() -> Pair:
    last, pulled = torch.tensor(W, requires_grad=True), torch.as_tensor(V[:, :4])
    rec, adv = (last - 1).square().sum() / 2, (last * pulled).sum()
    cases = [(1e4, 1e-4), (1e4, 0.5), (0.3, 1e-4)]
    measured = [balance(rec, adv, last, limit=limit, eps=eps) for limit, eps in cases]
    up, down = np.linalg.norm(W - 1), np.linalg.norm(V[:, :4])
    return torch.stack(measured), np.array([min(up / (down + eps), limit) for limit, eps in cases])
