"""Critics that return a map: every place counts as a score."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from gansmith.duel.critics import Read
from gansmith.duel.samples import Critic, Sample
from gansmith.duel.scores import places
from gansmith.notes import Notes
from gansmith.objectives.base import Objective, Sum


class Patchwise(Sum):
    r"""An objective over critics of patches: the critic returns a map (n, ...), and every place is a score.

    .. math::
        L = \text{the objective's loss with } E \text{ the mean over samples and places}

    For PatchGAN, and for the critics of tokenizers and vocoders. It is opt-in because a map where one score per sample
    was meant is a mistake that no broadcast shows. Terms see the critic as a term of a sum does; the function whose
    slope they may restrain is the mean over the places of a map. ``Patchwise(o) + R`` equals ``Patchwise(o + R)``.

    Arguments:
        objective: of scores, each of which counts by itself (``places``), with terms or without.

    Raises:
        ValueError: an objective that needs one score per sample, such as GAN-QP, whose distance is that of two samples.

    References:
        Image-to-Image Translation with Conditional Adversarial Networks, Isola et al., 2016,
        https://arxiv.org/abs/1611.07004, section 3.2.2.

    Example:
        >>> import torch
        >>> from gansmith.objectives import Hinge
        >>> maps = lambda x: x.unfold(1, 2, 2).sum(2)  # (n, 4) -> (n, 2)
        >>> Patchwise(Hinge()).critic_loss(maps, torch.full((1, 4), 0.25), torch.full((1, 4), -0.25))
        tensor(1.)
    """

    def __init__(self, objective: Objective) -> None:
        bare, terms = (objective.objective, list(objective.terms)) if isinstance(objective, Sum) else (objective, [])
        super().__init__(_Places(bare), terms)


class _Places(Objective):
    def __init__(self, objective: Objective) -> None:
        super().__init__()
        if not isinstance(objective, Objective):
            raise ValueError(f"needs an objective, such as Patchwise(Hinge()), but got {objective!r}")
        if not objective.places:
            raise ValueError(
                f"needs an objective whose scores count one by one, but {type(objective).__name__.strip('_')} needs "
                "one score per sample: its losses read more of a sample than its score; take Hinge, NonSaturating, "
                "LeastSquares, Wasserstein or Relativistic, and several critics outside: Several(Patchwise(...))"
            )
        self.objective = objective
        self.additive, self.logits, self.places = objective.additive, objective.logits, True

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        with places():
            return self.objective.critic_loss(critic, real, fake)

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        with places():
            return self.objective.generator_loss(critic, real, fake)

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        with places():
            return self.objective.joint_loss(critic, real, fake)

    def witness(self, critic: Critic, real: Sample, fake: Sample) -> Critic:
        return Read(critic, mean_of_places)

    def project_(self, module: Critic) -> None:
        self.objective.project_(module)

    def advance_(self, notes: Notes) -> None:
        self.objective.advance_(notes)


def mean_of_places(output: Any) -> Tensor:
    """One number a sample (n,), of a map (n, ...) or of (map, extra)."""
    scores: Tensor = output[0] if isinstance(output, tuple) else output
    return scores if scores.ndim == 1 else scores.flatten(1).mean(1)
