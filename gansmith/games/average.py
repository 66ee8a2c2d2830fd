"""The exponential moving average of a game is a game."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from gansmith.games.base import Game


class Average(AveragedModel):
    r"""Follows a game: parameters by an exponential moving average, buffers by copies.

    .. math::
        \bar\theta \leftarrow \beta_t \bar\theta + (1 - \beta_t)\,\theta, \qquad
        \beta_t = \min(\beta, (1 + t) / (10 + t))

    with t updates so far (the first is a copy): early averages forget the start. ``game`` is the averaged copy, in
    evaluation mode.

    Arguments:
        game: what to follow; copied at once.
        decay: :math:`\beta`; 0.999 looks back about 700 steps (its half-life is 693).

    References:
        The Unusual Effectiveness of Averaging in GAN Training, Yazici et al., 2018, https://arxiv.org/abs/1806.04498.

    Example:
        >>> from gansmith.games import GAN, Normal
        >>> from gansmith.networks import MLP
        >>> from gansmith.objectives import Hinge
        >>> game = GAN(MLP(2, 1), MLP(1, None), Hinge(), Normal(2))
        >>> average = Average(game, 0.9)
        >>> average.update_parameters(game)
        >>> all(torch.equal(a, b) for a, b in zip(average.game.parameters(), game.parameters()))
        True
    """

    def __init__(self, game: Game, decay: float = 0.999) -> None:
        with _copyable(game):
            try:
                super().__init__(game, multi_avg_fn=lambda *_: None)
            except (TypeError, ValueError, RuntimeError) as error:  # of deepcopy
                reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
                raise ValueError(f"needs a game that can be copied, for its average, but {reason}") from error
        self.decay = decay
        self.multi_avg_fn = self._follow  # a method, and no closure: that of a copy counts for itself
        self.module.eval()

    @property
    def game(self) -> Game:
        """The averaged game."""
        assert isinstance(self.module, Game)
        return self.module

    def update_parameters(self, model: nn.Module) -> None:
        """Follows the game one step.

        Raises:
            ValueError: its parameters or buffers are others than at the beginning.
        """
        try:
            super().update_parameters(model)
        except (ValueError, RuntimeError) as error:
            shapes, before = _shapes(model), _shapes(self.module)
            changed = next((name for name in {**shapes, **before} if shapes.get(name) != before.get(name)), None)
            if changed is None:
                raise
            raise ValueError(
                f"needs a game whose parameters and buffers keep their shapes, but {changed} is "
                f"{shapes.get(changed, 'gone')} and was {before.get(changed, 'not there')}: make it in the constructor"
            ) from error

    def _follow(self, averaged: Any, current: Any, updates: Any) -> None:
        t = int(self.n_averaged)  # a count on the CPU; the argument is its copy on the device
        torch._foreach_lerp_(averaged, current, 1 - min(self.decay, (1 + t) / (10 + t)))

    def train(self, mode: bool = True) -> Average:
        """An average is only looked at: it stays in evaluation mode."""
        return super().train(False)

    def forward(self, *arguments: Tensor) -> Any:
        return self.module(*arguments)


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return {name: tuple(tensor.shape) for name, tensor in tensors}


@contextmanager
def _copyable(game: Game) -> Iterator[None]:
    """Normalization by hooks (weight norm, the old spectral norm) leaves a weight with a graph, which no copy takes.

    Inside it is a constant; a copy's own hook computes it anew at its next pass.
    """
    left = [(m, name, t) for m in game.modules() for name, t in vars(m).items() if isinstance(t, Tensor) and t.grad_fn]
    for module, name, value in left:
        vars(module)[name] = value.detach()
    try:
        yield
    finally:
        for module, name, value in left:
            vars(module)[name] = value
