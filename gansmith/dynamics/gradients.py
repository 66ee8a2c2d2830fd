"""A player's gradients as a list, None where a parameter has none: sums, means over ranks, and checks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
import torch.distributed as dist
from torch import Tensor

from gansmith.notes import Notes

Gradients = list[Tensor | None]


class Diverged(FloatingPointError):  # noqa: N818 (as StopIteration: what happened, not a mistake)
    """A loss, its gradient, or a number of the state is not finite; the move that met it changed nothing.

    Attributes:
        terms: names of what is not finite.
        player: whose.
        step: where it was met.
        since: the last step at which it was finite, where that is not the one before; otherwise None.
    """

    def __init__(self, terms: list[str], player: str = "", step: int | None = None, since: int | None = None) -> None:
        self.terms, self.player, self.step, self.since = terms, player, step, since
        where = "" if step is None else f" at step {step}" if since is None else f" between step {since} and {step}"
        who = f"the {player}'s " if player else ""
        super().__init__(
            f"{who}{' and '.join(terms) or 'gradient'} became infinite or NaN{where}: "
            "lower the learning rate, or a weight"
        )


def combine(weights: Sequence[float], several: Sequence[Gradients]) -> Gradients:
    """The weighted sum of lists of gradients; None where none of them has one, which otherwise counts as zero.

    Example:
        >>> combine([2.0, -1.0], [[torch.ones(1), None], [torch.ones(1), None]])
        [tensor([1.]), None]
    """
    total: Gradients = []
    for column in zip(*several, strict=True):
        terms = [w * g for w, g in zip(weights, column, strict=True) if g is not None]
        total.append(sum(terms[1:], terms[0]) if terms else None)
    return total


def accumulate(total: Tensor | None, gradient: Tensor, weight: float) -> Tensor:
    """``total + weight * gradient``, in place where there is a total."""
    if total is None:
        return gradient if weight == 1 else gradient * weight
    return total.add_(gradient, alpha=weight)


def average(
    group: dist.ProcessGroup | None, parameters: Sequence[Tensor], gradients: Gradients, notes: Notes
) -> tuple[Gradients, Notes]:
    """Gradients and notes, averaged over ranks in one reduction.

    A mask says whether any rank used a parameter: no gradient is not a gradient of 0. All are reduced in the widest of
    their types, so that none loses digits.
    """
    names = sorted(notes)
    widest = reduce(torch.promote_types, (p.dtype for p in parameters), torch.float32)
    like = torch.empty(0, dtype=widest, device=parameters[0].device)
    used = like.new_tensor([g is not None for g in gradients])
    flat = torch.cat(
        [
            *(
                (torch.zeros_like(p) if g is None else g).to(like.dtype).flatten()
                for p, g in zip(parameters, gradients, strict=True)
            ),
            used,
            *(notes[name].reshape(1).to(like) for name in names),
        ]
    )
    dist.all_reduce(flat, group=group)
    flat /= dist.get_world_size(group)
    *pieces, used, values = torch.split(flat, [*(p.numel() for p in parameters), len(parameters), len(names)])
    used, values = used.abs(), values.real.contiguous()
    mean = [_as(g.view_as(p), p) if u > 0 else None for g, p, u in zip(pieces, parameters, used.tolist(), strict=True)]
    return mean, dict(zip(names, values.unbind(), strict=True))


def _as(g: Tensor, p: Tensor) -> Tensor:
    """A gradient of the type of its parameter."""
    return (g.real.contiguous() if g.is_complex() and not p.is_complex() else g).to(p.dtype)


def check_finite(gradients: Gradients, notes: Notes) -> None:
    """Raises Diverged where the loss, or a gradient, is not finite.

    One synchronization with the device for all of them; names are looked up only when something is wrong.
    """
    tensors = [g for g in gradients if g is not None]
    norms = torch._foreach_norm(tensors) if tensors else ()
    sizes = [v.to(torch.float32) for v in (*norms, *([notes["loss"].abs()] if notes else []))]
    if sizes and not bool(torch.stack(sizes).sum().isfinite()):
        terms = [name for name, value in notes.items() if not bool(value.isfinite())]
        # a sum is not finite because of a term: the term is what to name
        raise Diverged([t for t in terms if t != "loss"] or terms)


def check_alike(gradients: Sequence[Tensor | None], like: Sequence[Tensor | None], what: str) -> None:
    """Raises ValueError where a gradient is not shaped like its parameter: a sum with it would broadcast."""
    if not isinstance(gradients, Sequence) or len(gradients) != len(like):
        got = len(gradients) if isinstance(gradients, Sequence) else type(gradients).__name__
        raise ValueError(f"needs a list of {len(like)} gradients, one for each parameter, but {what} returned {got}")
    for i, (g, p) in enumerate(zip(gradients, like, strict=True)):
        if g is None or (isinstance(g, Tensor) and (p is None or _fits(g, p))):
            continue
        due = "a tensor" if p is None else describe(p)
        raise ValueError(f"needs as gradient {i} {due}, or None, but {what} returned {describe(g)}")


def _fits(g: Tensor, p: Tensor) -> bool:
    return (g.shape, g.dtype, g.device) == (p.shape, p.dtype, p.device)


def describe(value: object) -> str:
    """A value in words, for an error message.

    Example:
        >>> describe(torch.zeros(2)), describe(1.0)
        ('torch.float32 of shape (2,) on cpu', 'float')
    """
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{value.dtype} of shape {tuple(value.shape)} on {value.device}"
