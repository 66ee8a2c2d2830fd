"""Functions of a symmetric matrix's eigenvalues that can be differentiated where eigenvalues are equal."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def sum_of_largest(matrix: Tensor, k: int) -> Tensor:
    r"""Ky Fan's norm :math:`\sum_{i \le k} |\lambda_i|`, of the k largest, for a symmetric S (m, m).

    Its derivative is :func:`signs_of_largest`, which can be differentiated once more. Where S is not finite it is NaN.

    Example:
        >>> sum_of_largest(torch.diag(torch.tensor([1.0, -3.0, 2.0])), 2)
        tensor(5.)
    """
    total: Tensor = _SumOfLargest.apply(matrix, k)  # type: ignore[no-untyped-call]
    return total


def signs_of_largest(matrix: Tensor, k: int) -> Tensor:
    r"""The matrix that maximizes :math:`\mathrm{tr}(S M)`, for a symmetric S (m, m).

    .. math::
        M = \sum_{i \le k} \mathrm{sign}(\lambda_i)\, u_i u_i^T

    over the k largest :math:`|\lambda_i|`. It is :math:`h(S)` for a step function h of the eigenvalues. Its derivative
    (Daleckii and Krein) has differences of h over differences of eigenvalues, and so is finite although a difference of
    second moments has many eigenvalues 0, where that of the eigenvectors is not. Eigenvalues that are rounding noise
    count as 0, whose sign is 0. Where S is not finite, neither is M.

    Raises:
        ValueError: when it is differentiated twice, as consensus does: there is no second derivative.

    Example:
        >>> signs_of_largest(torch.diag(torch.tensor([1.0, -3.0, 2.0])), 2).diagonal()
        tensor([ 0., -1.,  1.])
    """
    signs: Tensor = _SignsOfLargest.apply(matrix, k)  # type: ignore[no-untyped-call]
    return signs


class _SumOfLargest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, k: int) -> Tensor:
        ctx.save_for_backward(matrix)
        ctx.k = k
        if not matrix.isfinite().all():  # LAPACK would raise; Pull checks that losses are finite
            return matrix.new_full((), torch.nan)
        largest: Tensor = torch.linalg.eigvalsh(matrix).abs().topk(k).values
        return largest.sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0] * signs_of_largest(ctx.saved_tensors[0], ctx.k), None


class _SignsOfLargest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, k: int) -> Tensor:
        if not matrix.isfinite().all():
            ctx.save_for_backward(
                *(matrix.new_full((len(matrix), *rest), torch.nan) for rest in ((), matrix.shape[1:], ()))
            )
            return matrix.new_full(matrix.shape, torch.nan)
        values, vectors = torch.linalg.eigh(matrix)
        sizes, top = values.abs().topk(k)
        noise = torch.finfo(values.dtype).eps * len(values) * sizes[0]
        signs = torch.zeros_like(values)
        signs[top] = values[top].sign() * (sizes > noise)
        ctx.save_for_backward(values, vectors, signs)
        result: Tensor = (vectors * signs) @ vectors.T
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        if torch.is_grad_enabled():
            raise ValueError(
                "needs the second derivative of a covariance dual's best function, but it has none: where dynamics "
                "differentiate gradients (consensus, ODE-GAN), leave the penalty on slopes out, or use the primal"
            )
        values, vectors, signs = ctx.saved_tensors
        rise, run = signs[:, None] - signs, values[:, None] - values
        quotients = torch.where((rise == 0) | (run == 0), torch.zeros_like(run), rise / run)
        inside = vectors.T @ gradients[0] @ vectors
        inside = (inside + inside.T) / 2
        return vectors @ (quotients * inside) @ vectors.T, None
