"""The laws of an objective."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gansmith import chance
from gansmith.duel import Critic, score
from gansmith.objectives.base import Objective
from gansmith.testing.differences import assert_gradient, points, smooth

Loss = Callable[[Critic, Tensor, Tensor], Tensor]


def check_objective(objective: Objective, critic: nn.Module | None = None) -> None:
    """Raises AssertionError, naming the law, where an objective breaks one.

    The laws: both losses are finite scalars; gradients in the critic's weights, in the objective's own parameters and
    in the fake samples equal finite differences; higher real and lower fake scores help the critic, higher fake
    scores the generator; the order of pairs does not matter; an additive loss is the mean of its halves;
    ``joint_loss``, where there is one, has the generator's gradient in fake; scores of shape (n, 1) are refused.

    Arguments:
        objective: is copied, not changed.
        critic: float64, points (n, 3) -> scores (n,) by default; pass one of features for objectives that read them.

    Example:
        >>> from gansmith.objectives import Hinge
        >>> check_objective(Hinge())
    """
    objective = copy.deepcopy(objective).double()
    reads_scores = critic is None
    critic = smooth(3, None) if critic is None else critic
    real, fake = points(8, 3) + 0.5, points(8, 3, seed=1)
    _check_gradients(objective, critic, real, fake)
    _check_joint(objective, critic, real, fake)
    for name in ("critic_loss", "generator_loss"):
        _check_batch(name, objective, critic, real, fake)
    if reads_scores:
        _check_orientation(objective)
        _check_shapes(objective, real, fake)


def _value(loss: Loss, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    with chance.keyed(chance.Part((0,), 0, len(real), len(real))):
        return loss(critic, real, fake)


def _check_gradients(objective: Objective, critic: nn.Module, real: Tensor, fake: Tensor) -> None:
    movable = [*critic.parameters(), *objective.parameters()]
    fake = fake.clone().requires_grad_()
    for loss, wanted, what in (
        (objective.critic_loss, movable, "critic_loss in the critic's weights"),
        (objective.generator_loss, [fake], "generator_loss in the fake samples"),
    ):
        value = _value(loss, critic, real, fake)
        assert value.shape == (), f"{what}: a loss is a scalar, but got shape {tuple(value.shape)}"
        assert bool(value.isfinite()), f"{what}: not finite"
        gradients = torch.autograd.grad(value, wanted, allow_unused=True)
        assert any(g is not None and bool(g.any()) for g in gradients), f"{what}: no gradient at all"
        assert_gradient(lambda loss=loss: _value(loss, critic, real, fake), wanted, gradients, what)  # type: ignore[misc]


def _check_joint(objective: Objective, critic: nn.Module, real: Tensor, fake: Tensor) -> None:
    real, fake = real.clone().requires_grad_(), fake.clone().requires_grad_()
    try:
        joint = _value(objective.joint_loss, critic, real, fake)
    except NotImplementedError:  # joint_loss has no default: the law holds where there is one
        return
    in_real, in_fake = torch.autograd.grad(joint, [real, fake])
    (alone,) = torch.autograd.grad(_value(objective.generator_loss, critic, real, fake), fake)
    assert_close(in_fake, alone, msg="joint_loss: its gradient in fake is not generator_loss's")
    assert bool(in_real.any()), "joint_loss: no gradient in real"


def _check_batch(name: str, objective: Objective, critic: nn.Module, real: Tensor, fake: Tensor) -> None:
    if any(True for term in getattr(objective, "terms", ())):
        return  # a term may draw by row: order and halves are told by the draws, which check_game covers
    loss: Loss = getattr(objective, name)
    whole = _value(loss, critic, real, fake)
    order = torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
    assert_close(_value(loss, critic, real[order], fake[order]), whole, msg=f"{name}: the order of pairs matters")
    if objective.additive:
        halves = (_value(loss, critic, real[:4], fake[:4]) + _value(loss, critic, real[4:], fake[4:])) / 2
        assert_close(halves, whole, msg=f"{name}: additive, but not the mean of its halves: set additive = False")


def _check_orientation(objective: Objective) -> None:
    """At scores 0 < real, fake < 1, where bounded targets such as least squares' still pull, too."""
    a, b = (0.1 + 0.8 * torch.sigmoid(points(8, 1, seed=s)).detach() for s in (0, 1))
    a.requires_grad_()
    b.requires_grad_()

    def column(x: Tensor) -> Tensor:
        return x[:, 0]

    with chance.keyed(chance.Part((0,), 0, 8, 8)):
        bare = getattr(objective, "objective", objective)
        in_real, in_fake = torch.autograd.grad(bare.critic_loss(column, a, b), [a, b])
        (for_generator,) = torch.autograd.grad(bare.generator_loss(column, a, b), b)
        try:
            (of_real,) = torch.autograd.grad(bare.joint_loss(column, a, b), a)
        except NotImplementedError:
            of_real = torch.ones(1)
    assert float(in_real.sum()) < 0, "critic_loss: raising real scores does not help the critic (high score = real)"
    assert float(in_fake.sum()) > 0, "critic_loss: lowering fake scores does not help the critic"
    assert float(for_generator.sum()) < 0, "generator_loss: raising fake scores does not help the generator"
    assert float(of_real.sum()) > 0, "joint_loss: lowering real scores does not help who moves both samples"


def _check_shapes(objective: Objective, real: Tensor, fake: Tensor) -> None:
    column = smooth(3, 1)
    for loss in (objective.critic_loss, objective.generator_loss):
        try:
            _value(loss, column, real, fake)
        except ValueError:
            continue
        raise AssertionError(f"scores of shape (n, 1) are not refused: read them by {score.__module__}.score")
