"""Consistency: small changes of a picture change nothing about how real it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gansmith import chance
from gansmith.duel.samples import Critic, Sample, size
from gansmith.duel.scores import score, still
from gansmith.notes import scope
from gansmith.regularizers.base import Regularizer


def flip_and_shift(pictures: Sample) -> Tensor:
    """Each picture mirrored with probability 1/2 and moved by up to 1/8 of its sides, borders reflected.

    Arguments:
        pictures: (n, c, h, w).

    Raises:
        ValueError: anything else.

    Example:
        >>> flip_and_shift(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """
    if not isinstance(pictures, Tensor) or pictures.ndim != 4:
        got = tuple(pictures.shape) if isinstance(pictures, Tensor) else type(pictures).__name__
        raise ValueError(f"needs pictures (n, c, h, w) to flip and shift, but got {got}: pass a transform of your own")
    n, _, height, width = pictures.shape
    rows = _shifted("rows", n, height, pictures)
    columns = _shifted("columns", n, width, pictures)
    mirrored = chance.integers(2, "flip", n, 1, like=pictures).bool()
    columns = torch.where(mirrored, columns.flip(1), columns)
    every = torch.arange(n, device=pictures.device).view(-1, 1, 1)
    return pictures.movedim(1, 3)[every, rows.unsqueeze(2), columns.unsqueeze(1)].movedim(3, 1)


def _shifted(name: str, n: int, size: int, like: Tensor) -> Tensor:
    """Where each of ``size`` pixels comes from, (n, size): a shift, reflected at both ends without repeating them."""
    most = size // 8
    shift = chance.integers(2 * most + 1, name, n, 1, like=like) - most
    place = (torch.arange(size, device=like.device) + shift).abs()
    return (size - 1) - ((size - 1) - place).abs()


class Consistency(Regularizer):
    r"""The critic scores a picture and a slightly changed one alike (bCR; with ``fake_weight=0`` CR).

    .. math::
        \lambda\, E (D(x) - D(T(x)))^2 + \mu\, E (D(y) - D(T(y)))^2

    Means over samples, no factor 1/2; the gradient goes through both scores. In the critic's loss only: the objective
    and the generator see unchanged samples. With :math:`\mu = 0` traces of T may leak into what is generated. It costs
    the critic one pass more for each of the two.

    Arguments:
        weight: :math:`\lambda`, for real samples; 0 leaves them out.
        fake_weight: :math:`\mu`, for fake samples; 0 leaves them out.
        transform: T, a sample -> a sample; its randomness from ``gansmith.chance``, by row.

    Raises:
        ValueError: a negative weight, or both 0; a transform that is no function, or does not keep the batch's size.

    References:
        Consistency Regularization for Generative Adversarial Networks, Zhang et al., 2019,
        https://arxiv.org/abs/1910.12027;
        Improved Consistency Regularization for GANs, Zhao et al., 2020, https://arxiv.org/abs/2002.04724.

    Example:
        >>> critic, x, y = lambda s: s.sum(1), torch.ones(4, 2), torch.zeros(4, 2)
        >>> Consistency(10.0, transform=lambda s: s + 0.5)(critic, x, y)  # both scores move by 1
        tensor(20.)
    """

    def __init__(
        self, weight: float = 10.0, fake_weight: float = 10.0, transform: Callable[[Any], Any] = flip_and_shift
    ) -> None:
        super().__init__()
        if not (weight >= 0 and fake_weight >= 0 and weight + fake_weight > 0):
            raise ValueError(f"needs weights >= 0, one of them above 0, but got {weight} and {fake_weight}")
        if not callable(transform):
            raise ValueError(f"needs a function from a sample to a sample, but got {transform!r}")
        self.weight, self.fake_weight, self.transform = weight, fake_weight, transform

    def forward(self, critic: Critic, real: Sample, fake: Sample, witness: Critic | None = None) -> Tensor:
        return torch.stack(
            [
                weight * self._gap(witness or critic, sample, name)
                for name, weight, sample in (("real", self.weight, real), ("fake", self.fake_weight, fake))
                if weight
            ]
        ).sum()

    def _gap(self, critic: Critic, sample: Sample, name: str) -> Tensor:
        with still(), scope(name):
            changed = self.transform(sample)
        if size(changed) != size(sample):
            raise ValueError(
                f"needs a transform of each sample, but of {size(sample)} samples it made {size(changed)}: "
                "return as many, in the same order"
            )
        return (score(critic, sample) - score(critic, changed)).square().mean()
