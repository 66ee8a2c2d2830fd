"""A player's gradient: the one place for precision, micro-batches, ranks, transforms, and the check for NaN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from gansmith.batch import Batch
from gansmith.chance import Key, Part, keyed
from gansmith.duel.scores import crossing
from gansmith.games.base import Player
from gansmith.notes import Notes, note, notes, scope

Gradients = list[Tensor | None]
Transform = Callable[[Gradients], Gradients]


class Diverged(FloatingPointError):  # noqa: N818 (as StopIteration: what happened, not a mistake)
    """A loss or its gradient is not finite; nothing was changed. ``terms`` names what was not finite."""

    def __init__(self, terms: list[str], player: str = "", step: int | None = None) -> None:
        self.terms, self.player, self.step = terms, player, step
        where = "" if step is None else f" at step {step}"
        who = f"the {player}'s " if player else ""
        super().__init__(
            f"{who}{' and '.join(terms) or 'gradient'} became infinite or NaN{where}: "
            "lower the learning rate, or a weight"
        )


@dataclass(frozen=True)
class Pull:
    """How gradients are taken: ``pull(player, batch, key)`` returns them, and what the loss said.

    Arguments:
        micro: number of micro-batches; each holds a part of the batch in memory at a time.
        group: ranks that share the global batch, each with its rows; gradients and notes are averaged over them.
        autocast: run the losses in this precision (``torch.bfloat16``); parameters stay as they are.
        transforms: functions of the list of gradients (None where unused), applied in the order given; they see the
            global gradient, just before an optimizer is handed it. A mapping gives each player of a dynamics its own.
            What they draw from :mod:`gansmith.chance` or from torch's generator is the same on every rank.

    Example:
        >>> from gansmith.networks import MLP
        >>> net = MLP(2, None)
        >>> player = Player([net], lambda batch: net(batch.x).square().mean())
        >>> gradients, said = Pull()(player, Batch(torch.ones(8, 2), None, torch.arange(8)), (0, 0))
        >>> len(gradients) == len(player.parameters()), list(said)
        (True, ['loss'])
    """

    micro: int = 1
    group: dist.ProcessGroup | None = None
    autocast: torch.dtype | None = None
    transforms: Sequence[Transform] | Mapping[str, Sequence[Transform]] = ()

    def __post_init__(self) -> None:
        if self.micro < 1:
            raise ValueError(f"needs at least one micro-batch, but got micro={self.micro}")
        several = self.transforms.values() if isinstance(self.transforms, Mapping) else [self.transforms]
        for transforms in several:
            if not isinstance(transforms, Sequence):
                raise ValueError(f"needs a list of transforms, but got {transforms!r}: write [{transforms!r}]")

    def __call__(
        self,
        player: Player,
        batch: Batch,
        key: Key,
        wrt: Sequence[Tensor] | None = None,
        along: Sequence[Tensor] | None = None,
        transformed: bool = True,
    ) -> tuple[Gradients, Notes]:
        """The gradient of the player's loss in its own parameters, and the notes, both for the global batch.

        Arguments:
            player: whose loss.
            batch: this rank's rows of the global batch, as many on every rank.
            key: names the draws.
            wrt: differentiate in these instead, also through what the player itself holds constant.
            along: one tensor for each of the player's parameters (zeros where it has no gradient): return the gradient
                of its inner product with the player's own gradient instead. Additive over samples, so that it crosses
                micro-batches and ranks.
            transformed: apply the transforms; False for who combines gradients first and calls ``transform`` then.

        Raises:
            ValueError: micro-batches of an objective that is no mean over samples; an empty batch; a loss that is no
                scalar, or depends on none of the player's parameters; a transform whose result is no gradient.
            Diverged: a loss or gradient is not finite.
        """
        if len(batch) == 0:
            raise ValueError("needs at least one sample, but got an empty batch: drop the last, partial batch")
        if self.micro > 1 and not player.additive:
            raise ValueError(
                f"needs the whole batch at once, because this objective is no mean over samples, but got "
                f"micro={self.micro}: use micro=1, or a smaller batch"
            )
        wanted = player.parameters() if wrt is None else list(wrt)
        if not wanted:
            raise ValueError(
                "needs a player with parameters that it may change, but got one without any: leave a frozen network "
                "to no player, or set requires_grad of its parameters"
            )
        total: Gradients = [None] * len(wanted)
        seen: Notes = {}
        world, rank = _place(self.group)
        n = len(batch)
        step = -(-n // self.micro)
        for start in range(0, n, step):
            rows = batch if self.micro == 1 else batch[start : start + step]
            part = Part(key, rank * n + start, len(rows), world * n, self.group)
            gradients, said = self._part(player, rows, part, wanted, along, crosses=wrt is not None)
            share = len(rows) / n
            for i, g in enumerate(gradients):
                if g is not None:
                    total[i] = _add(total[i], g, share)
            for name, value in said.items():
                seen[name] = value * share + seen[name] if name in seen else value * share if share < 1 else value
        if world > 1:
            total, seen = _average(self.group, wanted, total, seen, world)
        _check_finite(total, seen)
        if along is not None:
            return total, seen
        if wrt is None and all(g is None for g in total):
            raise ValueError(
                "needs a loss that depends on its player's parameters, but none of them has a gradient: "
                "is something detached that should not be?"
            )
        return self.transform(total, key, like=wanted) if transformed else total, seen

    def transform(
        self, gradients: Gradients, key: Key, player: str | None = None, like: Sequence[Tensor] | None = None
    ) -> Gradients:
        """The gradients through all transforms, in their order.

        Arguments:
            gradients: global ones.
            key: names the draws; other players draw others.
            player: whose gradients they are.
            like: the parameters, which tell what a gradient that was None may become.

        Raises:
            ValueError: each player has transforms of its own, and no player was named; a transform does not return as
                many gradients, each None or a tensor like its parameter.
            Diverged: the result is not finite.
        """
        transforms = self.transforms
        if isinstance(transforms, Mapping):
            if player is None:
                raise ValueError("needs a player's name to choose its transforms by: step a dynamics, or pass a list")
            transforms = transforms.get(player, ())
        if not transforms:
            return gradients
        device = next((g.device for g in gradients if g is not None), None)
        with keyed(Part(key if player is None else (*key, player)), device):  # no rows: alike on every rank
            for i, transform in enumerate(transforms):
                with scope(f"transform{i}"):
                    found = transform(gradients)
                _check_alike(found, gradients if like is None else like, f"transform {i}, {transform!r},")
                gradients = list(found)
        _check_finite(gradients, {})
        return gradients

    def _part(
        self,
        player: Player,
        rows: Batch,
        part: Part,
        wanted: Sequence[Tensor],
        along: Sequence[Tensor] | None,
        crosses: bool,
    ) -> tuple[Gradients, Notes]:
        device = rows.x.device
        precision = nullcontext() if self.autocast is None else torch.autocast(device.type, self.autocast)
        with keyed(part, device), notes() as said, crossing(crosses or along is not None):
            with precision:  # closed before the backward pass: a cast that outlives a move is stale
                loss = player.loss(rows)
            if not isinstance(loss, Tensor) or loss.ndim:
                raise ValueError(f"needs a loss that is a scalar tensor, but a player's loss returned {_kind(loss)}")
            note("loss", loss)
            if along is not None:
                loss = _inner(loss, player, along)
            if not loss.requires_grad:
                return [None] * len(wanted), said
            return list(torch.autograd.grad(loss, wanted, allow_unused=True)), said


def _inner(loss: Tensor, player: Player, along: Sequence[Tensor]) -> Tensor:
    """<along, the player's own gradient>, with its graph."""
    own = torch.autograd.grad(loss, player.parameters(), create_graph=True, allow_unused=True)
    products = [(g * a).sum() for g, a in zip(own, along, strict=True) if g is not None]
    return torch.stack(products).sum() if products else loss.detach()


