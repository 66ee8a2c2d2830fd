"""LeCam regularization: scores stay near moving averages of the other side's scores."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import relu

from gansmith.duel.samples import Critic, Sample
from gansmith.duel.scores import score
from gansmith.notes import Notes, note
from gansmith.regularizers.base import Regularizer, nonnegative


class LeCam(Regularizer):
    r"""Pulls real scores toward the average fake score and fake ones toward the average real score.

    .. math::
        \lambda \big( E [D(x) - \alpha_F]_+^2 + E [\alpha_R - D(y)]_+^2 \big)

    Means over samples, a sum of both, no factor 1/2. The anchors :math:`\alpha_R, \alpha_F` are exponential moving
    averages of the mean real and fake score, corrected for their start at zero; they move after each of the critic's
    moves and are constants in the loss. Before the first move there is no anchor and no penalty. Added to a Wasserstein
    loss, the paper's form makes its value a LeCam (triangular) divergence; it is meant for little data.

    In a loop of one's own call ``advance_`` once after each of the critic's steps, with the notes of its loss (``with
    notes() as values:``, as in the README): without it the penalty stays 0.

    With ``one_sided=False`` the brackets are plain squares, as in the paper; the authors' codes have the positive part.

    Arguments:
        weight: :math:`\lambda`.
        decay: of the averages, in [0, 1).
        one_sided: take the positive part.

    Note:
        The authors' codes move the anchors by the current batch before they use them, so that a batch is also pulled
        toward itself and the first move already has a penalty. Here the anchors are those of past moves alone.

    Raises:
        ValueError: a decay outside [0, 1), or a negative weight.

    References:
        Regularizing Generative Adversarial Networks under Limited Data, Tseng et al., 2021,
        https://arxiv.org/abs/2104.03310.

    Example:
        >>> critic, term = lambda s: s[:, 0], LeCam(1.0)
        >>> term.advance_({"real": torch.tensor(2.0), "fake": torch.tensor(-1.0)})
        >>> term(critic, torch.tensor([[3.0]]), torch.tensor([[1.0]]))  # (3 + 1)^2 + (2 - 1)^2
        tensor(17.)
    """

    real: Tensor
    fake: Tensor
    mass: Tensor

    def __init__(self, weight: float = 0.3, decay: float = 0.99, one_sided: bool = True) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"needs a decay in [0, 1), but got {decay}")
        self.weight, self.decay, self.one_sided = nonnegative(weight), decay, one_sided
        for name in ("real", "fake", "mass"):  # mass: what the average's weights sum up to so far, 1 - decay^t
            self.register_buffer(name, torch.zeros(()))

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor:
        reals, fakes = score(witness or critic, real), score(witness or critic, fake)
        note("real", reals.mean())
        note("fake", fakes.mean())
        begun = self.mass > 0
        mass = torch.where(begun, self.mass, 1.0)
        up, down = reals - self.fake / mass, self.real / mass - fakes
        if self.one_sided:
            up, down = relu(up), relu(down)
        return self.weight * (begun * (up.square().mean() + down.square().mean()))

    def advance_(self, notes: Notes) -> None:
        for anchor, value in ((self.real, notes["real"]), (self.fake, notes["fake"])):
            anchor.lerp_(value.to(anchor), 1 - self.decay)
        self.mass.lerp_(torch.ones_like(self.mass), 1 - self.decay)
