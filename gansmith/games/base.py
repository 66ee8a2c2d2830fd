"""What a player and a game are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from gansmith.batch import Batch
from gansmith.duel.scores import Critic, Sample
from gansmith.notes import Notes


def _nothing() -> None: ...


def _forget(notes: Notes) -> None: ...


@dataclass(frozen=True)
class Player:
    """One side of a game: what it may change, and what it wants small.

    Arguments:
        modules: what it owns; an objective with parameters belongs to the critic's player. Players share no parameter.
        loss: batch -> scalar. A pure function of parameters, buffers, batch and the key under which it is called.
        project_: puts its weights back into the feasible set; after every move; idempotent.
        advance_: moves what has a history; once after each accepted move, with the notes of that move.
        additive: the loss is a mean over samples (of the objective and of every term the game adds).
    """

    modules: Sequence[nn.Module]
    loss: Callable[[Batch], Tensor]
    project_: Callable[[], None] = _nothing
    advance_: Callable[[Notes], None] = _forget
    additive: bool = True

    def parameters(self) -> list[nn.Parameter]:
        """The parameters that it may change, each once. Found once for the life of this object, which is one step."""
        return list(self._parameters)

    @cached_property
    def holders(self) -> list[nn.Module]:
        """The modules that keep something in buffers."""
        return [m for m in {m for owned in self.modules for m in owned.modules()} if m._buffers]

    @cached_property
    def _parameters(self) -> list[nn.Parameter]:
        return list({id(p): p for m in self.modules for p in m.parameters() if p.requires_grad}.values())


class Game(nn.Module):
    """Names the players and turns a batch into a duel. Where it can, it also samples, encodes and reconstructs."""

    def duel(self, batch: Batch) -> tuple[Critic, Sample, Sample]:
        """(critic, real, fake) for a batch; games that have no two samples have no duel."""
        raise NotImplementedError

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Inside, networks are in evaluation mode and keep no graph: looking at a game changes nothing in it."""
        training = [m for m in self.modules() if m.training]
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for m in training:
                m.training = True

    def players(self) -> dict[str, Player]:
        """The players, in the order in which they move. Built anew at each call, because a copy is a game too."""
        raise NotImplementedError
