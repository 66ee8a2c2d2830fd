"""How many steps fit into a time."""

from __future__ import annotations

import time
from bisect import bisect_right
from itertools import accumulate

from gansmith.training.loop import Training

USUAL = 5000
"""Rounds whose moves are counted; after twice as many they are taken to go on as in the second half."""


def steps_within(training: Training, seconds: float, trial: int = 50) -> int:
    """How many steps of the last stage fit into a time, by timing ``trial`` of them, or what a fifth of it takes.

    What is timed is a move, because some rounds may have more of them (``bursts``). The training is used up: build the
    experiment anew for the real run, which is then a function of its step count.
    """
    training.enter(len(training.experiment.stages) - 1)
    moves_in = training.stage.dynamics.moves_in
    begun = time.perf_counter()
    warm, moves, measured = 5, 0, 0.0
    for step in range(warm + trial):
        training.advance()
        now = time.perf_counter()
        if not measured:
            measured = now if step == warm - 1 or now - begun > seconds / 10 else 0.0
        else:
            moves += moves_in(step)
            if now - begun > seconds / 5:
                break
    left = (seconds - (now - begun)) * moves / (now - measured)
    done = list(accumulate(moves_in(step) for step in range(2 * USUAL)))
    if left < done[-1]:
        return max(1, bisect_right(done, left))
    return 2 * USUAL + int((left - done[-1]) * USUAL / (done[-1] - done[USUAL - 1]))
