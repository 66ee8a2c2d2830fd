"""How many steps fit into a time."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from gansmith.dynamics.base import Dynamics
from gansmith.training.loop import Training

USUAL = 5000
"""Rounds whose moves are counted; after twice as many they are taken to go on as in the second half."""


def steps_within(training: Training, seconds: float, trial: int = 25) -> int:
    """How many steps of the last stage fit into a time, by timing ``trial`` of them, or what a tenth of it takes.

    What is timed is a move, because some rounds may have more of them (``bursts``). The training is used up: build the
    experiment anew for the real run, which is then a function of its step count.

    Raises:
        ValueError: rounds have no moves, or cannot say how many they have.
    """
    training.enter(len(training.experiment.stages) - 1)
    moves_in = _counting(training.stage.dynamics)
    begun = time.perf_counter()
    warm, moves, measured = 5, 0, 0.0
    for step in range(warm + trial):
        training.advance()
        now = time.perf_counter()
        if not measured:
            measured = now if step == warm - 1 or now - begun > seconds / 20 else 0.0
        else:
            moves += moves_in(step)
            if now - begun > seconds / 10:
                break
    done = list(accumulate(moves_in(step) for step in range(2 * USUAL)))
    if not moves or done[-1] == done[USUAL - 1]:
        raise ValueError("needs rounds with moves, to plan by the time of a move, but got some without: give steps")
    left = (seconds - (now - begun)) * moves / (now - measured)
    if left < done[-1]:
        return max(1, bisect_right(done, left))
    return 2 * USUAL + int((left - done[-1]) * USUAL / (done[-1] - done[USUAL - 1]))


def _counting(dynamics: Dynamics) -> Callable[[int], int]:
    """How many moves a round has; a user's function of the round may know only the rounds of its own run."""

    def moves_in(step: int) -> int:
        try:
            return dynamics.moves_in(step)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"needs a number of moves for every round, to plan, but round {step:,} fails with "
                f"{type(error).__name__}: {error}: give steps"
            ) from error

    return moves_in
