"""Slopes of a critic, or of another scalar function of its features, in the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gansmith import chance
from gansmith.duel.checks import same_shape
from gansmith.duel.critics import module_of
from gansmith.duel.samples import Critic, Sample, alike, parts, size
from gansmith.duel.scores import features, full, score


class Witness:
    """A scalar function of one sample by a critic's features: ``head(features(critic, x))``, shape (n,).

    Where the head was computed from a batch (the best function between two batches, say), :func:`slope` holds the head
    constant when it differentiates in the sample, even if the sample is part of that batch. Gradients in the critic's
    weights go through the head, too.

    Arguments:
        critic: sample -> features (n, m).
        head: features (n, m) -> scores (n,).

    Example:
        >>> critic = nn.Linear(3, 2)
        >>> Witness(critic, lambda phi: phi.sum(1))(torch.zeros(5, 3)).shape
        torch.Size([5])
    """

    def __init__(self, critic: Critic, head: Callable[[Tensor], Tensor]) -> None:
        self.critic, self.head = critic, head

    @property
    def module(self) -> nn.Module:
        return module_of(self.critic)

    def __call__(self, sample: Sample) -> Tensor:
        return self.head(features(self.critic, sample))

    def gradient(self, sample: Sample, where: Sequence[Tensor], create_graph: bool) -> Sequence[Tensor]:
        """Of the sum of scores, in the parts of a tracked sample."""
        phi = _connected(features(self.critic, sample))
        here = phi.view_as(phi)  # another node of the graph than the features that the head was computed from
        (along,) = torch.autograd.grad(self.head(here).sum(), here, create_graph=create_graph, retain_graph=True)
        return torch.autograd.grad(
            phi, where, along, create_graph=create_graph, retain_graph=True, allow_unused=True, materialize_grads=True
        )


class NoWitness:
    """The witness of an objective that has no scalar function of one sample; a call says why.

    Raises:
        ValueError: when called.

    Example:
        >>> NoWitness("needs a critic of single samples")(torch.zeros(1))
        Traceback (most recent call last):
        ...
        ValueError: needs a critic of single samples
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __call__(self, sample: Sample) -> Tensor:
        raise ValueError(self.reason)


@contextmanager
def twice_differentiable(wanted: bool = True) -> Iterator[None]:
    """Inside, where ``wanted``, attention is computed by plain products: its fast kernels have no second derivative."""
    if not wanted:
        yield
        return
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        yield


def track(sample: Sample) -> Sample:
    """A sample to differentiate in: data becomes a new leaf; tensors with a graph, and integers, stay as they are.

    Idempotent: tracked again, a sample stays the same object, by which :class:`Once` remembers it. Never in place.

    Example:
        >>> x = torch.zeros(2)
        >>> t = track(x)
        >>> t.requires_grad, track(t) is t, x.requires_grad
        (True, True, False)
    """
    return alike(sample, [_tracked(p) for p in parts(sample)])


def _tracked(x: Tensor) -> Tensor:
    if not x.is_floating_point():
        return x
    # a view of a parameter, made without gradients, has requires_grad but no graph: its slope would be zero
    ready = x.requires_grad and (x.grad_fn is not None or not x._is_view())
    return x if ready else x.detach().requires_grad_()


def interpolate(real: Sample, fake: Sample, name: str = "t") -> Sample:
    r"""A point on each segment, :math:`\hat x_i = x_i + t_i (y_i - x_i)`, one :math:`t_i \sim U[0, 1)` per *sample*.

    Integer parts of a tuple stay the real ones.

    Raises:
        ValueError: the batches differ in shape, or nothing in a sample is continuous.

    Example:
        >>> x, y = torch.zeros(4, 3), torch.ones(4, 3)
        >>> t = interpolate(x, y)
        >>> bool((t == t[:, :1]).all()), t.requires_grad
        (True, True)
    """
    same_shape(real, fake)
    pairs = list(zip(parts(real), parts(fake), strict=True))
    like = next((a for a, _ in pairs if a.is_floating_point()), None)
    if like is None:
        raise ValueError("an interpolation needs continuous samples, but got integers: embed them first")
    t = chance.uniform(name, size(real), like=like)
    mixed = [
        a.lerp(b.to(a.dtype), t.to(a.dtype).view(-1, *[1] * (a.ndim - 1))) if a.is_floating_point() else a
        for a, b in pairs
    ]
    return track(alike(real, mixed))


def slope(function: Critic, sample: Sample) -> Tensor:
    r"""Squared norms (n,) of a scalar function's gradient at each sample, :math:`\|\nabla_x D(x_i)\|_2^2`.

    The norm runs over all that belongs to a sample (all pixels and channels, all parts of a tuple). Differentiable once
    more, as penalties need. Right only where the function treats samples one by one: BatchNorm in it mixes them.

    Raises:
        ValueError: the sample has no continuous part, or the score does not depend on it.

    Example:
        >>> w = torch.tensor([3.0, 4.0])
        >>> slope(lambda x: x @ w, torch.zeros(2, 2))
        tensor([25., 25.])
    """
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        sample = track(sample)
        where = [p for p in parts(sample) if p.requires_grad]
        if not where:
            raise ValueError("a slope needs a continuous sample, but got integers: embed them first")
        if isinstance(function, Witness):
            gradients = function.gradient(sample, where, create_graph)
        else:
            gradients = _gradient(function, sample, where, create_graph)
    squares = [full(g).square().reshape(len(g), -1).sum(1) for g in gradients]
    return squares[0] if len(squares) == 1 else torch.stack(squares).sum(0)


def _gradient(function: Critic, sample: Sample, where: Sequence[Tensor], create_graph: bool) -> Sequence[Tensor]:
    total = _connected(score(function, sample)).sum()
    return torch.autograd.grad(
        total, where, create_graph=create_graph, retain_graph=True, allow_unused=True, materialize_grads=True
    )


def _connected(output: Tensor) -> Tensor:
    if not output.requires_grad:
        raise ValueError("a slope needs a function of the sample, but its score does not depend on it: detached?")
    return output
