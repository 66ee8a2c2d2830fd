"""Critics that are several: a list of scores or maps, one for each scale, period or head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gansmith.duel.critics import Once, Read
from gansmith.duel.samples import Critic, Sample
from gansmith.notes import Notes
from gansmith.objectives.base import Objective, Sum
from gansmith.objectives.patchwise import mean_of_places


class Several(Sum):
    r"""An objective over several critics in one: their losses are summed up.

    .. math::
        L = \sum_k L^{(k)}

    The critic returns a list (or tuple) of scores (n,), one for each of its scales, or ``(list, extra)`` where feature
    maps are matched beside. Over maps, wrap twice: ``Several(Patchwise(Hinge()))``. A sum and no mean, as in the
    multi-scale and multi-period critics of vocoders. The function whose slope terms may restrain is the sum over scales
    of the mean over places. ``Several(o) + R`` equals ``Several(o + R)``.

    Arguments:
        objective: of each scale's scores, or a :class:`Patchwise` of its maps.

    Raises:
        ValueError: the critic returns no list, or lists of different lengths for real and fake samples; an objective
            with running state of its own (Fisher), which the scales would have to share.

    References:
        High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs, Wang et al., 2017,
        https://arxiv.org/abs/1711.11585; HiFi-GAN, Kong, Kim and Bae, 2020, https://arxiv.org/abs/2010.05646.

    Example:
        >>> from gansmith.objectives import Wasserstein
        >>> two = lambda x: [x[:, 0], 10 * x[:, 1]]
        >>> Several(Wasserstein()).critic_loss(two, torch.ones(3, 2), torch.zeros(3, 2))
        tensor(-11.)
    """

    def __init__(self, objective: Objective) -> None:
        bare, terms = (objective.objective, list(objective.terms)) if isinstance(objective, Sum) else (objective, [])
        super().__init__(_Scales(bare), terms)


class _Scales(Objective):
    def __init__(self, objective: Objective) -> None:
        super().__init__()
        if not isinstance(objective, Objective):
            raise ValueError(f"needs an objective, such as Several(Hinge()), but got {objective!r}")
        if list(objective.buffers()) or list(objective.parameters()):
            raise ValueError(
                f"needs an objective without parameters or buffers, but {type(objective).__name__} has some, which the "
                "scales would have to share: add up one objective for each scale in a game of your own"
            )
        self.objective = objective
        self.additive, self.logits = objective.additive, objective.logits

    def critic_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self._sum("critic_loss", critic, real, fake)

    def generator_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self._sum("generator_loss", critic, real, fake)

    def joint_loss(self, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        return self._sum("joint_loss", critic, real, fake)

    def _sum(self, name: str, critic: Critic, real: Sample, fake: Sample) -> Tensor:
        critic = critic if isinstance(critic, Once) else Once(critic)
        count = len(scales(critic(fake)))
        of_each = (Read(critic, partial(_one, k=k, count=count)) for k in range(count))
        losses: list[Tensor] = [getattr(self.objective, name)(one, real, fake) for one in of_each]
        return torch.stack(losses).sum()

    def witness(self, critic: Critic, real: Sample, fake: Sample) -> Critic:
        return Read(critic, lambda output: torch.stack([mean_of_places(scale) for scale in scales(output)]).sum(0))

    def project_(self, module: Critic) -> None:
        self.objective.project_(module)

    def advance_(self, notes: Notes) -> None:
        self.objective.advance_(notes)


def scales(output: Any) -> Sequence[Tensor]:
    """The scores or maps of a critic's scales, without what it returns beside them.

    Raises:
        ValueError: no list of tensors.
    """
    several = output[0] if isinstance(output, tuple) and output and isinstance(output[0], (list, tuple)) else output
    if not isinstance(several, (list, tuple)) or not several or not all(isinstance(scale, Tensor) for scale in several):
        raise ValueError(
            f"needs a critic that returns a list of scores or maps, one for each scale, but got "
            f"{type(several).__name__}: return [scores, ...], or ([scores, ...], maps), or leave Several out"
        )
    return several


def _one(output: Any, k: int, count: int) -> Tensor:
    several = scales(output)
    if len(several) != count:
        raise ValueError(
            f"needs as many scales for real as for fake samples, but the critic returned {len(several)} and {count}: "
            "does the number depend on a sample's size?"
        )
    return several[k]
