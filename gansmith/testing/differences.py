"""Gradients against finite differences, and small smooth networks to take them on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gansmith import chance

SEED = 20


def smooth(inputs: int, outputs: int | None, seed: int = SEED) -> nn.Module:
    """A float64 network without kinks (SiLU), so that central differences converge; None gives scores (n,)."""
    with chance.keyed(chance.Part((seed, "smooth", inputs))):
        net = nn.Sequential(
            nn.Linear(inputs, 8), nn.SiLU(), nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, outputs or 1)
        ).double()
    for p in net.parameters():  # steep enough that both sides of a one-sided penalty occur
        p.data.mul_(2)
    return nn.Sequential(net, nn.Flatten(0)) if outputs is None else net


def points(n: int, d: int, seed: int = SEED) -> Tensor:
    """Rows (n, d) in float64, the same for the same seed."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients_of(value: Tensor, tensors: Sequence[Tensor]) -> list[Tensor | None]:
    """In each tensor; None where the value does not depend on it, which a law may judge."""
    if not value.requires_grad:
        return [None] * len(tensors)
    return list(torch.autograd.grad(value, tensors, allow_unused=True))


def assert_gradient(
    loss: Callable[[], Tensor], tensors: Sequence[Tensor], gradients: Sequence[Tensor | None], what: str
) -> None:
    """The gradients' products with random directions against central differences, relative error 1e-6.

    Several directions, five-point differences; the tensors are moved in place and restored.
    """
    generator = torch.Generator().manual_seed(SEED)
    step = 2e-4
    for _ in range(3):
        along = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in tensors]
        product = sum(float((g * a).sum()) for g, a in zip(gradients, along, strict=True) if g is not None)
        at = {}
        _move(tensors, along, -2 * step)
        for k in (-2, -1, 0, 1, 2):
            at[k] = float(loss().detach()) if k else 0.0
            _move(tensors, along, step)
        _move(tensors, along, -3 * step)
        difference = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
        assert_close(
            product,
            difference,
            rtol=1e-6,
            atol=1e-8,
            msg=f"{what}: the gradient says {product:.9g}, finite differences {difference:.9g}",
        )


@torch.no_grad()
def _move(tensors: Sequence[Tensor], along: Sequence[Tensor], shift: float) -> None:
    for p, a in zip(tensors, along, strict=True):
        p.add_(a, alpha=shift)
