"""What a regularizer is."""

from __future__ import annotations

import math
from typing import NoReturn

from torch import Tensor, nn

from gansmith.duel.history import keep_digits
from gansmith.duel.samples import Critic, Sample
from gansmith.notes import Notes


class Regularizer(nn.Module):
    """A term beside an objective: soft (``forward`` returns a scalar), hard (``project_``), or with running state.

    ``side`` names whose loss it joins: "critic", "generator" or "both". ``additive`` as for objectives. ``slopes`` says
    that the term differentiates the critic in its samples, so that the critic must treat them one by one. Running state
    (a multiplier, an average) lives in buffers, which stay out of half precision.
    """

    side: str = "critic"
    additive: bool = True
    slopes: bool = False
    _apply = keep_digits

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor | None:
        """The penalty, a scalar; None where the term is a constraint only.

        Arguments:
            critic: as the objective sees it.
            real: (n, ...), tracked by the sum that calls.
            fake: (n, ...), tracked by the sum that calls.
            witness: the scalar function whose slope may be restrained; None means the critic.
        """
        return None

    def view(self, critic: Critic, side: str) -> Critic:
        """The critic as the objective and all terms see it in the loss of ``side``, "critic" or "generator"."""
        return critic

    def __add__(self, other: object) -> NoReturn:
        _first(other)

    def project_(self, module: Critic) -> None:
        """Puts weights back into the feasible set, in place; idempotent."""

    def advance_(self, notes: Notes) -> None:
        """Updates running state from the notes of ``forward``; called once per accepted move in which it made any."""


def _first(other: object) -> NoReturn:
    raise ValueError(
        f"a term is added to an objective, which comes first, as in Hinge() + R1(); but got a term + "
        f"{type(other).__name__}"
    )


def nonnegative(weight: float) -> float:
    """A term's weight as it is; 0 turns the term off.

    Raises:
        ValueError: it is negative, infinite or NaN.

    Example:
        >>> nonnegative(0.5)
        0.5
    """
    if not 0 <= weight < math.inf:
        raise ValueError(f"needs a finite weight >= 0, but got {weight}: 0 turns the term off")
    return weight