def _add(total: Tensor | None, g: Tensor, share: float) -> Tensor:
    if total is None:
        return g if share == 1 else g * share
    return total.add_(g, alpha=share)


def _place(group: dist.ProcessGroup | None) -> tuple[int, int]:
    return (1, 0) if group is None else (dist.get_world_size(group), dist.get_rank(group))


def _average(
    group: dist.ProcessGroup | None, wanted: Sequence[Tensor], gradients: Gradients, seen: Notes, world: int
) -> tuple[Gradients, Notes]:
    """One buffer, one reduction. A mask says whether any rank used a parameter: no gradient is not a gradient of 0."""
    like, names = wanted[0], sorted(seen)
    used = like.new_tensor([g is not None for g in gradients])
    flat = torch.cat(
        [
            *(
                (torch.zeros_like(p) if g is None else g).to(like.dtype).flatten()
                for p, g in zip(wanted, gradients, strict=True)
            ),
            used,
            *(seen[name].reshape(1).to(like) for name in names),
        ]
    )
    dist.all_reduce(flat, group=group)
    flat /= world
    *pieces, used, said = torch.split(flat, [*(p.numel() for p in wanted), len(wanted), len(names)])
    mean = [g.view_as(p).to(p.dtype) if u > 0 else None for g, p, u in zip(pieces, wanted, used.tolist(), strict=True)]
    return mean, dict(zip(names, said.unbind(), strict=True))


def _check_alike(found: Sequence[Tensor | None], like: Sequence[Tensor | None], what: str) -> None:
    """What is assigned to a parameter's ``.grad``, or added to it, must not broadcast."""
    if not isinstance(found, Sequence) or len(found) != len(like):
        got = len(found) if isinstance(found, Sequence) else type(found).__name__
        raise ValueError(f"needs a list of {len(like)} gradients, one for each parameter, but {what} returned {got}")
    for i, (g, p) in enumerate(zip(found, like, strict=True)):
        if g is None or (isinstance(g, Tensor) and (p is None or _assignable(g, p))):
            continue
        wanted = "a tensor" if p is None else _kind(p)
        raise ValueError(f"needs as gradient {i} {wanted}, or None, but {what} returned {_kind(g)}")


def _assignable(g: Tensor, p: Tensor) -> bool:
    return (g.shape, g.dtype, g.device) == (p.shape, p.dtype, p.device)


def _kind(value: object) -> str:
    """In words."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{value.dtype} of shape {tuple(value.shape)} on {value.device}"


def _check_finite(gradients: Gradients, seen: Notes) -> None:
    """One synchronization with the device for all of them; names are looked up only when something is wrong."""
    found = [g for g in gradients if g is not None]
    norms = torch._foreach_norm(found) if found else ()
    sizes = [v.to(torch.float32) for v in (*norms, *([seen["loss"].abs()] if seen else []))]
    if sizes and not bool(torch.stack(sizes).sum().isfinite()):
        terms = [name for name, value in seen.items() if not bool(value.isfinite())]
        # a sum is not finite because of a term: the term is what to name
        raise Diverged([t for t in terms if t != "loss"] or terms)


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
