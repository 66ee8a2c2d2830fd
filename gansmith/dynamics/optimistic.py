"""A step by the gradient extrapolated from the last two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.gradients import Gradients, combine
from gansmith.dynamics.simultaneous import Pulled, Simultaneous
from gansmith.games.base import Player


class Optimistic(Simultaneous):
    r"""All players at once, each optimizer gets the gradient extrapolated from the last two.

    .. math::

        \tilde g_t = 2 g_t - g_{t-1}, \qquad \tilde g_0 = g_0.

    With plain SGD this is optimistic gradient descent, :math:`\theta_{t+1} = \theta_t - h (2 g_t - g_{t-1})`: it has
    the effect of a look-ahead at the price of one evaluation. On a rotation :math:`\pm i\omega`, with
    :math:`a = h\omega \le 1/2`, its modulus is :math:`\sqrt{(1 + \sqrt{1 - 4 a^2}) / 2} < 1`.

    With Adam the extrapolated gradient enters both moments. The optimistic Adam of the paper below extrapolates
    Adam's own *steps* instead, :math:`-2 h\, \hat m_t / (\sqrt{\hat v_t} + \epsilon) + h\, \hat m_{t-1} /
    (\sqrt{\hat v_{t-1}} + \epsilon)`; the two agree under SGD only.

    A gradient that a parameter did not have counts as zero. The last gradients are state. Transforms see what the
    optimizer gets.

    Arguments:
        optimizers: for each player its optimizer, or several.
        pull: how gradients are computed.
        schedule: writes learning rates before each step.

    References:
        Training GANs with Optimism, Daskalakis, Ilyas, Syrgkanis and Zeng, 2017, https://arxiv.org/abs/1711.00141.

    Example:
        >>> import torch
        >>> from torch.optim import SGD
        >>> x = torch.nn.ParameterList([torch.ones(1)])
        >>> player = Player([x], lambda b: x[0].square().sum() / 2)
        >>> dynamics = Optimistic({"x": SGD(x, 0.5)})
        >>> for _ in range(2):
        ...     _ = dynamics.step({"x": player}, lambda draw: Batch(torch.zeros(1, 1), None, torch.arange(1)), (0,))
        >>> x[0].item()  # 1 - 0.5 * 1 = 0.5, then 0.5 - 0.5 * (2 * 0.5 - 1)
        0.5
    """

    _last: Mapping[str, Gradients] = MappingProxyType({})

    def _field(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Pulled:
        draw = self._fresh(batch, key)
        now, _ = self._everyone(players, draw)
        ahead = {name: (self._ahead(name, gradients), notes) for name, (gradients, notes) in now.items()}
        transformed = self._transformed(players, ahead, draw[1])
        self._last = {name: gradients for name, (gradients, _) in now.items()}
        return transformed

    def _ahead(self, name: str, now: Gradients) -> Gradients:
        if name not in self._last:
            return combine([1.0], [now])
        like = next(g for g in now if g is not None)  # a state may come from another device
        return combine([2.0, -1.0], [now, [None if g is None else g.to(like.device) for g in self._last[name]]])

    def state_dict(self) -> dict[str, Any]:
        """Steps, draws, the optimizers' states, and each player's last gradients (None where it had none)."""
        return super().state_dict() | {"last": dict(self._last)}

    def _check_state(self, state: Mapping[str, Any]) -> None:
        super()._check_state(state)
        for name, last in state["last"].items():
            groups = [group for optimizer in self.optimizers.get(name, ()) for group in optimizer.param_groups]
            own = [tuple(p.shape) for group in groups for p in group["params"] if p.requires_grad]
            shapes = [tuple(g.shape) for g in last if g is not None]
            # an optimizer may hold them in another order
            if len(last) != len(own) or Counter(shapes) - Counter(own):
                raise ValueError(
                    f"needs last gradients of the {name} shaped like its {len(own)} parameters, but got {len(last)}, "
                    f"of shapes {shapes}: the state is another game's"
                )

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._last = {name: list(gradients) for name, gradients in state["last"].items()}
