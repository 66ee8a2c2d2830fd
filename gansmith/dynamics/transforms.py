r"""What may happen to a gradient between the backward pass and the step: for ``Pull(transforms=[...])``.

Each is called with a player's list of gradients (None where a parameter has none) and returns another. They are
applied in the order given: by norm and then by value, which is Keras's order, is ``[ClipNorm(c), ClipValue(v)]``. Any
function of that form will do; one that returns zeros freezes its player under SGD without weight decay.

Example:
    >>> import torch
    >>> from gansmith.dynamics import Pull
    >>> pull = Pull(transforms={"critic": [ClipNorm(1.0), ClipValue(0.7)]})
    >>> pull.transform([torch.tensor([3.0, 4.0])], key=(0,), player="critic")
    [tensor([0.6000, 0.7000])]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from gansmith import chance
from gansmith.dynamics.gradients import Gradients


@dataclass(frozen=True)
class ClipValue:
    """Each entry into [-limit, limit]."""

    limit: float

    def __post_init__(self) -> None:
        _check_limit(self.limit)

    def __call__(self, gradients: Gradients) -> Gradients:
        return [None if g is None else g.clamp(-self.limit, self.limit) for g in gradients]


@dataclass(frozen=True)
class ClipNorm:
    r"""A player's whole gradient to a norm of at most c, :math:`g \min(1, c / \|g\|)`, the norm over all parameters."""

    limit: float

    def __post_init__(self) -> None:
        _check_limit(self.limit)

    def __call__(self, gradients: Gradients) -> Gradients:
        tensors = [g for g in gradients if g is not None]
        if not tensors:
            return gradients
        norm = torch.stack([n.to(tensors[0]) for n in torch._foreach_norm(tensors)]).norm()
        return [None if g is None else g * _shrink(self.limit, norm).to(g) for g in gradients]


@dataclass(frozen=True)
class ClipLayerNorm:
    r"""Each parameter's gradient to a norm of at most c, :math:`g_i \min(1, c / \|g_i\|)`."""

    limit: float

    def __post_init__(self) -> None:
        _check_limit(self.limit)

    def __call__(self, gradients: Gradients) -> Gradients:
        return [None if g is None else g * _shrink(self.limit, g.norm()) for g in gradients]


@dataclass(frozen=True)
class Noise:
    """Adds normal noise of standard deviation ``std``: the same on every rank, another at each move and player.

    Under SGD with rate h a ``std`` of sqrt(2 T / h) makes a Langevin step at temperature T.
    """

    std: float

    def __post_init__(self) -> None:
        if not self.std >= 0:
            raise ValueError(f"needs a standard deviation of at least 0, but got std={self.std}")

    def __call__(self, gradients: Gradients) -> Gradients:
        return [
            None if g is None else g + self.std * chance.shared(f"noise{i}", *g.shape, like=g)
            for i, g in enumerate(gradients)
        ]


@dataclass(frozen=True)
class Sign:
    """The sign of each entry: with SGD a step of the same length in every weight (Adam's limit without memory)."""

    def __call__(self, gradients: Gradients) -> Gradients:
        return [None if g is None else g.sign() for g in gradients]


@dataclass(frozen=True, eq=False)
class Project:
    r"""Removes the whole gradient's components along given directions, :math:`g - \sum_i \langle u_i, g\rangle u_i`.

    The :math:`u_i` are an orthonormal basis of what the directions span, so that these need be neither orthogonal nor
    of length 1. A gradient that a parameter does not have counts as zero. Name the player, since directions fit one:
    ``Pull(transforms={"critic": [Project(directions)]})``.

    Arguments:
        directions: each a list of tensors shaped like the player's parameters.

    Raises:
        ValueError: no direction, or shapes that differ; when called, gradients of other shapes.
    """

    directions: Sequence[Sequence[Tensor]]

    def __post_init__(self) -> None:
        shapes = [[tuple(t.shape) for t in direction] for direction in self.directions]
        if not shapes or any(s != shapes[0] for s in shapes) or not shapes[0]:
            raise ValueError(
                "needs directions, each a list of tensors shaped like the parameters, all of the same shapes"
            )

    @cached_property
    def _basis(self) -> Tensor:
        """Orthonormal rows (r, all parameters); what depends on other directions is dropped."""
        rows = torch.stack([torch.cat([t.detach().flatten() for t in direction]) for direction in self.directions])
        basis: Tensor
        _, sizes, basis = torch.linalg.svd(rows.double(), full_matrices=False)
        return basis[(sizes > 0) & (sizes > 1e-7 * sizes.max())]

    def __call__(self, gradients: Gradients) -> Gradients:
        shapes = [t.shape for t in self.directions[0]]
        if len(gradients) != len(shapes) or any(
            g is not None and g.shape != s for g, s in zip(gradients, shapes, strict=True)
        ):
            raise ValueError(
                f"needs directions shaped like the parameters, but got directions of {[tuple(s) for s in shapes]} and "
                f"gradients of {[g if g is None else tuple(g.shape) for g in gradients]}: name the player that they "
                'are for, Pull(transforms={"critic": [Project(directions)]})'
            )
        like = next((g for g in gradients if g is not None), None)
        if like is None:
            return gradients
        basis = self._basis.to(like)
        whole = [like.new_zeros(s) if g is None else g for g, s in zip(gradients, shapes, strict=True)]
        along = basis @ torch.cat([g.flatten() for g in whole])
        removed = (along @ basis).split([g.numel() for g in whole])
        return [
            None if g is None and not bool(r.any()) else w - r.view_as(w)
            for g, w, r in zip(gradients, whole, removed, strict=True)
        ]


def _shrink(limit: float, norm: Tensor) -> Tensor:
    return norm.clamp(min=torch.finfo(norm.dtype).tiny).reciprocal().mul(limit).clamp(max=1.0)


def _check_limit(limit: float) -> None:
    if not limit > 0:
        raise ValueError(f"needs a limit above 0, but got {limit}")
