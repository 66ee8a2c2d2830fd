"""All players at once, each drawn towards where the whole field is small."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from torch.optim import Optimizer

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.gradients import combine
from gansmith.dynamics.pull import Pull
from gansmith.dynamics.schedules import Schedule
from gansmith.dynamics.simultaneous import Pulled, Simultaneous
from gansmith.games.base import Player


class Consensus(Simultaneous):
    r"""Everybody's gradient plus that of half the squared norm of the joint field.

    .. math::

        \theta_{t+1} = \theta_t - h \Big( g(\theta_t) + \gamma\, \nabla \tfrac12 \|g(\theta_t)\|^2 \Big),
        \qquad \|g\|^2 = \sum_{\text{players}} \|\nabla_{\text{own}} L\|^2,

    where :math:`\nabla` runs over the parameters of *all* players. The term turns a rotation's eigenvalues
    :math:`\pm i\omega` into :math:`-\gamma\omega^2 \pm i\omega`: what circled now converges. It also draws towards any
    other point where the field vanishes, a maximum of a player's loss among them.

    The term is taken on the same batch and key, at about twice the cost of the gradients; under stochastic batches the
    square of a mean is then estimated with the batch's own variance in it. Buffers are those of the first evaluation.
    Transforms see what the optimizer gets.

    Arguments:
        optimizers: for each player its optimizer, or several.
        weight: gamma, at least 0.
        pull: how gradients are computed.
        schedule: writes learning rates before each step.

    Raises:
        ValueError: a negative weight.

    References:
        The Numerics of GANs, Mescheder, Nowozin and Geiger, 2017, https://arxiv.org/abs/1705.10461.

    Example:
        >>> import torch
        >>> from torch.optim import SGD
        >>> x, y = (torch.nn.ParameterList([torch.ones(1)]) for _ in range(2))
        >>> up, down = Player([y], lambda b: -(x[0] * y[0]).sum()), Player([x], lambda b: (x[0] * y[0]).sum())
        >>> players = {"y": up, "x": down}
        >>> dynamics = Consensus({name: SGD(p.parameters(), 0.5) for name, p in players.items()}, weight=1.0)
        >>> _ = dynamics.step(players, lambda draw: Batch(torch.zeros(1, 1), None, torch.arange(1)), (0,))
        >>> x[0].item(), y[0].item()  # 1 - 0.5 * (1 + 1) and 1 - 0.5 * (-1 + 1)
        (0.0, 1.0)
    """

    def __init__(
        self,
        optimizers: Mapping[str, Optimizer | Sequence[Optimizer]],
        weight: float,
        *,
        pull: Pull | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(optimizers, pull=pull, schedule=schedule)
        if not 0 <= weight < math.inf:
            raise ValueError(
                f"needs a finite weight of at least 0, but got weight={weight}: a negative one drives apart"
            )
        self.weight = weight

    def _field(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Pulled:
        draw = self._fresh(batch, key)
        own = {name: player.parameters() for name, player in players.items()}
        everyone = [p for parameters in own.values() for p in parameters]
        pulled, slopes = self._everyone(players, draw, dict.fromkeys(players, everyone))
        total = combine([self.weight] * len(slopes), list(slopes.values()))
        sums: Pulled = {}
        for name, (gradients, notes) in pulled.items():
            share, total = total[: len(gradients)], total[len(gradients) :]
            sums[name] = combine([1.0, 1.0], [gradients, share]), notes
        return self._transformed(players, sums, draw[1])
