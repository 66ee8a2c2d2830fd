"""How much an adversarial loss weighs beside a reconstruction's: VQGAN's adaptive weight."""

from __future__ import annotations

import torch
from torch import Tensor


def balance(
    reconstruction: Tensor, adversarial: Tensor, last_layer: Tensor, *, limit: float = 1e4, eps: float = 1e-4
) -> Tensor:
    r"""The weight with which an adversarial loss pulls at a decoder's last layer as hard as a reconstruction does.

    .. math::
        \lambda = \min\Big(\frac{\|\nabla_W L_{rec}\|}{\|\nabla_W L_{adv}\| + \epsilon},\; \lambda_{max}\Big)

    with Frobenius norms, W the weight of the last layer. A constant: no gradient goes through it. Multiply by a factor
    of your own afterwards, as the authors do (0.8): ``loss = rec + 0.8 * balance(rec, adv, W) * adv``. A weight at its
    limit for long says that the critic gives no gradient. Both losses keep their graphs.

    Arguments:
        reconstruction: a scalar, without the codebook's loss.
        adversarial: a scalar, the generator's loss.
        last_layer: the decoder's last weight.
        limit: the largest weight.
        eps: beside the adversarial norm.

    Returns:
        A scalar, detached.

    Raises:
        ValueError: a loss that does not depend on the last layer, or no scalar.

    References:
        Taming Transformers for High-Resolution Image Synthesis, Esser, Rombach and Ommer, 2020,
        https://arxiv.org/abs/2012.09841, equation (7), and its code.

    Example:
        >>> w = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> balance(10 * w.sum(), w.sum(), w, eps=0.0)
        tensor(10.)
    """
    weights = [_pull("reconstruction", reconstruction, last_layer), _pull("adversarial", adversarial, last_layer)]
    return (weights[0] / (weights[1] + eps)).clamp(0, limit).detach()


def _pull(name: str, loss: Tensor, last_layer: Tensor) -> Tensor:
    """The norm of a loss's gradient in the last layer."""
    if loss.numel() != 1:
        raise ValueError(f"needs a scalar loss, but the {name} loss has shape {tuple(loss.shape)}: take its mean")
    if not torch.is_grad_enabled():
        raise ValueError(
            "needs gradients of both losses, but they are off here (torch.no_grad): in validation take the weight of "
            "the last training step, or leave balance out"
        )
    if not last_layer.requires_grad:
        raise ValueError(
            "needs a last layer that is trained, but its weight has requires_grad=False: pass the decoder's last weight"
        )
    gradient = (
        torch.autograd.grad(loss, last_layer, retain_graph=True, allow_unused=True)[0] if loss.requires_grad else None
    )
    if gradient is None:
        raise ValueError(
            f"needs losses of the last layer's output, but the {name} loss does not depend on it: was its input "
            "detached, or is this the weight of another layer?"
        )
    norm: Tensor = gradient.norm()
    return norm
