"""The plain game: a generator against a critic, over any objective."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from gansmith.batch import Batch
from gansmith.duel.scores import Critic, Sample, score, still
from gansmith.games.adaptive_augmentation import AdaptiveAugmentation
from gansmith.games.base import Duels, Inputs, Player, Samples, Scores
from gansmith.games.latents import Latent
from gansmith.notes import Notes, scope
from gansmith.objectives.base import Objective


class GAN(Duels, Samples, Scores):
    r"""A generator :math:`y = G(z)` against a critic, over any objective.

    Which GAN it is, the objective decides: ``Wasserstein() + GradientPenalty(10)`` makes it WGAN-GP,
    ``Relativistic() + R1() + R2()`` R3GAN's game.

    Arguments:
        generator: latents (n, d) -> samples (n, ...).
        critic: samples (n, ...) -> scores (n,), high for real (or features, for objectives that read them).
        objective: what both want small.
        latent: where z comes from.
        augment: changes real and fake samples before the critic sees them, in both players' moves, as
            :class:`DifferentiableAugmentation` and :class:`AdaptiveAugmentation` do; None for nothing. Its randomness
            from ``gansmith.chance``.

    References:
        Generative Adversarial Networks, Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661.

    Example:
        >>> from gansmith.games.latents import Normal
        >>> from gansmith.networks import MLP
        >>> from gansmith.objectives import NonSaturating
        >>> game = GAN(MLP(4, 2), MLP(2, None), NonSaturating(), Normal(4))
        >>> game.sample(3).shape, list(game.players())
        (torch.Size([3, 2]), ['critic', 'generator'])
    """

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        objective: Objective,
        latent: Latent,
        augment: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__()
        self.generator, self.critic, self.objective, self.latent = generator, critic, objective, latent
        self.augment = augment

    def duel(self, batch: Batch) -> tuple[Critic, Sample, Sample]:
        real, fake = self.real(batch), self.fake(self.latent(len(batch), batch.x), batch)
        return self.critic, *self.augmented(real, fake)

    def augmented(self, real: Sample, fake: Sample) -> tuple[Sample, Sample]:
        """Both samples as the critic sees them."""
        if self.augment is None:
            return real, fake
        with scope("real"):
            real = self.augment(real)
        with scope("fake"):
            return real, self.augment(fake)

    def real(self, batch: Batch) -> Sample:
        """The real sample of a batch: its x; with labels, say, where the game is conditioned on them."""
        return batch.x

    def fake(self, z: Inputs, batch: Batch) -> Sample:
        """The generated sample, of the form of :meth:`real`, from latents z (n, d), or what else its generator takes.

        In the precision of the data: under autocast a generator speaks bfloat16.
        """
        fake: Tensor = self.generator(z)
        return fake.to(batch.x.dtype)

    def critic_loss(self, batch: Batch) -> Tensor:
        """What the critic wants small; the fake samples are constants in it."""
        with still():
            duel = self.duel(batch)
        return self.objective.critic_loss(*duel)

    def generator_loss(self, batch: Batch) -> Tensor:
        """What the generator wants small."""
        return self.objective.generator_loss(*self.duel(batch))

    def critics(self) -> list[nn.Module]:
        """The modules of the critic's player, less the objective."""
        return [self.critic]

    def players(self) -> dict[str, Player]:
        objective, critics = self.objective, nn.ModuleList(self.critics())
        return {
            "critic": Player(
                [critics, objective],
                self.critic_loss,
                lambda: objective.project_(critics),
                self._after_critic,
                objective.additive,
            ),
            "generator": Player(
                [self.generator], self.generator_loss, advance_=objective.advance_, additive=objective.additive
            ),
        }

    def _after_critic(self, notes: Notes) -> None:
        self.objective.advance_(notes)
        if isinstance(self.augment, AdaptiveAugmentation):
            self.augment.advance_(notes)

    def inputs(self, n: int, y: Tensor | None = None) -> Inputs:
        return self.latent(n, next(self.generator.parameters()))

    def decode(self, inputs: Inputs) -> Tensor:
        with self.looking():
            samples: Tensor = self.generator(inputs)
            return samples

    def score(self, sample: Sample) -> Tensor:
        with self.looking():
            return score(self.critic, sample)
