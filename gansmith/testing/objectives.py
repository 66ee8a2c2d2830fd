"""The laws of an objective."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gansmith import chance
from gansmith.duel.samples import Sample, parts
from gansmith.duel.scores import score
from gansmith.objectives.base import Objective
from gansmith.testing.arguments import needs_instance, needs_module
from gansmith.testing.differences import assert_gradient, gradients_of, points, smooth

N = 8
LOSSES = ("critic_loss", "generator_loss")


@dataclass(frozen=True)
class Duel:
    """What a law is checked on: an objective, a float64 critic, and paired samples of three numbers."""

    objective: Objective
    critic: nn.Module
    real: Tensor
    fake: Tensor

    def value(self, name: str, real: Tensor | None = None, fake: Tensor | None = None) -> Tensor:
        """A loss by its name, on these samples or on others, always under the same draws."""
        real, fake = self.real if real is None else real, self.fake if fake is None else fake
        with chance.keyed(chance.Part((0,), 0, len(real), len(real))):
            loss = getattr(self.objective, name)(self.critic, real, fake)
        assert isinstance(loss, Tensor), f"{name}: a loss is a scalar tensor, but got {type(loss).__name__}"
        return loss

    @property
    def bare(self) -> bool:
        """No terms beside the objective: these may draw by row, so that order and halves would change the draws."""
        return not any(True for _ in getattr(self.objective, "terms", ()))

    @property
    def scores(self) -> bool:
        """The critic returns scores (n,), not features, and of single samples."""
        try:
            output = self.critic(self.real)
        except (TypeError, RuntimeError):
            return False
        return isinstance(output, Tensor) and output.ndim == 1


def gradients(duel: Duel) -> None:
    """Losses are finite scalars, and their gradients in critic, objective and fake samples equal finite differences."""
    movable = [*duel.critic.parameters(), *duel.objective.parameters()]
    fake = duel.fake.clone().requires_grad_()
    for name, tensors in (("critic_loss", movable), ("generator_loss", [fake])):
        try:
            value = duel.value(name, fake=fake)
        except NotImplementedError:
            raise AssertionError(f"{name}: not defined, and an objective has both losses") from None
        assert value.shape == (), f"{name}: a loss is a scalar, but got shape {tuple(value.shape)}"
        assert bool(value.isfinite()), f"{name}: not finite"
        slopes = gradients_of(value, tensors)
        assert any(g is not None and bool(g.any()) for g in slopes), f"{name}: no gradient at all"
        assert_gradient(lambda name=name: duel.value(name, fake=fake), tensors, slopes, name)  # type: ignore[misc]


def double_backward(duel: Duel) -> None:
    """The critic's loss can be differentiated in the samples, and that in the critic's weights."""
    real, fake = duel.real.clone().requires_grad_(), duel.fake.clone().requires_grad_()
    weights = [*duel.critic.parameters(), *duel.objective.parameters()]

    def steepness() -> Tensor:
        loss = duel.value("critic_loss", real, fake)
        inner = torch.autograd.grad(loss, [real, fake], create_graph=True, allow_unused=True, materialize_grads=True)
        return torch.stack([g.square().sum() for g in inner]).sum()

    assert_gradient(steepness, weights, gradients_of(steepness(), weights), "critic_loss, differentiated twice")


def joint(duel: Duel) -> None:
    """``joint_loss``, where there is one, has the generator's gradient in fake, and one in real."""
    real, fake = duel.real.clone().requires_grad_(), duel.fake.clone().requires_grad_()
    try:
        value = duel.value("joint_loss", real, fake)
    except NotImplementedError:  # it has no default
        return
    in_real, in_fake = gradients_of(value, [real, fake])
    (alone,) = gradients_of(duel.value("generator_loss", real, fake), [fake])
    assert_close(in_fake, alone, msg="joint_loss: its gradient in fake is not generator_loss's")
    assert in_real is not None and bool(in_real.any()), "joint_loss: no gradient in real"


def order(duel: Duel) -> None:
    """The order of the batch does not matter, where pairs stay together."""
    if duel.bare:
        mixed = torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
        for name in LOSSES:
            value = duel.value(name, duel.real[mixed], duel.fake[mixed])
            assert_close(value, duel.value(name), msg=f"{name}: the order of pairs matters")


def halves(duel: Duel) -> None:
    """An additive loss is the mean of its halves."""
    if duel.bare and duel.objective.additive:
        for name in LOSSES:
            parted = [duel.value(name, duel.real[i : i + 4], duel.fake[i : i + 4]) for i in (0, 4)]
            mean = torch.stack(parted).mean()
            law = f"{name}: additive, but not the mean of its halves: take means over samples, or set additive = False"
            assert_close(mean, duel.value(name), msg=law)


def duplicates(duel: Duel) -> None:
    """A batch that is there twice gives the same losses: sizes do not matter, expectations do."""
    if duel.bare:
        for name in LOSSES:
            twice = duel.value(name, torch.cat([duel.real, duel.real]), torch.cat([duel.fake, duel.fake]))
            assert_close(twice, duel.value(name), msg=f"{name}: changes where every sample is there twice")


