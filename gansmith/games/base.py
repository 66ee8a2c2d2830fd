"""What a player and a game are, and what a game can do beside being played."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor, nn

from gansmith.batch import Batch
from gansmith.duel.scores import Critic, Sample
from gansmith.games.old_form import adopt
from gansmith.notes import Notes
from gansmith.objectives.base import Objective

Inputs: TypeAlias = Tensor | tuple[Tensor, ...]
"""What a generator makes samples of, one row a sample: latents (n, d), or a tuple of latents and labels, say."""


def _nothing() -> None: ...


def _forget(notes: Notes) -> None: ...


@dataclass(frozen=True)
class Player:
    """One side of a game: what it may change, and what it wants small.

    Arguments:
        modules: what it owns; an objective with parameters belongs to the critic's player. Players share no parameter.
        loss: batch -> scalar. A pure function of parameters, buffers, batch and the key under which it is called.
        project_: puts its weights back into the feasible set; after every move; idempotent.
        advance_: updates what has a history; once after each accepted move, with the notes of that move.
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
    """Names the players. What else a game can do it says by its class: :class:`Duels`, :class:`Samples`,
    :class:`Scores`, :class:`Encodes`; a game may be several of them."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if cls.__module__ != __name__:
            adopt(cls, Game, {"duel": Duels, "sample": Samples, "score": Scores, "encode": Encodes})

    def players(self) -> dict[str, Player]:
        """The players, in the order in which they move. Built anew at each call, because a copy is a game too."""
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


class Duels(Game):
    """A game of two samples, real and fake, judged by a critic.

    What a sample is conditioned on is part of it, as in ``(x, y)`` on both sides: a critic that closed over the labels
    of one batch would judge the samples of another under them.

    Attributes:
        objective: what the players want small.
    """

    objective: Objective

    def duel(self, batch: Batch) -> tuple[Critic, Sample, Sample]:
        """(critic, real, fake) for a batch."""
        raise NotImplementedError


class Samples(Game):
    """A game that generates.

    Attributes:
        classes: how many classes can be asked for; None where the game has none.
    """

    classes: int | None = None

    def inputs(self, n: int, y: Tensor | None = None) -> Inputs:
        """What n samples are made of, drawn from :mod:`gansmith.chance`: latents (n, d), or a tuple of such parts.

        Arguments:
            n: how many.
            y: classes (n,) to generate, where the game has classes; by default it draws them too.
        """
        raise NotImplementedError

    def decode(self, inputs: Inputs) -> Tensor:
        """What is generated from inputs, (n, ...), in evaluation mode."""
        raise NotImplementedError

    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        """n samples, from the current generator of randomness or the surrounding ``chance.keyed``.

        Arguments:
            n: how many.
            y: classes (n,), where the game has classes.

        Raises:
            ValueError: classes of a game that has none.
        """
        if y is not None and self.classes is None:
            raise ValueError(
                f"needs a game with classes to choose from, but {type(self).__name__} has none: leave y out"
            )
        return self.decode(self.inputs(n, y))


class Scores(Game):
    """A game that judges samples."""

    def score(self, sample: Sample) -> Tensor:
        """Scores (n,), high for real, in evaluation mode."""
        raise NotImplementedError


class Encodes(Samples):
    """A game that generates from codes, and finds the code of a sample."""

    def encode(self, x: Tensor) -> Tensor:
        """Codes (n, d) of samples (n, ...), of the kind that :meth:`decode` takes, in evaluation mode."""
        raise NotImplementedError

    def reconstruct(self, x: Tensor, truncation: float = 1.0) -> Tensor:
        r"""What is generated from the codes of samples x (n, ...).

        Arguments:
            x: samples.
            truncation: a factor on codes; below 1 they move toward the latents' center, to smoother pictures.
        """
        return self.decode(self.encode(x) * truncation)

    def interpolate(self, a: Tensor, b: Tensor, steps: int) -> Tensor:
        """Between the samples a and b (n, ...), shape (n, steps, ...), by straight lines between codes."""
        t = torch.linspace(0, 1, steps, dtype=a.dtype, device=a.device).view(-1, 1)
        mixed = torch.cat([u.lerp(v, t) for u, v in zip(self.encode(a), self.encode(b), strict=True)])
        between = self.decode(self.rescale(mixed))
        return between.view(len(a), steps, *between.shape[1:])

    def rescale(self, codes: Tensor) -> Tensor:
        """Mixtures of codes (n, d), which may be shorter than codes are, as codes."""
        return codes
