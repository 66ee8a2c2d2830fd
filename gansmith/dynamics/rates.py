"""Another learning rate for a part of a network: by parameter groups, or by writing its weights in another unit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize

from gansmith.games.base import Player


def rate_groups(
    parameters: Player | Iterable[nn.Parameter], lr: float, factors: Mapping[nn.Module, float]
) -> list[dict[str, Any]]:
    """Groups for an optimizer in which the parameters of some modules have a factor of the learning rate.

    Exact for every optimizer, and the way to prefer. Schedules scale every group.

    Arguments:
        parameters: all parameters of the optimizer.
        lr: the learning rate.
        factors: module -> factor, for all of its parameters.

    Raises:
        ValueError: a module with none of the parameters, two modules that share one, or a factor that is not positive.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
        >>> [(len(group["params"]), group["lr"]) for group in rate_groups(net.parameters(), 0.5, {net[0]: 2.0})]
        [(2, 1.0), (2, 0.5)]
    """
    own = {id(p): p for p in (parameters.parameters() if isinstance(parameters, Player) else parameters)}
    groups = []
    for module, factor in factors.items():
        _check_factor(factor)
        chosen = [own.pop(id(p)) for p in module.parameters() if id(p) in own]
        if not chosen:
            raise ValueError(
                f"needs modules with parameters of this player, each in one module only, but {type(module).__name__} "
                "has none that is left: is it inside another one, or another player's?"
            )
        groups.append({"params": chosen, "lr": lr * factor})
    return groups + ([{"params": list(own.values()), "lr": lr}] if own else [])


def scale_rate(module: nn.Module, factor: float) -> nn.Module:
    r"""Writes all parameters of a module as :math:`\theta = \lambda \phi`; what is trained from now on is :math:`\phi`.

    :math:`\phi_0 = \theta_0 / \lambda`, so that outputs stay. Under SGD, with or without momentum, :math:`\theta`
    moves as with :math:`\lambda^2` times the learning rate (take :math:`\lambda = \sqrt r` for a ratio r); under Adam,
    RMSprop and signs as with :math:`\lambda` times it. It works with any optimizer and in any framework, but where one
    can, prefer :func:`rate_groups`, which is plain and has none of these effects:

    - Adam's :math:`\epsilon` acts as :math:`\epsilon / \lambda`;
    - a coupled weight decay w is a penalty on :math:`\phi`: under SGD it acts on :math:`\theta` as
      :math:`w / \lambda^2` beside the rate :math:`\lambda^2 h`;
    - AdamW's decay per step, :math:`h w`, does not become :math:`\lambda h w`;
    - clipping by norm sees :math:`\lambda g`.

    Terms on weights still act on :math:`\theta`: ``ClipWeights`` clamps it, ``OrthogonalWeights`` reads it, and
    spectral normalization, added afterwards, divides it.

    Call it before the optimizer is made, once the weights are initialized. Names in the ``state_dict`` change.

    Arguments:
        module: changed in place, with all of its submodules.
        factor: :math:`\lambda`, positive.

    Returns:
        The module.

    Raises:
        ValueError: a factor that is not positive; parameters that are parametrized already, or that two modules share.

    Example:
        >>> net = scale_rate(nn.Linear(2, 1), 4.0)
        >>> bool((net.weight == 4.0 * net.parametrizations.weight.original).all())
        True
    """
    _check_factor(factor)
    owners = [(m, n, p) for m in module.modules() for n, p in m.named_parameters(recurse=False)]
    if any(parametrize.is_parametrized(m) for m in module.modules()):
        raise ValueError(
            "needs weights that are not parametrized yet, but found a parametrization: "
            "scale the rate first and add spectral normalization or the like afterwards"
        )
    if len({id(p) for _, _, p in owners}) < len(owners):
        raise ValueError("needs parameters of one module each, but found a shared one: use rate_groups")
    for owner, name, _ in owners:
        parametrize.register_parametrization(owner, name, _Scaled(factor))
    return module


class _Scaled(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, phi: Tensor) -> Tensor:
        return phi * self.factor

    def right_inverse(self, theta: Tensor) -> Tensor:
        return theta / self.factor

    def extra_repr(self) -> str:
        return f"factor={self.factor}"


def _check_factor(factor: float) -> None:
    if not 0 < factor < math.inf:
        raise ValueError(f"needs a factor above 0, but got {factor}")
