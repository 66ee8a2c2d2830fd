"""A generator against several critics at once, each with an objective of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from gansmith.batch import Batch
from gansmith.duel.scores import Critic, Sample, still
from gansmith.games.base import Player
from gansmith.games.gan import GAN
from gansmith.games.latents import Latent
from gansmith.notes import Notes, note, scope, under
from gansmith.objectives.base import Objective
from gansmith.regularizers.base import nonnegative


class Beside(nn.Module):
    """A critic beside the first one.

    Arguments:
        critic: samples (n, ...) -> what its objective reads.
        objective: what it and the generator want small.
        weight: a factor on both losses.

    Raises:
        ValueError: a negative weight.
    """

    def __init__(self, critic: nn.Module, objective: Objective, weight: float = 1.0) -> None:
        super().__init__()
        self.critic, self.objective, self.weight = critic, objective, nonnegative(weight)


class SeveralCritics(GAN):
    r"""A generator against several critics: each looks at samples in its own way, and has an objective of its own.

    .. math::
        L = L_1(D_1) + \sum_{k > 1} w_k\, L_k(D_k)

    for the critics' losses and for the generator's. All of them see the same samples, which are generated once. Scores
    and slopes that are looked at are those of the first critic. Where the critics share one objective, one network that
    returns a list and :class:`Several` are enough.

    Arguments:
        generator, critic, objective, latent, augment: as in :class:`GAN`.
        beside: the other critics.

    Raises:
        ValueError: there is no other critic.

    References:
        Projected GANs Converge Faster, Sauer et al., 2021, https://arxiv.org/abs/2111.01007, equation (3).

    Example:
        >>> from gansmith.games.latents import Normal
        >>> from gansmith.networks import MLP
        >>> from gansmith.objectives import Hinge, Relativistic
        >>> second = Beside(MLP(2, None), Hinge(), weight=0.4)
        >>> game = SeveralCritics(MLP(4, 2), MLP(2, None), Relativistic(), Normal(4), beside=[second])
        >>> list(game.players())
        ['critic', 'generator']
    """

    beside: Sequence[Beside]

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        objective: Objective,
        latent: Latent,
        augment: Callable[[Any], Any] | None = None,
        *,
        beside: Sequence[Beside],
    ) -> None:
        super().__init__(generator, critic, objective, latent, augment)
        if not beside:
            raise ValueError("needs critics beside the first one, but got none: GAN plays with one")
        self.beside = nn.ModuleList(beside)  # type: ignore[assignment]

    def critic_loss(self, batch: Batch) -> Tensor:
        with still():
            duel = self.duel(batch)
        return self._sum("critic_loss", duel)

    def generator_loss(self, batch: Batch) -> Tensor:
        return self._sum("generator_loss", self.duel(batch))

    def _sum(self, loss: str, duel: tuple[Critic, Sample, Sample]) -> Tensor:
        _, real, fake = duel
        total: Tensor = getattr(self.objective, loss)(*duel)
        for name, each in self._named():
            with scope(name):
                value = getattr(each.objective, loss)(each.critic, real, fake)
                note("loss", value)
            total = total + each.weight * value
        return total

    def players(self) -> dict[str, Player]:
        players = super().players()
        critic, generator = players["critic"], players["generator"]
        additive = all(objective.additive for objective in (self.objective, *(each.objective for each in self.beside)))

        def project_() -> None:
            critic.project_()
            for each in self.beside:
                each.objective.project_(each.critic)

        def follow(first: Callable[[Notes], None]) -> Callable[[Notes], None]:
            def advance_(notes: Notes) -> None:
                first(notes)
                for name, each in self._named():
                    each.objective.advance_(under(name, notes))

            return advance_

        modules = [*critic.modules, *self.beside]
        return {
            "critic": replace(
                critic, modules=modules, project_=project_, advance_=follow(critic.advance_), additive=additive
            ),
            "generator": replace(generator, advance_=follow(generator.advance_), additive=additive),
        }

    def _named(self) -> Iterator[tuple[str, Beside]]:
        return ((f"beside.{i}", each) for i, each in enumerate(self.beside))
