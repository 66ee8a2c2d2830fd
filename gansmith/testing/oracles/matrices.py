"""The exponential of a matrix: volumes and rotations."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import expm

from gansmith.testing.claims import Pair, claim

_rng = np.random.default_rng(9)
SQUARES = [_rng.normal(size=(n, n)) for n in (2, 3, 5)] + [np.array([[1.0, 1.0], [0.0, 1.0]])]
"""The last has no basis of eigenvectors."""


@claim(
    "log |det exp A| = tr A, for a matrix without a basis of eigenvectors, too",
    source="Jacobi's formula",
    tolerance=1e-12,
)
def _() -> Pair:
    measured = [np.linalg.slogdet(torch.matrix_exp(torch.tensor(a)).numpy())[1] for a in SQUARES]
    return np.array(measured), np.array([np.trace(a) for a in SQUARES])


@claim(
    "exp of a skew matrix S = W - W' is a rotation: its columns are orthonormal, its determinant is 1",
    source="derivation",
    tolerance=1e-12,
)
def _() -> Pair:
    w = torch.tensor(SQUARES[2])
    u = torch.matrix_exp(w - w.T).numpy()
    return np.append((u.T @ u).ravel(), np.linalg.det(u)), np.append(np.eye(5).ravel(), 1)


@claim("exp A is scipy's", source="derivation", tolerance=1e-10)
def _() -> Pair:
    measured = [torch.matrix_exp(torch.tensor(a)).numpy().ravel() for a in SQUARES]
    return np.concatenate(measured), np.concatenate([expm(a).ravel() for a in SQUARES])
