"""Learning rates as functions of the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch.optim import Optimizer

Schedule = Callable[[int, Mapping[str, Sequence[Optimizer]]], None]
"""Called with (step, optimizers of each player) before each step; writes the ``param_groups``. A pure function."""


def bursts(usual: int = 5, burst: int = 100, first: int = 25, every: int = 500) -> Callable[[int], int]:
    """How often a critic moves a round: more in the first rounds and in some later ones, to stay near its best.

    The first Wasserstein GAN's code has these numbers; ``Alternating(optimizers, critic=bursts())``.

    Arguments:
        usual: moves in most rounds.
        burst: moves in the others.
        first: rounds at the start that are bursts.
        every: one later round in so many is a burst, too.

    References:
        Wasserstein GAN, Arjovsky, Chintala and Bottou, 2017, https://arxiv.org/abs/1701.07875, and its code.

    Example:
        >>> [bursts()(step) for step in (0, 24, 25, 499, 500, 501)]
        [100, 100, 5, 5, 100, 5]
    """
    return lambda step: burst if step < first or step % every == 0 else usual


class Decay:
    """Constant, then linear: the initial rate until ``start`` of the run, then straight down to ``end`` times it.

    Arguments:
        steps: length of the run, in rounds.
        start: share of the run at the initial rate, in [0, 1].
        end: what is left of the rate when the run is over, as a factor.

    Example:
        >>> decay = Decay(100, start=0.5, end=0.1)
        >>> decay.factor(0), decay.factor(50), decay.factor(100)
        (1.0, 1.0, 0.1)
    """

    def __init__(self, steps: int, start: float = 0.3, end: float = 0.05) -> None:
        if not (steps > 0 and 0 <= start <= 1 and end >= 0):
            raise ValueError(f"needs steps > 0, start in [0, 1] and end >= 0, but got {steps}, {start} and {end}")
        self.steps, self.start, self.end = steps, start, end

    def factor(self, step: int) -> float:
        """The rate at a step, as a factor of the initial one."""
        done = min(step / self.steps, 1.0)
        if done <= self.start:
            return 1.0
        fallen = (done - self.start) / (1 - self.start)
        return 1 - fallen + self.end * fallen

    def __call__(self, step: int, optimizers: Mapping[str, Sequence[Optimizer]]) -> None:
        factor = self.factor(step)
        for several in optimizers.values():
            for optimizer in several:
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * factor
