"""DRAGAN's penalty: a slope of 1 around the data."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gansmith import chance
from gansmith.duel.ranks import gather
from gansmith.duel.samples import Sample, alike, parts
from gansmith.duel.slopes import track
from gansmith.regularizers.base import nonnegative
from gansmith.regularizers.gradient_penalty import GradientPenalty


class DRAGAN(GradientPenalty):
    r"""Holds the critic's slope near a target around real samples; fake ones do not enter.

    .. math::
        \lambda\, E_{\hat x} (\|\nabla D(\hat x)\|_2 - c)^2

    with the norm over all of a sample and a mean over samples, as in :class:`GradientPenalty`, and

    .. math::
        \hat x = x + \sigma \epsilon, \quad \epsilon \sim N(0, 1) \qquad \text{(the paper)}; \qquad
        \hat x = x + t\,\sigma s\,u, \quad t, u \sim U[0, 1) \qquad \text{(the authors' code)}

    In the code's form t is one number per sample, u one per pixel, and s the (population) standard deviation of *all*
    pixels of the whole batch, one number: the noise is never negative, its mean is :math:`\sigma s / 4`, and the term
    is no mean over samples. Added to ``NonSaturating()``: the critic keeps a slope to learn from near the data.

    Arguments:
        weight: :math:`\lambda`.
        target: c.
        noise: "paper" or "authors".
        scale: :math:`\sigma`; in the paper's form the standard deviation of the noise in the units of the data (the
            square root of the paper's variance), in the code's form a factor of that of the data, 0.5 there.

    Raises:
        ValueError: another noise, or a negative weight.

    References:
        On Convergence and Stability of GANs, Kodali et al., 2017, https://arxiv.org/abs/1705.07215.

    Example:
        >>> w = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> x, y = torch.rand(8, 2), torch.ones(8, 2)
        >>> DRAGAN(10.0)(lambda s: s @ w, x, y).item(), DRAGAN(10.0, noise="authors")(lambda s: s @ w, x, y).item()
        (160.0, 160.0)
    """

    def __init__(
        self,
        weight: float = 10.0,
        target: float = 1.0,
        noise: Literal["paper", "authors"] = "paper",
        scale: float = 0.5,
    ) -> None:
        super().__init__(weight, target)
        if noise not in ("paper", "authors"):
            raise ValueError(f'needs noise="paper" or noise="authors", but got {noise!r}')
        self.noise, self.scale = noise, nonnegative(scale)
        self.additive = noise == "paper"

    def points(self, real: Sample, fake: Sample) -> Sample:
        moved = [self._move(p, f"{i}") if p.is_floating_point() else p for i, p in enumerate(parts(real))]
        return track(alike(real, moved))

    def _move(self, x: Tensor, name: str) -> Tensor:
        """Parts of a tuple are moved alike, each by noise of its own."""
        n, *shape = x.shape
        if self.noise == "paper":
            return x + self.scale * chance.normal("noise" + name, n, *shape, like=x)
        with torch.no_grad():
            spread = gather(x).std(correction=0)
        t = chance.uniform("t", n, like=x).view(-1, *[1] * len(shape))
        return x + t * (self.scale * spread) * chance.uniform("noise" + name, n, *shape, like=x)
