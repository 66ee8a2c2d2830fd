"""Augmentation with a probability that follows how much the critic knows by heart."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gansmith import chance
from gansmith.duel.history import keep_digits
from gansmith.games.augmentation import DifferentiableAugmentation
from gansmith.notes import Notes, scope

SHARE = "ahead"
"""The note of an objective that is read."""


class AdaptiveAugmentation(nn.Module):
    r"""Changes a picture with probability p, which rises while the critic is too sure of training pictures, or falls.

    After each of the critic's moves

    .. math::
        \bar a \leftarrow \bar a + 0.1\,(a - \bar a), \qquad
        p \leftarrow \mathrm{clip}_{[0, 1]}(p + \mathrm{sign}(\bar a - a^*) / m)

    with a the share of pairs in which the real picture scores above the fake one, which `Relativistic` notes: 1/2 where
    the critic knows nothing, 1 where it is never wrong, as one that knows a few hundred pictures by heart. (The paper
    reads :math:`r_t = E\,\mathrm{sign}\,D(x)`, and a relativistic critic has no zero: :math:`r_t = 2 a - 1` of pairs,
    so that its 0.6 is :math:`a^* = 0.8`. Its other measure, by held-out pictures, needs some that nothing is learned
    from, and a pass of the critic more.) p and the running share are history: they are saved, and a resumed run goes
    on with them.

    Arguments:
        change: pictures (n, c, h, w) -> changed ones (default: ``DifferentiableAugmentation()``).
        target: :math:`a^*`.
        moves: m, in which p goes from 0 to 1 at most.

    Raises:
        ValueError: a target that is no share between 1/2 and 1; m below 1.

    References:
        Training Generative Adversarial Networks with Limited Data, Karras et al., 2020,
        https://arxiv.org/abs/2006.06676, section 3.

    Example:
        >>> augment = AdaptiveAugmentation(moves=4)
        >>> for _ in range(2):
        ...     augment.advance_({"ahead": torch.tensor(1.0)})
        >>> augment.p
        tensor(0.5000)
    """

    _apply = keep_digits
    p: Tensor
    share: Tensor

    def __init__(
        self, change: Callable[[Tensor], Tensor] | None = None, *, target: float = 0.8, moves: int = 2000
    ) -> None:
        super().__init__()
        if not 0.5 <= target < 1:
            raise ValueError(f"needs a target share between 0.5 and 1, but got {target}: take 0.8")
        if moves < 1:
            raise ValueError(f"needs at least 1 move, but got {moves}")
        self.change = DifferentiableAugmentation() if change is None else change
        self.target, self.moves = target, moves
        self.register_buffer("p", torch.zeros(()))
        self.register_buffer("share", torch.tensor(target))

    def forward(self, x: Tensor) -> Tensor:
        """Pictures, of which some are changed.

        Arguments:
            x: (n, c, h, w), floats.
        """
        with scope("adaptive"):
            chosen = chance.uniform("chosen", len(x), 1, 1, 1, like=x) < self.p
            return torch.where(chosen, self.change(x), x)

    def advance_(self, notes: Notes) -> None:
        """Follows the notes of a move of the critic; once after each.

        Raises:
            ValueError: its objective does not note how often real samples score higher.
        """
        if SHARE not in notes:
            raise ValueError(
                "needs an objective that notes how often real samples score above fake ones, and this one does not: "
                "take Relativistic(), or DifferentiableAugmentation()"
            )
        self.share.lerp_(notes[SHARE].to(self.share), 0.1)
        self.p.add_(torch.sign(self.share - self.target), alpha=1 / self.moves).clamp_(0, 1)
