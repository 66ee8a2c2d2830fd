"""A step by the gradient one step ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.simultaneous import Pulled, Simultaneous
from gansmith.dynamics.snapshots import save_buffers, save_optimizers, save_parameters
from gansmith.games.base import Player


class Extragradient(Simultaneous):
    r"""All players look one step ahead, come back, and move by the gradients of that point.

    .. math::

        \theta' = \theta_t - h\, g(\theta_t), \qquad \theta_{t+1} = \theta_t - h\, g(\theta'),

    with :math:`g` the gradients of all players, each in its own parameters. On a rotation :math:`\pm i\omega` and with
    :math:`a = h\omega` a step has the modulus :math:`\sqrt{1 - a^2 + a^4}`, below 1 for :math:`a < 1`, where
    simultaneous moves diverge.

    The second evaluation has a fresh batch and key, so that its noise is independent of the look-ahead's. Both steps
    are the optimizers' own. After the look-ahead parameters and optimizers are as before it (a published Extra-Adam
    lets its moments run on instead), and buffers are as the first evaluation left them. Constraints hold at both
    points. A step costs two evaluations; notes and running state come from the second, which is the move.

    Arguments:
        optimizers: for each player its optimizer, or several.
        pull: how gradients are computed.
        schedule: writes learning rates before each step.

    References:
        A Variational Inequality Perspective on Generative Adversarial Networks, Gidel, Berard, Vignoud, Vincent and
        Lacoste-Julien, 2018, https://arxiv.org/abs/1802.10551.

    Example:
        >>> import torch
        >>> from torch.optim import SGD
        >>> x, y = (torch.nn.ParameterList([torch.ones(1)]) for _ in range(2))
        >>> up, down = Player([y], lambda b: -(x[0] * y[0]).sum()), Player([x], lambda b: (x[0] * y[0]).sum())
        >>> players = {"y": up, "x": down}
        >>> dynamics = Extragradient({name: SGD(p.parameters(), 0.5) for name, p in players.items()})
        >>> _ = dynamics.step(players, lambda draw: Batch(torch.zeros(1, 1), None, torch.arange(1)), (0,))
        >>> x[0].item(), y[0].item()  # 1 - 0.5 * 1.5 and 1 + 0.5 * 0.5, where simultaneous moves give 0.5 and 1.5
        (0.25, 1.25)
    """

    def _field(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Pulled:
        first = super()._field(players, batch, key)
        snapshots = [
            save_parameters(p for player in players.values() for p in player.parameters()),
            save_buffers(players),
            save_optimizers(self.optimizers.values()),
        ]
        try:
            for name, player in players.items():
                self._shift(name, player, first[name][0])
            return super()._field(players, batch, key)
        finally:
            for restore in snapshots:
                restore()