def orientation(duel: Duel) -> None:
    """A high score means real: higher real and lower fake scores help the critic, higher fake ones the generator.

    For objectives of scores, at scores between 0 and 1, where bounded targets such as least squares' still pull, too.
    """
    if not duel.scores:
        return
    a, b = (0.1 + 0.8 * torch.sigmoid(points(N, 1, seed=s)).detach() for s in (0, 1))
    a.requires_grad_()
    b.requires_grad_()
    objective = getattr(duel.objective, "objective", duel.objective)

    def column(x: Tensor) -> Tensor:
        return x[:, 0]

    with chance.keyed(chance.Part((0,), 0, N, N)):
        in_real, in_fake = gradients_of(objective.critic_loss(column, a, b), [a, b])
        (for_generator,) = gradients_of(objective.generator_loss(column, a, b), [b])
        try:
            (of_real,) = gradients_of(objective.joint_loss(column, a, b), [a])
        except NotImplementedError:
            of_real = torch.ones(1)
    assert _sum(in_real) < 0, "critic_loss: raising real scores does not help the critic (high score = real)"
    assert _sum(in_fake) > 0, "critic_loss: lowering fake scores does not help the critic"
    assert _sum(for_generator) < 0, "generator_loss: raising fake scores does not help the generator"
    assert _sum(of_real) > 0, "joint_loss: lowering real scores does not help who moves both samples"


def shapes(duel: Duel) -> None:
    """Scores of shape (n, 1), which broadcast, are refused where scores are read."""
    if not duel.scores:
        return
    for name in LOSSES:
        try:
            getattr(duel.objective, name)(smooth(3, 1), duel.real, duel.fake)
        except ValueError:
            continue
        raise AssertionError(f"{name}: scores of shape (n, 1) are not refused: read them by {score.__module__}.score")


def passes(duel: Duel) -> None:
    """The critic sees each sample once in a loss."""
    for name in LOSSES:
        counted = _Counted(duel.critic)
        Duel(duel.objective, counted, duel.real, duel.fake).value(name)
        most = max(counted.counts.values(), default=0)
        assert most == 1, f"{name}: the critic sees a sample {most} times: keep its output, or wrap it in Once"


def parameters(duel: Duel) -> None:
    """Whatever the critic's loss depends on is a parameter of the critic or of the objective, and so is trained."""
    if not duel.bare:  # penalties differentiate in samples, which are leaves of the graph, too
        return
    known = {id(p) for module in (duel.critic, duel.objective) for p in module.parameters()}
    for leaf in _leaves(duel.value("critic_loss")):
        assert id(leaf) in known, (
            f"critic_loss: depends on a tensor of shape {tuple(leaf.shape)} that is no parameter of critic or "
            "objective: register it as nn.Parameter"
        )


def projection(duel: Duel) -> None:
    """``project_`` is idempotent, and leaves nothing to be projected."""
    with torch.no_grad():
        for i, p in enumerate(duel.objective.parameters()):
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(i), dtype=p.dtype))
    weights = [*duel.critic.parameters(), *duel.objective.parameters()]
    duel.objective.project_(duel.critic)
    once = [p.detach().clone() for p in weights]
    duel.objective.project_(duel.critic)
    for before, after in zip(once, weights, strict=True):
        assert_close(after.detach(), before, rtol=1e-9, atol=1e-12, msg="project_ is not idempotent")


LAWS: dict[str, Callable[[Duel], None]] = {
    law.__name__: law
    for law in (
        gradients,
        double_backward,
        joint,
        order,
        halves,
        duplicates,
        orientation,
        shapes,
        passes,
        parameters,
        projection,
    )
}
"""By name; each raises AssertionError where it is broken, and passes where it does not apply."""


def check_objective(objective: Objective, critic: nn.Module | None = None, *, except_for: Collection[str] = ()) -> None:
    """Raises AssertionError, naming the law, where an objective breaks one of :data:`LAWS`.

    Both losses are finite scalars whose gradients in the critic's weights, in the objective's own parameters and in the
    fake samples equal finite differences, also where they are differentiated twice; a high score means real; the order
    of pairs does not matter, nor that every sample is there twice; an additive loss is the mean of its halves;
    ``joint_loss``, where there is one, has the generator's gradient in fake; scores of shape (n, 1) are refused; the
    critic sees each sample once; whatever the loss depends on is registered; ``project_`` is idempotent.

    Arguments:
        objective: is copied, not changed.
        critic: float64, points (n, 3) -> scores (n,) by default; pass one of features (n, m), or one of pairs of
            points, for objectives that read them.
        except_for: names of laws that this objective breaks on purpose.

    Raises:
        ValueError: an argument is no objective or no critic; an exception names no law.

    Example:
        >>> from gansmith.objectives import Hinge
        >>> check_objective(Hinge())
    """
    if unknown := sorted(set(except_for) - set(LAWS)):
        raise ValueError(f"needs names of laws, {', '.join(LAWS)}, but got {', '.join(unknown)}")
    for name, law in LAWS.items():
        if name not in except_for:
            law(duel_of(objective, critic))


def duel_of(objective: Objective, critic: nn.Module | None = None) -> Duel:
    """Copies to check laws on."""
    needs_instance(objective, Objective)
    if critic is not None:
        needs_module(critic)
    critic = smooth(3, None) if critic is None else copy.deepcopy(critic)
    return Duel(copy.deepcopy(objective).double(), critic, points(N, 3) + 0.5, points(N, 3, seed=1))


class _Counted(nn.Module):
    def __init__(self, critic: nn.Module) -> None:
        super().__init__()
        self.critic = critic
        self.counts: Counter[tuple[bool | int, ...]] = Counter()
        self.alive: list[Sample] = []  # a freed tensor's id may be taken by another one

    def forward(self, sample: Sample) -> Tensor:
        self.alive.append(sample)
        self.counts[(isinstance(sample, tuple), *(p.data_ptr() for p in parts(sample)))] += 1
        scores: Tensor = self.critic(sample)
        return scores


def _sum(gradient: Tensor | None) -> float:
    return 0.0 if gradient is None else float(gradient.sum())


def _leaves(value: Tensor) -> Iterator[Tensor]:
    """The tensors that a value's gradient reaches."""
    visited, left = set(), [value.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in visited:
            continue
        visited.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        left += [before for before, _ in node.next_functions]
