"""The laws of a regularizer."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gansmith import chance
from gansmith.duel.critics import Once, View
from gansmith.duel.samples import Critic, Sample
from gansmith.duel.slopes import track
from gansmith.notes import notes
from gansmith.regularizers.base import Regularizer
from gansmith.testing.arguments import needs_instance, needs_module
from gansmith.testing.differences import assert_gradient, gradients_of, points, smooth

MOVES = 4  # after so many, a term with running state, or one that is not due in each move, has had its effect


def check_regularizer(
    regularizer: Regularizer, critic: nn.Module | None = None, shape: tuple[int, ...] | None = None
) -> None:
    """Raises AssertionError, naming the law, where a regularizer breaks one.

    The laws: its side is the critic, the generator or both, and it is called as a sum calls it, with a witness or
    without; it returns something, or is a constraint; a soft term is a finite scalar whose gradient, in the critic's
    weights or on the generator's side in the fake samples, equals finite differences (twice through the critic, where
    it is a penalty on slopes); an additive one is the mean over micro-batches; a penalty on slopes treats a picture as
    it treats the vector of its pixels; samples are not changed and get no gradient of their own; what ``advance_``
    changes is in the state; ``project_`` is idempotent. A term that is None or zero at first (it has running
    state, or is not due) gets four moves.

    Arguments:
        regularizer: is copied, not changed.
        critic: float64, samples -> scores (n,); by default one of points (n, 3).
        shape: of the critic's samples, (3,) by default.

    Raises:
        ValueError: an argument is no regularizer or no critic.

    Example:
        >>> from gansmith.regularizers import R1
        >>> check_regularizer(R1())
    """
    needs_instance(regularizer, Regularizer)
    if critic is not None:
        needs_module(critic)
    _check_form(regularizer)
    regularizer = copy.deepcopy(regularizer).double()
    fresh = copy.deepcopy(regularizer)
    critic = copy.deepcopy(critic) if critic is not None else smooth(3, None)
    shape = shape or (3,)
    real, fake = (points(8, torch.Size(shape).numel(), seed=s).view(8, *shape) for s in (20, 1))
    real += 0.5
    _check_samples(regularizer, critic, real, fake)
    _check_repeats(regularizer, critic, real, fake)
    for _ in range(MOVES):
        if _check_soft(regularizer, critic, real, fake):
            break
        _advance(regularizer, critic, real, fake)
    else:
        says_something = _value(regularizer, critic, real, fake) is not None
        assert not says_something, f"no gradient reaches {_whose(regularizer)}: graph cut?"
        kind = type(regularizer)
        constrains = kind.project_ is not Regularizer.project_ or kind.view is not Regularizer.view
        assert constrains, "forward returns None, and neither project_ nor view does anything: is a return missing?"
    _check_state(regularizer, fresh, critic, real, fake)
    _check_projection(regularizer, critic)
    if regularizer.slopes:
        _check_pictures(regularizer)
    _check_slopes(regularizer, critic, real, fake)


def _check_form(regularizer: Regularizer) -> None:
    """What a sum relies on: whose loss a term joins, and how it is called."""
    side = regularizer.side
    assert side in ("critic", "generator", "both"), f"side is critic, generator or both, but it is {side!r}"
    for given in (3, 4):
        try:
            inspect.signature(regularizer.forward).bind(*range(given))
        except TypeError as problem:
            law = "a sum calls forward(critic, real, fake, witness=None)"
            raise AssertionError(f"{law}, but of {given} arguments: {problem}") from None


def _value(
    regularizer: Regularizer, critic: Critic, real: Sample, fake: Sample, *, start: int = 0, n: int = 8
) -> Tensor | None:
    side = "generator" if regularizer.side == "generator" else "critic"
    with chance.keyed(chance.Part((0,), start, n, 8)):
        view = Once(regularizer.view(critic, side))
        value = regularizer(view, track(real), track(fake))
    assert value is None or isinstance(value, Tensor), (
        f"a term is a scalar tensor, or None where it has nothing to say, but forward returned {type(value).__name__}"
    )
    return value


def _check_repeats(regularizer: Regularizer, critic: nn.Module, real: Sample, fake: Sample) -> None:
    """The same value under the same key."""
    first, second = (_value(regularizer, critic, real, fake) for _ in range(2))
    if first is not None and second is not None:
        law = (
            "another value each time under one key: draw from gansmith.chance, and move what has a history in advance_"
        )
        assert_close(first, second, rtol=0, atol=0, msg=law)


def _check_slopes(regularizer: Regularizer, critic: nn.Module, real: Sample, fake: Sample) -> None:
    """Whether a term differentiates the critic is what it says: by whether a gradient comes by while it is computed."""
    calls: list[bool] = []

    def watched(sample: Sample) -> Any:
        output = critic(sample)
        scores = output[0] if isinstance(output, tuple) else output
        if scores.requires_grad:
            scores.register_hook(lambda g: calls.append(True))
        return output

    _value(regularizer, View(critic, watched), real, fake)
    assert regularizer.slopes or not calls, (
        "the term differentiates the critic in its samples: set slopes = True, for the warning of BatchNorm in a critic"
    )


def _advance(regularizer: Regularizer, critic: nn.Module, real: Sample, fake: Sample) -> None:
    with notes() as values:
        _value(regularizer, critic, real, fake)
    if values:
        regularizer.advance_(values)


def _whose(regularizer: Regularizer) -> str:
    return "the fake samples" if regularizer.side == "generator" else "the critic"


def _check_samples(regularizer: Regularizer, critic: nn.Module, real: Tensor, fake: Tensor) -> None:
    copies = real.clone(), fake.clone()
    _value(regularizer, critic, real, fake)
    assert_close((real, fake), copies, rtol=0, atol=0, msg="samples were changed")
    assert not real.requires_grad, "the real samples were changed in place: use track()"


def _check_soft(regularizer: Regularizer, critic: nn.Module, real: Tensor, fake: Tensor) -> bool:
    """Whether the term had a gradient to check, or is no soft term."""
    fake = fake.clone().requires_grad_()
    value = _value(regularizer, critic, real, fake)
    if value is None:
        return False
    tensors = [fake] if regularizer.side == "generator" else [*critic.parameters(), *regularizer.parameters()]
    assert value.shape == () and bool(value.isfinite()), "a penalty is a finite scalar"
    gradients = gradients_of(value, tensors)
    if not any(g is not None and bool(g.any()) for g in gradients):
        return False

    def penalty() -> Tensor:
        repeated = _value(regularizer, critic, real, fake)
        assert repeated is not None
        return repeated

    assert_gradient(penalty, tensors, gradients, f"the penalty's gradient in {_whose(regularizer)}")
    if regularizer.additive:
        halves = [_value(regularizer, critic, real[i : i + 4], fake[i : i + 4], start=i, n=4) for i in (0, 4)]
        mean = sum(half for half in halves if half is not None) / 2
        assert_close(
            mean,
            value,
            msg="additive, but not the mean over micro-batches: set additive = False, or draw rows by gansmith.chance",
        )
    return True


def _check_state(regularizer: Regularizer, fresh: Regularizer, critic: nn.Module, real: Tensor, fake: Tensor) -> None:
    for _ in range(MOVES):  # from each of several moves on, because a count may matter in one of them only
        _advance(regularizer, critic, real, fake)
        fresh.load_state_dict(regularizer.state_dict())
        loaded, expected = (_value(r, critic, real, fake) for r in (fresh, regularizer))
        assert (loaded is None) == (expected is None), "what advance_ changes is not in the state"
        if loaded is not None:
            assert_close(loaded, expected, rtol=0, atol=0, msg="what advance_ changes is not in the state")


def _check_projection(regularizer: Regularizer, critic: nn.Module) -> None:
    regularizer.project_(critic)
    once = [p.detach().clone() for p in critic.parameters()]
    regularizer.project_(critic)
    for before, after in zip(once, critic.parameters(), strict=True):
        assert_close(after.detach(), before, msg="project_ is not idempotent")


def _check_pictures(regularizer: Regularizer) -> None:
    critic = smooth(12, None)
    real, fake = points(8, 12) + 0.5, points(8, 12, seed=1)
    flat = _value(regularizer, critic, real, fake)
    shaped = _value(regularizer, nn.Sequential(nn.Flatten(), critic), real.view(8, 3, 2, 2), fake.view(8, 3, 2, 2))
    assert_close(
        shaped, flat, msg="a picture is not treated as the vector of its pixels: norms run over all of a sample"
    )
