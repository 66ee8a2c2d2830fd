"""A code that is a normal distribution, for critics under an information bottleneck."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gansmith import chance
from gansmith.duel.scores import full
from gansmith.refusal import check_sizes


@dataclass(frozen=True)
class _Pass:
    name: str
    rates: list[Tensor] = field(default_factory=list)


_pass: ContextVar[_Pass | None] = ContextVar("pass", default=None)


@contextmanager
def sampling(name: str) -> Iterator[list[Tensor]]:
    """Inside, :class:`StochasticCode` layers sample, and add their rates (n,) to the list.

    The draws are named after ``name`` and the layer's place in the pass: two passes need two names.

    Example:
        >>> layer, x = StochasticCode(2), torch.zeros(3, 4)
        >>> with sampling("real") as rates:
        ...     code = layer(x)
        >>> rates  # N(0, 1) tells nothing
        [tensor([0., 0., 0.])]
    """
    one = _Pass(name)
    token = _pass.set(one)
    try:
        yield one.rates
    finally:
        _pass.reset(token)


class StochasticCode(nn.Module):
    r"""A layer without weights: mean and log-variance (n, 2 size) -> a code (n, size).

    .. math::
        c = \mu + s\,\epsilon, \qquad \text{rate} = \tfrac12 \sum_j (\mu_j^2 + s_j^2 - \log s_j^2 - 1)

    inside :func:`sampling`, with the rate its Kullback-Leibler divergence (n,) from N(0, 1), in nats; outside, the code
    is its mean. The first half of the input is :math:`\mu`. The second half gives :math:`\log s^2` by
    :math:`8 \tanh(t / 8)`, so that s stays between :math:`e^{-4}` and :math:`e^4` and nothing overflows, and a zero is
    s = 1.

    Arguments:
        size: numbers in a code.

    Raises:
        ValueError: a size that is no whole number of at least 1; an input of another shape.

    References:
        Auto-Encoding Variational Bayes, Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, appendix B;
        Variational Discriminator Bottleneck, Peng et al., 2018, https://arxiv.org/abs/1810.00821.

    Example:
        >>> StochasticCode(2)(torch.tensor([[1.0, 2.0, 0.0, 0.0]]))
        tensor([[1., 2.]])
    """

    bound = 8.0

    def __init__(self, size: int) -> None:
        super().__init__()
        check_sizes(size=size)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        mean, log_variance = self.distribution(x)
        one = _pass.get()
        if one is None:
            return mean.to(x.dtype)
        noise = chance.normal(f"{one.name}.{len(one.rates)}", len(x), self.size, like=mean)
        one.rates.append((mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2)
        return (mean + (log_variance / 2).exp() * noise).to(x.dtype)

    def distribution(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (n, size), never in half precision, of an input (n, 2 size)."""
        if x.ndim != 2 or x.shape[1] != 2 * self.size:
            raise ValueError(
                f"needs means and log-variances of {self.size} numbers, shape (n, {2 * self.size}), "
                f"but got {tuple(x.shape)}: let the layer before return 2 * size numbers"
            )
        mean, raw = full(x).chunk(2, 1)
        return mean, self.bound * torch.tanh(raw / self.bound)

    def extra_repr(self) -> str:
        return f"{self.size}"
