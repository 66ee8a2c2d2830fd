"""Weight clipping, the first Wasserstein GAN's constraint."""

from __future__ import annotations

import torch

from gansmith.duel import Critic, module_of
from gansmith.regularizers.base import Regularizer


class ClipWeights(Regularizer):
    r"""Clamps every trained parameter of the critic, biases too, to :math:`[-c, c]` after each of its moves.

    The critic becomes Lipschitz with *some* constant K, so that a Wasserstein objective estimates :math:`K \cdot W_1`.
    (The authors' code clamps before each move, so that the generator meets unclamped weights; the paper does it after.)

    Arguments:
        limit: c, 0.01 in the paper.

    Raises:
        ValueError: the critic is a bare function, so that there are no weights to clip.

    References:
        Wasserstein GAN, Arjovsky, Chintala and Bottou, 2017, https://arxiv.org/abs/1701.07875, algorithm 1.

    Example:
        >>> critic = torch.nn.Linear(2, 1)
        >>> ClipWeights(0.01).project_(critic)
        >>> bool(critic.weight.abs().max() <= 0.01)
        True
    """

    def __init__(self, limit: float = 0.01) -> None:
        super().__init__()
        self.limit = limit

    @torch.no_grad()
    def project_(self, module: Critic) -> None:
        for weight in module_of(module).parameters():
            if weight.requires_grad:
                weight.clamp_(-self.limit, self.limit)
