"""A player's gradient: the one place for precision, micro-batches, ranks and transforms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from gansmith.batch import Batch
from gansmith.chance import Key, Part, keyed
from gansmith.duel.ranks import place, rows_of_ranks
from gansmith.duel.scores import crossing
from gansmith.duel.slopes import twice_differentiable
from gansmith.dynamics.gradients import (
    Diverged,
    Gradients,
    accumulate,
    average,
    check_alike,
    check_finite,
    describe,
)
from gansmith.games.base import Player
from gansmith.notes import Notes, note, notes, scope

__all__ = ["Diverged", "Gradients", "Pull", "Transform"]

Transform = Callable[[Gradients], Gradients]


@dataclass(frozen=True)
class Pull:
    """How gradients are computed: ``pull(player, batch, key)`` returns them, and the notes of the loss.

    Arguments:
        micro: number of micro-batches; each holds a part of the batch in memory at a time.
        group: ranks that share the global batch, each with its rows, which may differ in number; gradients and notes
            are means over all rows.
        autocast: run the losses in this precision (``torch.bfloat16``); parameters stay as they are.
        transforms: functions of the list of gradients (None where unused), applied in the order given; they see the
            global gradient, just before an optimizer gets it. A mapping gives each player of a dynamics its own.
            What they draw from :mod:`gansmith.chance` or from torch's generator is the same on every rank. What they
            remember from one move to the next is in no state: a resumed run does not know it.

    Example:
        >>> from gansmith.networks import MLP
        >>> net = MLP(2, None)
        >>> player = Player([net], lambda batch: net(batch.x).square().mean())
        >>> gradients, values = Pull()(player, Batch(torch.ones(8, 2), None, torch.arange(8)), (0, 0))
        >>> len(gradients) == len(player.parameters()), list(values)
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
            batch: this rank's rows of the global batch.
            key: names the draws.
            wrt: differentiate in these instead, also through what the player itself holds constant.
            along: one tensor for each of the player's parameters (zeros where it has no gradient): return the gradient
                of its inner product with the player's own gradient instead. Additive over samples, so that it crosses
                micro-batches and ranks.
            transformed: apply the transforms; False for a caller that first combines gradients and then calls
                ``transform``.

        Raises:
            ValueError: micro-batches of an objective that is no mean over samples; a rank without rows; a loss that is
                no scalar, or depends on none of the player's parameters; a transform whose result is no gradient.
            Diverged: a loss or gradient is not finite.
        """
        parameters = player.parameters() if wrt is None else list(wrt)
        self._check(player, parameters)
        counts = rows_of_ranks(len(batch), self.group, batch.x.device)
        _check_rows(counts)
        gradients, values = self._over_micro_batches(
            player, batch, key, parameters, along, counts, crosses=wrt is not None
        )
        if place(self.group)[0] > 1:
            gradients, values = average(self.group, parameters, gradients, values)
        check_finite(gradients, values)
        if along is not None:
            return gradients, values
        if wrt is None and all(g is None for g in gradients):
            raise ValueError(
                "needs a loss that depends on its player's parameters, but none of them has a gradient: "
                "is something detached that should not be?"
            )
        return self.transform(gradients, key, like=parameters) if transformed else gradients, values

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
        with keyed(Part(key if player is None else (*key, player)), device):  # no rows: the same on every rank
            for i, transform in enumerate(transforms):
                with scope(f"transform{i}"):
                    changed = transform(gradients)
                check_alike(changed, gradients if like is None else like, f"transform {i}, {transform!r},")
                gradients = list(changed)
        check_finite(gradients, {})
        return gradients

    def _over_micro_batches(
        self,
        player: Player,
        batch: Batch,
        key: Key,
        parameters: Sequence[Tensor],
        along: Sequence[Tensor] | None,
        counts: Sequence[int],
        crosses: bool,
    ) -> tuple[Gradients, Notes]:
        """Means over this rank's rows, times these per rank: the mean over ranks is that over all rows."""
        total: Gradients = [None] * len(parameters)
        values: Notes = {}
        world, rank = place(self.group)
        first, n, everyone = sum(counts[:rank]), len(batch), sum(counts)
        weight = n * world / everyone  # of these rows in the mean over ranks
        step = -(-n // self.micro)
        for start in range(0, n, step):
            rows = batch if self.micro == 1 else batch[start : start + step]
            part = Part(key, first + start, len(rows), everyone, self.group, tuple(counts))
            share = len(rows) / n
            gradients, new = self._of_rows(player, rows, part, weight, parameters, along, crosses)
            for i, g in enumerate(gradients):
                if g is not None:
                    total[i] = accumulate(total[i], g, share)
            for name, value in new.items():
                mine = value if share * weight == 1 else value * (share * weight)
                values[name] = mine + values[name] if name in values else mine
        return total, values

    def _of_rows(
        self,
        player: Player,
        rows: Batch,
        part: Part,
        weight: float,
        parameters: Sequence[Tensor],
        along: Sequence[Tensor] | None,
        crosses: bool,
    ) -> tuple[Gradients, Notes]:
        device = rows.x.device
        precision = nullcontext() if self.autocast is None else torch.autocast(device.type, self.autocast)
        twice = along is not None
        with keyed(part, device), notes() as values, crossing(crosses or twice):
            # closed before the backward pass: a cast that outlives a move is stale
            with precision, twice_differentiable(twice):
                loss = player.loss(rows)
            if not isinstance(loss, Tensor) or loss.ndim:
                raise ValueError(f"needs a loss that is a scalar tensor, but a player's loss returned {describe(loss)}")
            note("loss", loss)
            # before the gradient, which for a gathered loss mixes the losses of all ranks
            loss = loss if weight == 1 else loss * weight
            if along is not None:
                loss = _inner(loss, player, along)
            if not loss.requires_grad:
                return [None] * len(parameters), values
            return list(torch.autograd.grad(loss, parameters, allow_unused=True)), values

    def _check(self, player: Player, parameters: Sequence[Tensor]) -> None:
        if self.micro > 1 and not player.additive:
            raise ValueError(
                f"needs the whole batch at once, because this objective is no mean over samples, but got "
                f"micro={self.micro}: use micro=1, or a smaller batch"
            )
        if not parameters:
            raise ValueError(
                "needs a player with parameters that it may change, but got one without any: leave a frozen network "
                "to no player, or set requires_grad of its parameters"
            )


def _check_rows(counts: Sequence[int]) -> None:
    """Every rank knows the rows of all, so that all refuse and none waits for another."""
    if 0 not in counts:
        return
    if len(counts) == 1:
        raise ValueError("needs at least one sample, but got an empty batch: drop the last, partial batch")
    raise ValueError(
        f"needs at least one sample on every rank, but got {tuple(counts)} rows: drop the last, partial batch"
    )


def _inner(loss: Tensor, player: Player, along: Sequence[Tensor]) -> Tensor:
    """<along, the player's own gradient>, with its graph."""
    own = torch.autograd.grad(loss, player.parameters(), create_graph=True, allow_unused=True)
    products = [(g * a).sum() for g, a in zip(own, along, strict=True) if g is not None]
    return torch.stack(products).sum() if products else loss.detach()
