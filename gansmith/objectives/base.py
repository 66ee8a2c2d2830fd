"""What an objective is, and its sum with regularizers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from gansmith.duel.checks import check_not_compiled
from gansmith.duel.critics import Once
from gansmith.duel.history import keep_digits
from gansmith.duel.samples import Critic, Sample
from gansmith.duel.slopes import track, twice_differentiable
from gansmith.notes import Notes, note, scope, under
from gansmith.regularizers.base import Regularizer

Loss = Callable[[Critic, Sample, Sample], Tensor]


class Objective(nn.Module):
    """The losses of the critic and of the generator, given a duel (critic, real, fake). High score = real.

    Subclasses define the losses. ``additive`` says whether a loss is a mean over samples; one that is not reads the
    outputs of all ranks through :func:`gansmith.duel.gather`, and micro-batches are refused for it. ``logits`` says
    that scores are log-odds, which the loss itself squashes: no sigmoid belongs before them. ``places`` says
    that scores may be those of all places of maps (:class:`Patchwise`): the losses read nothing else of a sample.

    Running state (a multiplier, an average) lives in buffers, which stay out of half precision.

    Objectives add up with regularizers: ``Wasserstein() + GradientPenalty(10)`` is WGAN-GP.
    """

    additive: bool = True
    places: bool = False
    logits: bool = False
    slopes: bool = False
    _apply = keep_digits

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        """Minimized by the critic. Real (n, ...), fake (n, ...); returns a scalar."""
        raise NotImplementedError

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        """Minimized by the network that makes the fake samples."""
        raise NotImplementedError

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        """Minimized where both samples move (ALI); its gradient in ``fake`` is that of ``generator_loss``.

        An objective may have none.
        """
        raise NotImplementedError

    def witness(self, critic: Critic, real: Sample, fake: Sample) -> Critic:
        """The scalar function of one sample whose slope a regularizer may restrain."""
        return critic

    def project_(self, module: Critic) -> None:
        """Puts weights back into the feasible set, in place; idempotent."""

    def advance_(self, notes: Notes) -> None:
        """Updates running state; called once after each accepted move, with the notes of that move."""

    def __add__(self, regularizer: Regularizer) -> Sum:
        return Sum(self, [regularizer])


class Sum(Objective):
    """An objective with regularizers. Not made by hand: write ``objective + regularizer``.

    The sum tracks the pair, so that objective and penalties share one pass per sample, names each term's notes and
    draws after its class (numbered where a class repeats), and hands each penalty the objective's witness. All of them
    see the critic through the terms' views.
    """

    terms: Sequence[Regularizer]

    def __init__(self, objective: Objective, terms: Sequence[Regularizer]) -> None:
        super().__init__()
        for term in terms:
            if not isinstance(term, Regularizer):
                raise ValueError(
                    f"an objective adds up with regularizers, but got {type(term).__name__}: a game has one objective, "
                    "add penalties such as R1() to it; one of your own derives from Regularizer"
                )
            if term.side not in ("critic", "generator", "both"):
                raise ValueError(
                    f"a term has the side critic, generator or both, but {type(term).__name__}'s is {term.side!r}: "
                    "it would join no loss"
                )
        parts = [m for t in terms for m in t.modules() if isinstance(m, Regularizer)]
        for i, part in enumerate(parts):
            if any(part is other for other in parts[:i]):
                raise ValueError(
                    f"needs each term once, but the same {type(part).__name__} is there twice: make two, "
                    "each with running state of its own"
                )
        self.objective = objective
        self.terms = nn.ModuleList(terms)  # type: ignore[assignment]
        self.additive = objective.additive and all(t.additive for t in terms)
        self.logits = objective.logits
        self.slopes = objective.slopes or any(t.slopes for t in terms)
        kinds = [type(t).__name__ for t in terms]
        self.names = [k if kinds.count(k) == 1 else f"{k}#{kinds[:i].count(k) + 1}" for i, k in enumerate(kinds)]

    def __add__(self, regularizer: Regularizer) -> Sum:
        return Sum(self.objective, [*self.terms, regularizer])

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self._sum("critic", self.objective.critic_loss, critic, real, fake)

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self._sum("generator", self.objective.generator_loss, critic, real, fake)

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self._sum("generator", self.objective.joint_loss, critic, real, fake)

    def _sum(self, side: str, loss: Loss, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        for term in self.terms:
            critic = term.view(critic, side)
        terms = [(n, t) for n, t in zip(self.names, self.terms, strict=True) if t.side in (side, "both")]
        if not terms:
            return loss(critic, real, fake)
        slopes = any(term.slopes for _, term in terms)
        if slopes:
            check_not_compiled(critic)
        critic = critic if isinstance(critic, Once) else Once(critic)
        real, fake = track(real), track(fake)
        with twice_differentiable(slopes):
            total = loss(critic, real, fake)
            witness = self.objective.witness(critic, real, fake)
            for name, term in terms:
                with scope(name):
                    value = term(critic, real, fake, witness)
                if value is not None:
                    _check_scalar(name, value)
                    note(name, value)
                    total = total + value
        return total

    def witness(self, critic: Critic, real: Sample, fake: Sample) -> Critic:
        return self.objective.witness(critic, real, fake)

    def project_(self, module: Critic) -> None:
        self.objective.project_(module)
        for term in self.terms:
            term.project_(module)

    def advance_(self, notes: Notes) -> None:
        self.objective.advance_(notes)
        for name, term in zip(self.names, self.terms, strict=True):
            if own := under(name, notes):  # a term that made no notes has nothing to update
                term.advance_(own)

    def extra_repr(self) -> str:
        return " + ".join([type(self.objective).__name__, *self.names])


def _check_scalar(name: str, value: object) -> None:
    if not isinstance(value, Tensor) or value.ndim:
        got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"a term returns a scalar or None, but {name} returned {got}: take a mean over samples")
