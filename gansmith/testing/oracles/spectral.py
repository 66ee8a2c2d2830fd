"""Spectral normalization of a network, and its removal: singular values by numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gansmith.networks import MLP, spectral
from gansmith.testing.claims import Pair, claim

MIYATO = "Miyato et al., 2018"
PASSES = 100


def _pictures() -> nn.Sequential:
    """From pictures (n, 1, 4, 4) to numbers (n, 3), by each kind of layer."""
    convolutions = nn.Conv2d(1, 3, 3), nn.ConvTranspose2d(3, 2, 2)
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(18, 3)).double()


def _weights(net: nn.Module) -> list[NDArray[Any]]:
    """The layers' weights, with filters as rows."""
    found = []
    for layer in net.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            weight: Any = layer.weight
            rows = weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight
            found.append(rows.detach().flatten(1).numpy().copy())
    return found


def _spread(weight: Tensor) -> None:
    """Singular values that stand apart, so that few passes reach the largest."""
    u, _, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    weight.copy_((4 * u * 3.0 ** -torch.arange(u.shape[1]) @ v).view_as(weight))


def _normalized(net: nn.Module) -> nn.Module:
    """After many power iterations."""
    spectral.spectral_norm(net)
    for _ in range(PASSES):
        _weights(net)  # a power iteration each
    return net.eval()


@claim(
    "spectral norm of a network: every linear and convolution layer's weight, filters as rows, is W/s1; folded, they "
    "are plain weights with the same outputs",
    source=MIYATO,
    tolerance=1e-9,
)
def _() -> Pair:
    net, x = _pictures(), torch.as_tensor(np.random.default_rng(0).normal(size=(2, 1, 4, 4)))
    for weight in net.parameters():
        if weight.ndim > 1:
            _spread(weight.data)
    plain = _weights(net)
    _normalized(net)
    folded = spectral.fold(net)
    measured = [
        *_weights(net),
        *_weights(folded),
        (net(x) - folded(x)).detach().numpy(),
        np.array([len([*folded.parameters()])]),
    ]
    expected = [w / np.linalg.svd(w)[1][0] for w in plain] * 2
    return np.concatenate([m.ravel() for m in measured]), np.concatenate([*(e.ravel() for e in expected), [0] * 6, [6]])


@claim(
    "a critic of normalized layers: every layer's largest singular value is 1, and |D(x) - D(y)| <= |x - y| for a "
    "thousand pairs",
    source=MIYATO,
    tolerance=1e-9,
)
def _() -> Pair:
    critic = MLP(3, None, width=16, layers=3).double()
    for weight in critic.parameters():
        if weight.ndim > 1:
            _spread(weight.data)
    _normalized(critic)
    x, y = torch.as_tensor(np.random.default_rng(3).normal(size=(2, 1000, 3)) * 2)
    with torch.no_grad():
        beyond: Tensor = (critic(x) - critic(y)).abs() - (x - y).norm(dim=1)
    largest = [np.linalg.svd(w)[1][0] for w in _weights(critic)]
    return np.append(largest, max(float(beyond.max()), 0.0)), np.array([1.0] * 4 + [0.0])
