"""A penalty in every k-th move only."""

from __future__ import annotations

import torch
from torch import Tensor

from gansmith.duel.samples import Critic, Sample
from gansmith.notes import Notes, note
from gansmith.regularizers.base import Regularizer


class Lazy(Regularizer):
    r"""Takes a term in every k-th move of its player, k times as strong: lazy regularization.

    .. math::
        k\,R \quad \text{in moves } 0, k, 2k, \dots, \qquad \text{nothing in between}

    On average over moves the gradient is that of R at 1/k of the cost. It is no free gain: under Adam a rare strong
    gradient is not a frequent weak one, and between two penalties the critic is unrestrained; where data are few or
    simple, training may fail. Measure before using it.

    In a loop of one's own call ``advance_`` once after each step, with the notes of the loss (``with notes() as
    values:``, as in the README): without it the term is due, k times as strong, in every move.

    Arguments:
        term: of the critic's or of the generator's loss, not of both; its constraint on weights stays in every move.
        every: k, at least 1.

    Raises:
        ValueError: k is no whole number of at least 1; no regularizer; a term of both sides, whose moves one count
            cannot tell apart.

    References:
        Analyzing and Improving the Image Quality of StyleGAN, Karras et al., 2019, https://arxiv.org/abs/1912.04958,
        section 3.1.

    Example:
        >>> from gansmith.regularizers import R1
        >>> w, x, term = torch.ones(2), torch.zeros(4, 2), Lazy(R1(1.0), every=4)
        >>> first = term(lambda s: s @ w, x, x)  # 4 * (1/2) * 2
        >>> term.advance_({})
        >>> first, term(lambda s: s @ w, x, x)
        (tensor(4.), None)
    """

    def __init__(self, term: Regularizer, every: int) -> None:
        super().__init__()
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"needs every >= 1, a whole number of moves, but got {every}")
        if not isinstance(term, Regularizer):
            raise ValueError(f"needs a regularizer, but got {type(term).__name__}: an objective is in every move")
        if term.side == "both":
            raise ValueError(
                f"needs a term of one side, but got {type(term).__name__} of both, whose moves one count cannot tell "
                "apart: add one lazy term for each side"
            )
        self.term, self.every, self.count = term, every, 0
        self.side, self.additive, self.slopes = term.side, term.additive, term.slopes

    def get_extra_state(self) -> dict[str, int]:
        """The count of moves: an int, because Python branches on it."""
        return {"count": self.count}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Continues counting from a saved count.

        Raises:
            ValueError: it is none.
        """
        count = state["count"]
        if type(count) is not int or count < 0:
            raise ValueError(f"needs a count of moves, of at least 0, but got {count!r:.40}: the state is damaged")
        self.count = count

    @property
    def due(self) -> bool:
        """Whether this move takes the term."""
        return self.count % self.every == 0

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor | None:
        note("due", torch.tensor(float(self.due)))  # in every move: advance_ is called only for terms with notes
        value = self.term(critic, real, fake, witness) if self.due else None
        return None if value is None else self.every * value

    def view(self, critic: Critic, side: str) -> Critic:
        return self.term.view(critic, side)

    def project_(self, module: Critic) -> None:
        self.term.project_(module)

    def advance_(self, notes: Notes) -> None:
        if self.due:
            self.term.advance_(notes)
        self.count += 1
