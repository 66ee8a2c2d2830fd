"""Keeps a run within the minutes that it was given: its number of rounds follows the speed of the machine."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gansmith.dynamics.schedules import Decay
from gansmith.runs.flags import LARGEST
from gansmith.runs.folder import RunFolder
from gansmith.training.loop import Hook, Training

LOOKS = 20
"""In all: a busy machine is noticed soon, and a record stays short."""
ROUNDS = 10
"""Between two looks, at least: the time of one alone says little."""
SMALL = 0.03
"""Part of the planned rounds below which a change is not worth it."""
MOST, ONCE = 4, 2
"""Times as many rounds as were planned, at most; and by which factor a look changes them. Of a run that goes on, those
that were added are meant."""

Change = tuple[int, int]
"""After which round, and how many rounds there are to be from then on."""


class Pace(Hook):
    """Looks at the time now and then, and changes how many rounds a run has, so that its minutes are kept.

    Each change is in the record before it holds: after a kill, a resumed run makes the same ones after the same rounds,
    and has the same bits. Rates decay over the rounds as they are known at each step.

    Arguments:
        run: whose record keeps the changes.
        deadline: by ``time.monotonic``; None to repeat only what is in the record, as a resumed run does.
    """

    def __init__(self, run: RunFolder, deadline: float | None = None) -> None:
        self.run, self.deadline = run, deadline

    def start(self, training: Training) -> None:
        self.known = {after: steps for after, steps in changes(self.run) if after > training.step}
        self.looked, self.step_then, self.first = time.monotonic(), training.step, training.step + 1
        self.every = None if self.deadline is None else max(self.deadline - self.looked, 0.0) / LOOKS
        self.begun, self.planned = training.step, training.stage.steps - training.step

    def step(self, training: Training) -> None:
        if training.step == self.first:  # what other hooks did at the start is no speed
            self.looked, self.step_then = time.monotonic(), training.step
        if training.step in self.known:
            self._set(training, self.known[training.step])
        elif self.every is not None and self._is_due(training.step, self.every):
            self._look(training)

    def _is_due(self, step: int, every: float) -> bool:
        return step >= self.step_then + ROUNDS and time.monotonic() - self.looked >= every

    def _look(self, training: Training) -> None:
        assert self.deadline is not None
        now, step = time.monotonic(), training.step
        speed = (step - self.step_then) / (now - self.looked)
        self.looked, self.step_then = now, step
        done, before = step - self.begun, training.stage.steps - self.begun
        fitting = done + max(1, round(speed * (self.deadline - now)))
        rounds = max(min(fitting, MOST * self.planned, ONCE * before), before // ONCE, done + 1)
        if done >= before or abs(rounds - before) <= SMALL * before:
            return
        steps = min(self.begun + rounds, LARGEST)
        made = [*(changes(self.run) or [(0, training.stage.steps)]), (step, steps)]
        self._set(training, steps, pace=[list(change) for change in made])

    def _set(self, training: Training, steps: int, **record: object) -> None:
        self.run.update(arguments=self.run.record["arguments"] | {"steps": steps}, **record)
        set_steps(training, steps)


def changes(run: RunFolder) -> Sequence[Change]:
    """What the record says of the rounds: the plan first, as after round 0."""
    return [(after, steps) for after, steps in run.record.get("pace", [])]


def planned(run: RunFolder, steps: int) -> int:
    """How many rounds a run was to have at first; ``steps`` where that was never changed."""
    return next((planned for _, planned in changes(run)), steps)


def steps_at(run: RunFolder, step: int) -> int:
    """How many rounds a run was to have, as it was known after a round."""
    known = [steps for after, steps in changes(run) if after <= step]
    return known[-1] if known else int(run.record["arguments"]["steps"])


def can_change(training: Training, run: RunFolder) -> bool:
    """Whether nothing but rates that decay depends on the number of rounds: of a recipe of ours, with one stage.

    A recipe of the user's own may build anything by its number of rounds, and is built anew for each resume.
    """
    schedule, steps = training.stage.dynamics.schedule, training.stage.steps
    ours = "file" not in run.record and not run.record.get("python")
    decays = schedule is None or (isinstance(schedule, Decay) and schedule.steps == steps)
    return ours and decays and len(training.experiment.stages) == 1


def set_steps(training: Training, steps: int) -> None:
    """Changes the number of rounds of the stage, and of its decay."""
    training.stage.steps = steps
    if isinstance(training.stage.dynamics.schedule, Decay):
        training.stage.dynamics.schedule.steps = steps
