"""Orthogonal weights: filters that do not repeat each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gansmith.duel.critics import module_of
from gansmith.duel.samples import Critic, Sample
from gansmith.networks.spectral import LAYERS, TRANSPOSED, underlying
from gansmith.regularizers.base import Regularizer, nonnegative


class OrthogonalWeights(Regularizer):
    r"""Pulls the filters of each linear and convolution layer of the critic apart.

    .. math::
        \beta \sum_W \|W W^\top \odot (1 - I)\|_F^2, \qquad \text{or with the diagonal} \qquad
        \beta \sum_W \|W W^\top - I\|_F^2

    A sum over layers and over entries. W holds a layer's filters as rows; where these outnumber their entries, so that
    they cannot be orthogonal, its columns. Without the diagonal (BigGAN) filters are pulled to right angles and keep
    their lengths; with it their lengths go to 1 too. Embeddings are left alone, and under spectral normalization it is
    the weight before normalization that is pulled.

    Arguments:
        weight: :math:`\beta`.
        diagonal: pull lengths to 1 too.

    Note:
        BigGAN's code adds a gradient by hand, :math:`2 \beta (W W^\top \odot (1 - I)) W`, half of the gradient
        :math:`4 \beta (W W^\top \odot (1 - I)) W` of its formula, which is taken here: a strength of 1e-4 there is a
        weight of 5e-5 here. There, W holds the filters as rows in every layer.

    Raises:
        ValueError: the critic is a bare function, or has no linear or convolution layer; a negative weight.

    References:
        Large Scale GAN Training for High Fidelity Natural Image Synthesis, Brock, Donahue and Simonyan, 2018,
        https://arxiv.org/abs/1809.11096, equation (3);
        Neural Photo Editing with Introspective Adversarial Networks, Brock et al., 2016,
        https://arxiv.org/abs/1609.07093 (with the diagonal).

    Example:
        >>> critic = nn.Linear(2, 2)
        >>> critic.weight.data = torch.tensor([[1.0, 1.0], [0.0, 3.0]])
        >>> x = torch.zeros(1, 2)
        >>> OrthogonalWeights(1.0)(critic, x, x).item()  # two entries of 3
        18.0
    """

    def __init__(self, weight: float = 1e-4, diagonal: bool = False) -> None:
        super().__init__()
        self.weight, self.diagonal = nonnegative(weight), diagonal

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor:
        misses = [self._miss(_filters(m)) for m in module_of(critic).modules() if isinstance(m, LAYERS)]
        if not misses:
            raise ValueError("needs linear or convolution layers, but the critic has none: leave the term out")
        return self.weight * torch.stack(misses).sum()

    def _miss(self, w: Tensor) -> Tensor:
        products = w @ w.T if len(w) <= w.shape[1] else w.T @ w
        one = torch.eye(len(products), dtype=w.dtype, device=w.device)
        return (products - one if self.diagonal else products * (1 - one)).square().sum()


def _filters(layer: nn.Module) -> Tensor:
    """A layer's filters as rows."""
    weight = underlying(layer)  # a look at a normalized weight in training mode would take a power iteration
    if isinstance(layer, TRANSPOSED):  # (in, out / groups, ...), and each group has filters of its own
        weight = weight.unflatten(0, (layer.groups, -1)).transpose(1, 2).flatten(0, 1)
    return weight.flatten(1)
