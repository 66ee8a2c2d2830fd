"""Spectral normalization, torch's parametrization, on this library's networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gansmith.networks import MLP
from gansmith.testing.claims import Pair, claim

MIYATO = "Miyato et al., 2018"
WEIGHT = np.random.default_rng(1).normal(size=(4, 6))


def _layer(weight: NDArray[Any] = WEIGHT, passes: int = 500) -> nn.Linear:
    """A normalized layer after so many passes, without a bias."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False).double()
    layer.weight.data.copy_(torch.as_tensor(weight))
    spectral_norm(layer)
    for _ in range(passes):
        _ = layer.weight  # a power iteration each
    return layer


def _original(layer: nn.Linear) -> nn.Parameter:
    parametrizations: Any = layer.parametrizations
    weight: nn.Parameter = parametrizations.weight.original
    return weight


@claim("spectral norm: after many passes the weight is W/s1, by numpy's singular values", source=MIYATO, tolerance=1e-9)
def _() -> Pair:
    return _layer().weight, WEIGHT / np.linalg.svd(WEIGHT)[1][0]


@claim(
    "spectral norm: a pass turns the vector toward the first by the factor (s2/s1)^2 in its tangent",
    source=MIYATO,
    tolerance=1e-9,
)
def _() -> Pair:
    layer = _layer(np.diag([2.0, 1.8]), passes=0)
    power: Any = layer.parametrizations
    state = power.weight[0]
    state._v.copy_(torch.tensor([0.6, 0.8], dtype=torch.float64))
    tangents = [8 / 6]
    for _ in range(6):
        _ = layer.weight
        tangents.append(float(state._v[1] / state._v[0]))
    return np.array(tangents), 8 / 6 * (1.8 / 2.0) ** (2 * np.arange(7))


@claim(
    "spectral norm: the gradient in W is (dW - <dW, W/s1> u v')/s1, so that it has no part along W",
    source="derivation",
    tolerance=1e-9,
)
def _() -> Pair:
    layer = _layer()
    outer = np.random.default_rng(2).normal(size=WEIGHT.shape)
    (gradient,) = torch.autograd.grad((layer.weight * torch.as_tensor(outer)).sum(), _original(layer))
    u, s, v = np.linalg.svd(WEIGHT)
    expected = (outer - (outer * WEIGHT).sum() / s[0] * np.outer(u[:, 0], v[0])) / s[0]
    return np.append(gradient.numpy().ravel(), float((gradient.numpy() * WEIGHT).sum())), np.append(
        expected.ravel(), 0.0
    )


def _critic() -> MLP:
    critic = MLP(3, None, width=16, layers=3).double()
    for layer in critic.modules():
        if isinstance(layer, nn.Linear):
            spectral_norm(layer)
    for _ in range(300):
        critic(torch.zeros(1, 3).double())
    return critic.eval()


@claim(
    "a critic of normalized layers is 1-Lipschitz: |D(x) - D(y)| <= |x - y| for a thousand pairs",
    source=MIYATO,
    tolerance=1e-9,
)
def _() -> Pair:
    critic = _critic()
    x, y = torch.as_tensor(np.random.default_rng(3).normal(size=(2, 1000, 3)) * 2)
    with torch.no_grad():
        beyond: Tensor = (critic(x) - critic(y)).abs() - (x - y).norm(dim=1)
    return max(float(beyond.max()), 0.0), 0.0


@claim("a critic of normalized layers: every layer's largest singular value is 1", source=MIYATO, tolerance=1e-6)
def _() -> Pair:
    layers = [m.weight for m in _critic().modules() if isinstance(m, nn.Linear)]
    return np.array([np.linalg.svd(w.detach().numpy())[1][0] for w in layers]), np.ones(4)
