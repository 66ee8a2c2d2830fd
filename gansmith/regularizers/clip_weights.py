"""Weight clipping, the first Wasserstein GAN's constraint."""

from __future__ import annotations

import torch
from torch.nn.utils.parametrize import ParametrizationList

from gansmith.duel.critics import module_of
from gansmith.duel.samples import Critic
from gansmith.networks.spectral import before_norm
from gansmith.regularizers.base import Regularizer


class ClipWeights(Regularizer):
    r"""Clamps every trained parameter of the critic, biases too, to :math:`[-c, c]` after each of its moves.

    The critic becomes Lipschitz with *some* constant K, so that a Wasserstein objective estimates :math:`K \cdot W_1`.
    (The authors' code clamps before each move, so that the generator meets unclamped weights; the paper does it after.)

    Clamped is what a layer uses, and written back through its parametrization where there is one (``scale_rate``,
    torch's ``weight_norm``). Spectral normalization has no inverse: there it is the weight before normalization.

    Arguments:
        limit: c, above 0; 0.01 in the paper.

    Raises:
        ValueError: a limit that is not positive; the critic is a bare function, so that there are no weights to clip; a
            parametrization without an inverse.

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
        if not limit > 0:
            raise ValueError(f"needs a limit above 0, but got {limit}: the paper has 0.01")
        self.limit = limit

    @torch.no_grad()
    def project_(self, module: Critic) -> None:
        for part in module_of(module).modules():
            trained = [p for p in part.parameters(recurse=False) if p.requires_grad]
            if trained and isinstance(part, ParametrizationList):
                self._clip_through(part)
            else:
                for weight in trained:
                    weight.clamp_(-self.limit, self.limit)

    def _clip_through(self, chain: ParametrizationList) -> None:
        if (missing := next((step for step in chain if not hasattr(step, "right_inverse")), None)) is not None:
            raise ValueError(
                f"needs parametrizations with a right_inverse to write clamped weights back, but "
                f"{type(missing).__name__} has none: define it, or leave the parametrization out"
            )
        weight = before_norm(chain)
        if (weight.abs() > self.limit).any():  # what is inside stays as it is: an inverse rounds
            chain.right_inverse(weight.clamp(-self.limit, self.limit))
