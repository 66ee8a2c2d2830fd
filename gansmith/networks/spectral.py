"""Spectral normalization of a whole network, and its removal when training is over."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.spectral_norm import SpectralNorm as _Hook
from torch.nn.utils.spectral_norm import remove_spectral_norm

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)

Net = TypeVar("Net", bound=nn.Module)


def spectral_norm(net: Net, init: Callable[[Tensor], object] | None = None) -> Net:
    r"""Divides the weight of every linear and convolution layer by its largest singular value, in place.

    .. math::
        \bar W = W / \sigma(W), \qquad \sigma = u^\top W v, \qquad
        u \leftarrow W v / \|W v\|, \quad v \leftarrow W^\top u / \|W^\top u\|

    W holds a layer's filters as rows (those of a transposed convolution's groups side by side). One power iteration in
    each pass in training mode, none in evaluation mode, no gradient through u and v. The order is torch's, u first (the
    paper's is v first), and so are the 15 iterations at the start. Between 1-Lipschitz activations a network of linear
    layers is then 1-Lipschitz, once the iteration has converged. The norm of a *convolution* is another: for stride 1
    it is at most :math:`\sqrt{hw}` times that of its h x w filters.

    ``init`` works on the weight itself: on a layer that is normalized already, ``nn.init.normal_(layer.weight)`` would
    write into a temporary tensor, in vain.

    Arguments:
        net: changed in place, and returned.
        init: weight -> anything, in place, such as ``nn.init.orthogonal_``; None keeps the weights as they are.

    Raises:
        ValueError: a layer is normalized already, starts at 0, or has no shape yet (``nn.LazyLinear``); there is none.

    References:
        Spectral Normalization for Generative Adversarial Networks, Miyato et al., 2018,
        https://arxiv.org/abs/1802.05957.

    Example:
        >>> net = spectral_norm(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), nn.init.orthogonal_)
        >>> bool(torch.linalg.matrix_norm(net[0].weight, 2) < 1 + 1e-5)
        True
    """
    layers = [(name, m) for name, m in net.named_modules() if isinstance(m, LAYERS)]
    if not layers:
        raise ValueError("needs a network with linear or convolution layers, but found none")
    for name, layer in layers:
        if isinstance(layer, LazyModuleMixin):
            raise ValueError(
                f"needs layers of known shape, but {name or 'the network'} is lazy: pass a batch through it first"
            )
        if spectral_norms(layer):
            raise ValueError(
                f"needs layers without spectral normalization, but {name or 'the network'} has it already: "
                "a second one would take another power iteration in each pass, for nothing"
            )
    for name, layer in layers:
        if init is not None:
            _initialize(layer, init)
        weight: Any = layer.weight
        if not weight.is_meta and not weight.any():
            raise ValueError(
                f"needs weights to divide by their norm, but {name or 'the network'} starts at 0: "
                "initialize it otherwise, or leave the normalization out of it"
            )
    for _, layer in layers:
        parametrizations.spectral_norm(layer)  # after the initialization, which its vectors start from
    return net


@torch.no_grad()
def _initialize(layer: nn.Module, init: Callable[[Tensor], object]) -> None:
    weight: Any = layer.weight
    init(weight)
    if parametrize.is_parametrized(layer, "weight"):  # what was read is temporary: write it back to what it is made of
        layer.weight = weight


def underlying(layer: nn.Module) -> Tensor:
    """The weight before spectral normalization, where there is one; otherwise the weight that passes use."""
    module: Any = layer
    name = "weight_orig" if _hooked(layer) else "weight"
    if parametrize.is_parametrized(layer, name):
        return before_norm(module.parametrizations[name])
    weight: Tensor = getattr(module, name)
    return weight


def before_norm(chain: parametrize.ParametrizationList) -> Tensor:
    """What a chain of parametrizations makes of what is trained, spectral normalization left out."""
    parametrization: Any = chain
    values = (
        [parametrization.original]
        if chain.is_tensor
        else [getattr(parametrization, f"original{i}") for i in range(parametrization.ntensors)]
    )
    for step in chain:
        if not isinstance(step, _SpectralNorm):
            values = [step(*values)]
    weight: Tensor = values[0]
    return weight


def _hooked(layer: nn.Module) -> bool:
    """Whether a layer has torch's first form of spectral normalization, by a hook."""
    return isinstance(getattr(layer, "weight_u", None), Tensor)


def spectral_norms(layer: nn.Module) -> int:
    """How many spectral normalizations, of both of torch's forms, one tensor of a layer carries at most."""
    several: Any = layer.parametrizations if parametrize.is_parametrized(layer) else {}
    counts = {name: sum(isinstance(p, _SpectralNorm) for p in chain) for name, chain in several.items()}
    if _hooked(layer):
        counts["weight_orig"] = 1 + counts.get("weight_orig", 0)
    return max(counts.values(), default=0)


@torch.no_grad()
def fold(net: Net) -> Net:
    """A copy in evaluation mode whose parametrized tensors (all of them, not weights only) are plain parameters.

    For sampling, export and reading by other programs: the same outputs, no more normalization at each pass. Torch's
    first form of spectral normalization, by hooks, is folded too.

    Arguments:
        net: stays as it is.

    Example:
        >>> net = spectral_norm(nn.Sequential(nn.Linear(4, 1)))
        >>> sorted(fold(net).state_dict())
        ['0.bias', '0.weight']
    """
    # a pass under a hook leaves a weight with a graph, which cannot be copied
    left = [getattr(m, hook.name) for m in net.modules() for hook in _hooks(m)]
    net = copy.deepcopy(net, {id(w): w.detach().clone() for w in left}).eval()
    for module in net.modules():
        _plain(module)
        for hook in _hooks(module):
            trained = getattr(module, f"{hook.name}_orig").requires_grad
            getattr(remove_spectral_norm(module, hook.name), hook.name).requires_grad_(trained)
    return net


def _hooks(module: nn.Module) -> list[_Hook]:
    return [hook for hook in module._forward_pre_hooks.values() if isinstance(hook, _Hook)]


def _plain(module: nn.Module) -> None:
    """Parametrized tensors become parameters, and parametrized buffers buffers, in place."""
    if parametrize.is_parametrized(module):
        # torch's remove_parametrizations deletes a property of the class, which a deep copy shares with the original
        chains: Any = module.parametrizations
        values = {name: getattr(module, name).clone() for name in chains}
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
        for name, value in values.items():
            if trained := list(chains[name].parameters(recurse=False)):
                module.register_parameter(name, nn.Parameter(value, any(p.requires_grad for p in trained)))
            else:
                module.register_buffer(name, value)
