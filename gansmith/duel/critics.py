"""Critics made of critics: a view of a network, one of its outputs, each output computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gansmith.duel.samples import Critic, Sample, parts


class View:
    """A critic that a game passes: called like any critic, with ``.module`` for what acts on weights.

    Arguments:
        module: what holds the critic's weights (clipping and orthogonality act on it).
        call: sample -> scores (n,), (scores, extra), or features (n, m).

    Example:
        >>> from gansmith.duel.scores import score
        >>> net = nn.Linear(2, 1)
        >>> critic = View(net, lambda x: net(x).squeeze(1))
        >>> score(critic, torch.zeros(3, 2)).shape
        torch.Size([3])
    """

    def __init__(self, module: nn.Module, call: Critic) -> None:
        self.module, self.call = module, call

    def __call__(self, sample: Sample) -> Any:
        return self.call(sample)


class Read:
    """A critic with a function of its output: ``read(critic(sample))``; the weights are the critic's.

    Arguments:
        critic: sample -> anything.
        read: the critic's output -> the new output.

    Example:
        >>> Read(lambda x: (x.sum(1), x), lambda output: output[1].shape)(torch.zeros(3, 2))
        torch.Size([3, 2])
    """

    def __init__(self, critic: Critic, read: Callable[[Any], Any]) -> None:
        self.critic, self.read = critic, read

    @property
    def module(self) -> nn.Module:
        return module_of(self.critic)

    def __call__(self, sample: Sample) -> Any:
        return self.read(self.critic(sample))


class Once:
    """Remembers a network's outputs for the length of one loss: terms that need the same sample share one pass.

    Keys are the identities of the tensors, which are kept alive. Outputs computed under ``torch.no_grad`` are reused
    under ``torch.no_grad`` only: a later call that needs a graph computes anew.

    Example:
        >>> calls = []
        >>> net = Once(lambda x: calls.append(x) or x.sum(1))
        >>> x = torch.zeros(3, 2, requires_grad=True)
        >>> net(x) is net(x), len(calls)
        (True, 1)
    """

    def __init__(self, critic: Critic) -> None:
        self.critic = critic
        self._outputs: dict[tuple[bool | int, ...], tuple[Sample, Any]] = {}
        self._constants: dict[tuple[bool | int, ...], tuple[Sample, Any]] = {}

    @property
    def module(self) -> nn.Module:
        return module_of(self.critic)

    def __call__(self, sample: Sample) -> Any:
        key = isinstance(sample, tuple), *map(id, parts(sample))
        if key in self._outputs:
            return self._outputs[key][1]
        graph = torch.is_grad_enabled()
        if not graph and key in self._constants:
            return self._constants[key][1]
        output = self.critic(sample)
        (self._outputs if graph else self._constants)[key] = sample, output
        return output


def module_of(critic: Critic) -> nn.Module:
    """The module that holds a critic's weights.

    Raises:
        ValueError: the critic is a bare function.
    """
    if isinstance(critic, nn.Module):
        return critic
    module = getattr(critic, "module", None)
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"this term acts on the critic's weights and needs a module, but got {critic!r}: "
            "pass the network, or View(network, call)"
        )
    return module
