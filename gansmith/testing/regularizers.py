"""The laws of a regularizer."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gansmith import chance
from gansmith.duel import Sample, track
from gansmith.regularizers.base import Regularizer
from gansmith.testing.differences import assert_gradient, points, smooth


def check_regularizer(regularizer: Regularizer, critic: nn.Module | None = None) -> None:
    """Raises AssertionError, naming the law, where a regularizer breaks one.

    The laws: a soft term is a finite scalar whose gradient reaches the critic's weights and equals finite differences
    (twice through the critic, where it is a penalty on slopes); an additive one is the mean over micro-batches;
    samples are not changed and get no gradient of their own; ``project_`` is idempotent.

    Arguments:
        regularizer: is copied, not changed.
        critic: float64, points (n, 3) -> scores (n,) by default.

    Example:
        >>> from gansmith.regularizers import R1
        >>> check_regularizer(R1())
    """
    regularizer = copy.deepcopy(regularizer).double()
    critic = copy.deepcopy(critic) if critic is not None else smooth(3, None)
    real, fake = points(8, 3) + 0.5, points(8, 3, seed=1)
    kept = real.clone(), fake.clone()
    value = _value(regularizer, critic, real, fake)
    assert_close((real, fake), kept, rtol=0, atol=0, msg="samples were changed")
    assert not real.requires_grad, "the real samples were changed in place: use track()"
    if value is not None:
        _check_soft(regularizer, critic, value, real, fake)
    _check_projection(regularizer, critic)


def _value(
    regularizer: Regularizer, critic: nn.Module, real: Sample, fake: Sample, *, start: int = 0, n: int = 8
) -> Tensor | None:
    with chance.keyed(chance.Part((0,), start, n, 8)):
        value: Tensor | None = regularizer(critic, track(real), track(fake))
        return value


def _check_soft(regularizer: Regularizer, critic: nn.Module, value: Tensor, real: Tensor, fake: Tensor) -> None:
    wanted = [*critic.parameters(), *regularizer.parameters()]
    assert value.shape == () and bool(value.isfinite()), "a penalty is a finite scalar"
    gradients = torch.autograd.grad(value, wanted, allow_unused=True)
    assert any(g is not None and bool(g.any()) for g in gradients), "no gradient reaches the critic: graph cut?"

    def again() -> Tensor:
        repeated = _value(regularizer, critic, real, fake)
        assert repeated is not None
        return repeated

    assert_gradient(again, wanted, gradients, "the penalty in the critic's weights")
    if regularizer.additive:
        halves = [_value(regularizer, critic, real[i : i + 4], fake[i : i + 4], start=i, n=4) for i in (0, 4)]
        mean = sum(half for half in halves if half is not None) / 2
        assert_close(mean, value, msg="additive, but not the mean over micro-batches: set additive = False")


def _check_projection(regularizer: Regularizer, critic: nn.Module) -> None:
    regularizer.project_(critic)
    once = [p.detach().clone() for p in critic.parameters()]
    regularizer.project_(critic)
    for before, after in zip(once, critic.parameters(), strict=True):
        assert_close(after.detach(), before, msg="project_ is not idempotent")
