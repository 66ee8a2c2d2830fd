"""Orthonormal frames: k columns of length 1, orthogonal to each other, as parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gansmith.duel.scores import full


def retract(matrix: Tensor) -> Tensor:
    r"""The orthonormal factor of a QR decomposition with positive diagonal, for a matrix (m, k), k <= m.

    LAPACK's signs are arbitrary; multiplied by those of R's diagonal (zero counts as positive), an orthonormal matrix
    stays as it is, and a small step moves the frame a little.

    Example:
        >>> frame = retract(torch.tensor([[3.0], [4.0]]))
        >>> frame.flatten(), torch.allclose(retract(frame), frame)
        (tensor([0.6000, 0.8000]), True)
    """
    q, r = torch.linalg.qr(full(matrix))
    frame: Tensor = q * torch.where(r.diagonal() < 0, -1.0, 1.0)
    return frame.to(matrix.dtype)


class Retracted(nn.Module):
    r"""A frame that is moved freely and then put back by :func:`retract`.

    Arguments:
        rows: m, numbers per column.
        columns: k.

    References:
        Optimization Algorithms on Matrix Manifolds, Absil, Mahony and Sepulchre, 2008, example 4.1.3.

    Example:
        >>> frame = Retracted(5, 2)
        >>> torch.allclose(frame().T @ frame(), torch.eye(2), atol=1e-6)
        True
    """

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(retract(torch.randn(rows, columns)))

    def forward(self) -> Tensor:
        return self.matrix

    @torch.no_grad()
    def project_(self) -> None:
        """Back onto the orthonormal frames, in place."""
        self.matrix.copy_(retract(self.matrix))


class Exponential(nn.Module):
    r"""A frame that any optimizer keeps orthonormal: the first columns of the exponential of a skew matrix.

    .. math::
        U = \exp(W - W^T)_{:, :k}, \qquad U^T U = I, \qquad \det \exp(W - W^T) = e^{\mathrm{tr}(W - W^T)} = 1

    W is free, and nothing is projected. With k = m only rotations are reached, no reflections.

    Arguments:
        rows: m, numbers per column.
        columns: k.

    Example:
        >>> frame = Exponential(5, 2)
        >>> torch.allclose(frame().T @ frame(), torch.eye(2), atol=1e-5)
        True
    """

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.columns = columns
        self.free = nn.Parameter(torch.randn(rows, rows) / rows**0.5)

    def forward(self) -> Tensor:
        rotation: Tensor = torch.linalg.matrix_exp(self.free - self.free.T)
        return rotation[:, : self.columns]

    def project_(self) -> None:
        """Nothing: the frame is orthonormal for any W."""
