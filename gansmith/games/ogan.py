"""O-GAN: the critic is an encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from gansmith.batch import Batch
from gansmith.duel.critics import Once, View
from gansmith.duel.scores import Critic, Sample, score, still
from gansmith.duel.slopes import track, twice_differentiable
from gansmith.games.base import Encodes
from gansmith.games.gan import GAN
from gansmith.games.heads import Mean, Radius, direction
from gansmith.games.heads import standardize as standardize  # noqa: PLC0414 (an export, as mypy reads it)
from gansmith.games.latents import Latent
from gansmith.notes import note
from gansmith.objectives.base import Objective


def correlation(v: Tensor, w: Tensor) -> Tensor:
    r"""Pearson's correlation of two codes over their coordinates, :math:`\rho = \mathrm{avg}(N(v) N(w))`, shape (n,).

    Its gradient is orthogonal to those of the mean and the deviation of a code: what the score uses stays free. And
    :math:`\|N(v) - N(w)\|^2 = 2 d (1 - \rho)`.

    Example:
        >>> import torch
        >>> v = torch.tensor([[1.0, 2.0, 4.0]])
        >>> correlation(v, 3 * v + 5), correlation(v, -v)
        (tensor([1.0000]), tensor([-1.0000]))
    """
    return (standardize(v) * standardize(w)).mean(1)


class OGAN(GAN, Encodes):
    r"""O-GAN: one network E both scores and encodes, so that a trained game also reconstructs.

    The score is :math:`D(x) = T(E(x))` with T the mean of the code, or another head; over any objective of scores,

    .. math::
        L_E = L_D - \lambda\, E\,\rho(z, E(G(z))), \qquad L_{G}' = L_G - \lambda\, E\,\rho(z, E(G(z)))

    with :math:`\rho` the correlation over the coordinates of one code. It is invariant to shift and scale of the code,
    and so leaves the score free. Reconstruction is :math:`G(N(E(x)))`. Each player's loss carries the correlation:
    its gradient goes to E in the critic's move and to G in the generator's. Under the polar head :class:`Radius` the
    score takes a code's length, :math:`\rho` is the cosine and N the direction.

    Arguments:
        generator: latents (n, d) -> samples (n, ...).
        encoder: samples (n, ...) -> codes (n, d), as many numbers as the latent has.
        objective: any objective of scores.
        latent: centered, with one standard deviation for all coordinates (its ``std``); codes are scaled to it.
        head: codes (n, d) -> scores (n,) or (n, 1): ``Mean()``, ``nn.Linear(d, 1)``, ``MLP(d, None)`` or ``Radius()``.
        weight: :math:`\lambda`, 0.5 in the paper's experiments, 1 at 256 x 256.
        augment: as in :class:`GAN`; what is encoded later is not changed.

    Raises:
        ValueError: the latent says no ``std`` to scale codes by, or has fewer than three coordinates.

    References:
        O-GAN: Extremely Concise Approach for Auto-Encoding Generative Adversarial Networks, Su, 2019,
        https://arxiv.org/abs/1903.01931.

    Example:
        >>> import torch
        >>> from gansmith.games import Normal
        >>> from gansmith.networks import MLP
        >>> from gansmith.objectives import NonSaturating
        >>> game = OGAN(MLP(4, 2), MLP(2, 4), NonSaturating(), Normal(4))
        >>> game.encode(torch.zeros(5, 2)).shape, game.reconstruct(torch.zeros(5, 2)).shape
        (torch.Size([5, 4]), torch.Size([5, 2]))
    """

    def __init__(
        self,
        generator: nn.Module,
        encoder: nn.Module,
        objective: Objective,
        latent: Latent,
        *,
        head: nn.Module | None = None,
        weight: float = 0.5,
        augment: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(generator, encoder, objective, latent, augment)
        std = getattr(latent, "std", None)
        if not isinstance(std, (int, float)) or not std > 0:
            raise ValueError(
                f"needs a centered latent with a standard deviation `std` > 0, to scale codes by, but got {latent!r}: "
                "use Normal, Uniform or Sphere"
            )
        if latent.size < 3:
            raise ValueError(f"needs a latent of at least 3 numbers, but got {latent.size}: two leave only a sign")
        self.head = Mean() if head is None else head
        self.weight = weight

    @property
    def encoder(self) -> nn.Module:
        """The critic, which is the encoder: samples (n, ...) -> codes (n, d)."""
        return self.critic

    def critics(self) -> list[nn.Module]:
        return [self.critic, self.head]

    def agreement(self, z: Tensor, code: Tensor) -> Tensor:
        """How well codes (n, d) tell their latents (n, d), (n,): the correlation, or under a radius the cosine."""
        return (direction(z) * direction(code)).mean(1) if isinstance(self.head, Radius) else correlation(z, code)

    def free(self, code: Tensor) -> Tensor:
        """What the head leaves of codes (n, d): in the place of a latent of standard normal numbers."""
        return direction(code) if isinstance(self.head, Radius) else standardize(code)

    def critic_loss(self, batch: Batch) -> Tensor:
        z = self.latent(len(batch), batch.x)
        with still():
            real, fake = self.augmented(self.real(batch), self.fake(z, batch))
        return self._loss("critic", real, z, fake)

    def generator_loss(self, batch: Batch) -> Tensor:
        z = self.latent(len(batch), batch.x)
        real, fake = self.augmented(self.real(batch), self.fake(z, batch))
        return self._loss("generator", real, z, fake)

    def _loss(self, side: str, real: Sample, z: Tensor, fake: Sample) -> Tensor:
        with twice_differentiable(self.objective.slopes):
            return self._tracked_loss(side, track(real), z, track(fake))

    def _tracked_loss(self, side: str, real: Sample, z: Tensor, fake: Sample) -> Tensor:
        encoder = Once(self.critic)
        critic = View(nn.ModuleList(self.critics()), lambda sample: self._head(encoder(sample)))
        loss = self.objective.critic_loss if side == "critic" else self.objective.generator_loss
        code = encoder(fake)
        if code.shape != z.shape:
            raise ValueError(
                f"needs an encoder whose codes have the latents' shape, {tuple(z.shape)}, but it returned "
                f"{tuple(code.shape)}: give it as many outputs as the latent has numbers"
            )
        agreement = self.agreement(z, code.to(z.dtype)).mean()
        note("correlation", agreement)
        return loss(critic, real, fake) - self.weight * agreement

    def _head(self, code: Tensor) -> Tensor:
        scores: Tensor = self.head(code)
        return scores.squeeze(1) if scores.ndim == 2 else scores

    def duel(self, batch: Batch) -> tuple[Critic, Sample, Sample]:
        critic = View(nn.ModuleList(self.critics()), lambda sample: self._head(self.critic(sample)))
        real, fake = self.real(batch), self.fake(self.latent(len(batch), batch.x), batch)
        return critic, *self.augmented(real, fake)

    def score(self, sample: Sample) -> Tensor:
        with self.looking():
            return score(lambda s: self._head(self.critic(s)), sample)

    def encode(self, x: Tensor, truncation: float = 1.0) -> Tensor:
        r"""Codes (n, d) in the place of latents, :math:`\tau\,\sigma\,N(E(x))`, with the latent's deviation sigma.

        Arguments:
            x: samples (n, ...).
            truncation: :math:`\tau`; below 1 the code moves toward the latents' center, to smoother pictures.
        """
        with self.looking():
            return self.rescale(self.critic(x)) * truncation

    def rescale(self, codes: Tensor) -> Tensor:
        """What the head leaves of codes (n, d), with the latent's deviation; mixtures are shorter than codes."""
        return self.free(codes) * self.latent.std
