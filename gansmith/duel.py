"""A duel (critic, real, fake): all that an objective sees, and what objectives and penalties do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from gansmith import chance

Sample = Tensor | tuple[Tensor, ...]
Critic = Callable[[Any], Any]
"""Takes a sample; returns scores (n,) or features (n, m). A module, a :class:`View`, or any function.

A critic of scores may return a tuple (scores, extra): objectives read the scores, and what else a term needs (feature
maps, a code's rate) comes from the same pass.
"""

_crossing: ContextVar[bool] = ContextVar("crossing", default=False)
_places: ContextVar[bool] = ContextVar("places", default=False)


def parts(sample: Sample) -> tuple[Tensor, ...]:
    """The tensors of a sample: one, or several where samples are tuples such as (image, code)."""
    return sample if isinstance(sample, tuple) else (sample,)


def alike(sample: Sample, tensors: Sequence[Tensor]) -> Sample:
    """The tensors in the form of ``sample``: a tuple where it is one."""
    return tuple(tensors) if isinstance(sample, tuple) else tensors[0]


def size(sample: Sample) -> int:
    """The number of samples.

    Raises:
        ValueError: no tensor of a batch, and no tuple of such.
    """
    first = sample[0] if isinstance(sample, tuple) and sample else sample
    if not isinstance(first, Tensor) or not first.ndim:
        got = "a tensor without a batch" if isinstance(first, Tensor) else type(sample).__name__
        raise ValueError(f"needs a batch of samples, a tensor (n, ...) or a tuple of such, but got {got}")
    return len(first)


class View:
    """A critic that a game passes: called like any critic, with ``.module`` for what acts on weights.

    Arguments:
        module: what holds the critic's weights (clipping and orthogonality act on it).
        call: sample -> scores (n,), (scores, extra), or features (n, m).

    Example:
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
    """A critic of whose output something else is read; its weights are the critic's.

    Arguments:
        critic: sample -> anything.
        read: what the critic returns -> what is returned.

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

    Keys are the identities of the tensors, which are kept alive. What is computed without gradients is handed out to
    calls without gradients only: a later call that needs a graph computes anew.

    Example:
        >>> calls = []
        >>> net = Once(lambda x: calls.append(x) or x.sum(1))
        >>> x = torch.zeros(3, 2, requires_grad=True)
        >>> net(x) is net(x), len(calls)
        (True, 1)
    """

    def __init__(self, critic: Critic) -> None:
        self.critic = critic
        self._seen: dict[tuple[bool | int, ...], tuple[Sample, Any]] = {}
        self._constant: dict[tuple[bool | int, ...], tuple[Sample, Any]] = {}

    @property
    def module(self) -> nn.Module:
        return module_of(self.critic)

    def __call__(self, sample: Sample) -> Any:
        key = isinstance(sample, tuple), *map(id, parts(sample))
        if key in self._seen:
            return self._seen[key][1]
        graph = torch.is_grad_enabled()
        if not graph and key in self._constant:
            return self._constant[key][1]
        output = self.critic(sample)
        (self._seen if graph else self._constant)[key] = sample, output
        return output


class Witness:
    """A scalar function of one sample by a critic's features: ``head(features(critic, x))``, shape (n,).

    Where the head was made from a batch (the best function between two batches, say), :func:`slope` differentiates it
    in the sample as if the batch stood still, though the sample may be part of it; in the critic's weights it moves.

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
        found = _connected(features(self.critic, sample))
        here = found.view_as(found)  # what the head was made from is another node of the graph
        (along,) = torch.autograd.grad(self.head(here).sum(), here, create_graph=create_graph, retain_graph=True)
        return torch.autograd.grad(
            found, where, along, create_graph=create_graph, retain_graph=True, allow_unused=True, materialize_grads=True
        )


class NoWitness:
    """Stands where an objective has no scalar function of one sample: who asks for one is told why.

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


def score(critic: Critic, sample: Sample) -> Tensor:
    """One score per sample, shape (n,), high where real; never in half precision, because losses are sums.

    Of a tuple (scores, extra) it is the first entry; inside :func:`places` a map has a score at each of its places.

    Raises:
        ValueError: any other shape. (n, 1) against (n,) would silently broadcast to (n, n).

    Example:
        >>> score(lambda x: x.sum(1), torch.ones(2, 3))
        tensor([3., 3.])
        >>> score(nn.Linear(3, 1), torch.ones(2, 3))
        Traceback (most recent call last):
        ...
        ValueError: needs one score per sample, shape (2,), but the critic returned (2, 1): add .squeeze(1)
    """
    n = size(sample)
    output = _called(critic, sample)
    output = _tensor(output[0] if isinstance(output, tuple) and output else output, n, "scores, or (scores, extra)")
    if _places.get() and output.ndim > 1 and len(output) == n:
        return full(output.flatten())
    if output.shape != (n,):
        cure = {
            (n, 1): "add .squeeze(1)",
            (): "return each sample's score, not their mean",
        }.get(
            tuple(output.shape),
            "an objective of features reads (n, m)"
            if output.ndim == 2
            else "reduce over all but the batch, or let every place count by Patchwise(objective)",
        )
        raise ValueError(
            f"needs one score per sample, shape ({n},), but the critic returned {tuple(output.shape)}: {cure}"
        )
    return full(output)


def features(critic: Critic, sample: Sample) -> Tensor:
    """Features of each sample, shape (n, m), for objectives that match moments; of a tuple the first entry.

    Raises:
        ValueError: any other shape.

    Example:
        >>> features(nn.Linear(3, 4), torch.ones(2, 3)).shape
        torch.Size([2, 4])
    """
    n = size(sample)
    output = _called(critic, sample)
    output = _tensor(output[0] if isinstance(output, tuple) and output else output, n, "features, or (features, extra)")
    if output.ndim != 2 or len(output) != n:
        cure = "add .flatten(1)" if output.ndim > 2 else "return the layer before the score"
        raise ValueError(
            f"needs features of each sample, shape ({n}, m), but the critic returned {tuple(output.shape)}: {cure}"
        )
    return full(output)


def _called(critic: Critic, sample: Sample) -> Any:
    try:
        return critic(sample)
    except RuntimeError as error:
        if mixed := _mixture(critic, sample):
            raise ValueError(mixed) from error
        raise


def _mixture(critic: Critic, sample: Sample) -> str:
    """What does not go together, where that is why a critic failed."""
    module = getattr(critic, "module", critic)
    weight = next(module.parameters(), None) if isinstance(module, nn.Module) else None
    for part in parts(sample):
        if weight is None or (part.dtype, part.device) == (weight.dtype, weight.device):
            continue
        if not part.is_floating_point() and part.device == weight.device:
            return (
                f"needs samples that the critic takes, but it failed on samples of {part.dtype}: scale pictures to "
                "[-1, 1], embed what counts or names"
            )
        return (
            f"needs samples like the critic's weights, but the critic's weights are {weight.dtype} on {weight.device} "
            f"and the samples {part.dtype} on {part.device}: move one of them by .to(...), or cast under autocast"
        )
    return ""


def _tensor(output: Any, n: int, wanted: str) -> Tensor:
    if n == 0:
        raise ValueError("needs at least one sample, but got an empty batch: drop the last, partial batch")
    if not isinstance(output, Tensor):
        raise ValueError(
            f"needs a critic that returns one tensor of {wanted}, but got {type(output).__name__}: return it as such"
        )
    return output


def full(output: Tensor) -> Tensor:
    """In float32 where it is in half precision: sums and squares need it. Otherwise as it is."""
    return output.float() if output.dtype in (torch.bfloat16, torch.float16) else output


def same_shape(real: Sample, fake: Sample) -> None:
    """Distances and segments are taken number by number.

    Raises:
        ValueError: the batches, or what belongs to a sample, differ in shape; torch would broadcast.
    """
    same_size(real, fake)
    shapes = [[tuple(p.shape) for p in parts(sample)] for sample in (real, fake)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"needs real and fake samples of one shape, but got {shapes[0]} real and {shapes[1]} fake: "
            "does the generator make what the data are?"
        )


def same_size(real: Sample, fake: Sample) -> None:
    """Pairs are made by position.

    Raises:
        ValueError: the batches differ in size.
    """
    if size(real) != size(fake):
        raise ValueError(
            f"needs pairs, as many fake as real samples, but got {size(real)} real and {size(fake)} fake: "
            "draw one latent for each real sample"
        )


def track(sample: Sample) -> Sample:
    """Ready to be differentiated in: data becomes a new leaf, what has a graph and integers pass as they are.

    Idempotent, so that whoever tracks first decides the identity that :class:`Once` remembers. Never in place.

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
    # a view of a parameter, taken without gradients, says requires_grad but has no graph: its slope would be zero
    ready = x.requires_grad and (x.grad_fn is not None or not x._is_view())
    return x if ready else x.detach().requires_grad_()


@contextmanager
def still() -> Iterator[None]:
    """What is computed inside is a constant, unless a dynamics asks how one player's gradient moves with another."""
    if _crossing.get():
        yield
        return
    with torch.no_grad():
        yield
    # autocast remembers casts of weights, also those made without a graph: the next pass with gradients would use them
    torch.clear_autocast_cache()


@contextmanager
def places() -> Iterator[None]:
    """Inside, :func:`score` reads maps (n, ...) as well: the scores of all places of all samples, one after another."""
    token = _places.set(True)
    try:
        yield
    finally:
        _places.reset(token)


@contextmanager
def crossing(wanted: bool) -> Iterator[None]:
    """Inside, :func:`still` keeps the graph: cross derivatives between players exist."""
    token = _crossing.set(wanted)
    try:
        yield
    finally:
        _crossing.reset(token)


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
    wanted = torch.is_grad_enabled()
    with torch.enable_grad():
        sample = track(sample)
        where = [p for p in parts(sample) if p.requires_grad]
        if not where:
            raise ValueError("a slope needs a continuous sample, but got integers: embed them first")
        if isinstance(function, Witness):
            found = function.gradient(sample, where, wanted)
        else:
            found = _gradient(function, sample, where, wanted)
    squares = [full(g).square().reshape(len(g), -1).sum(1) for g in found]
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


@contextmanager
def full_precision(like: Tensor) -> Iterator[None]:
    """Inside, autocast rests: second moments, distances and decompositions need all digits."""
    if not torch.amp.is_autocast_available(like.device.type):
        yield
        return
    with torch.autocast(like.device.type, enabled=False):
        yield
