"""What happens around the loop: progress, log, pictures, checkpoints."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from gansmith.counting import counted
from gansmith.disk.atomic import atomic
from gansmith.disk.folders import LARGEST
from gansmith.disk.log import sort_out
from gansmith.dynamics.gradients import Diverged
from gansmith.training import checkpoint
from gansmith.training.loop import Hook, Training
from gansmith.training.read_back import check_read_back, parts_of
from gansmith.training.state import form, not_finite, plain, spreads

if TYPE_CHECKING:
    from rich.progress import Progress


class Rate:
    """Real images seen by the critic (or by the first player) per second, between two looks."""

    def __init__(self, training: Training) -> None:
        self.images, self.at = self._images(training), time.perf_counter()

    def look(self, training: Training) -> float:
        """Images per second since the last look."""
        images, now = self._images(training), time.perf_counter()
        rate = (images - self.images) / max(now - self.at, 1e-9)
        self.images, self.at = images, now
        return rate

    @staticmethod
    def _images(training: Training) -> int:
        moved = training.stage.dynamics.moved
        first = moved["critic"] or next(iter(moved.values()), 0)
        return first * training.stage.batch


class Bar(Hook):
    """A progress bar with losses, images per second and the time left; without a terminal a line now and then."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.drawn, self.quiet = 0.0, True

    def start(self, training: Training) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self.quiet, self.drawn = not console.is_terminal, time.perf_counter()
        self.progress = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            TimeRemainingColumn(),
            console=console,
            disable=self.quiet,
            refresh_per_second=2,
        )
        self.task = self.progress.add_task("", total=training.stage.steps, completed=training.step, status="")
        self.rate = Rate(training)
        self.progress.start()

    def step(self, training: Training) -> None:
        now = time.perf_counter()
        every = 30.0 if self.quiet else 0.5
        if self.progress is None or (now - self.drawn < every and (self.quiet or training.step < training.stage.steps)):
            return
        self.drawn = now
        losses = [f"{k.split('/')[0]} {float(v):.3f}" for k, v in training.notes.items() if k.endswith("/loss")]
        status = "  ".join([*losses, f"{self.rate.look(training):.0f} images/s"])
        if self.quiet:
            print(f"step {training.step:,} of {training.stage.steps:,}  {status}", flush=True)
        self.progress.update(self.task, completed=training.step, total=training.stage.steps, status=status)

    def end(self, training: Training, error: BaseException | None) -> None:
        if self.progress is not None:
            self.progress.stop()


class Log(Hook):
    """A line of JSON for every so many steps: losses and their terms, images per second, seconds.

    What is not said in every step, as a lazy penalty, stands there as it was last said since the line before.

    After a resume, lines beyond the checkpoint are dropped first: they will be written again.
    """

    def __init__(self, path: Path, every: int = 10) -> None:
        self.path, self.every, self.full = path, every, False
        self.said: dict[str, Tensor] = {}

    def start(self, training: Training) -> None:
        here = (training.number, training.step)
        lines, damaged = sort_out(self.path)
        if damaged:
            print(f"{counted(damaged, 'line')} of {self.path} cannot be read, and left out", file=sys.stderr)
        lines = [line for line in lines if (line["stage"], line["step"]) <= here]
        self.before = lines[-1]["seconds"] if lines else 0.0
        text = "".join(json.dumps(line) + "\n" for line in lines)
        with atomic(self.path) as file:
            file.write(text.encode())
        self.file = self.path.open("a", encoding="utf-8")
        self.begun, self.rate = time.perf_counter(), Rate(training)

    def step(self, training: Training) -> None:
        self.said |= {name: value for name, value in training.notes.items() if not name.endswith(".due")}
        if training.step % self.every and training.step < training.stage.steps:
            return
        rate = {"images/s": round(self.rate.look(training), 1)}
        self.write(training, rate | {name: float(value) for name, value in self.said.items()})
        self.said = {}

    def write(self, training: Training, numbers: dict[str, float]) -> None:
        """Adds a line for this step; a number that is not finite is null, because JSON has no other word for it."""
        seconds = round(self.before + time.perf_counter() - self.begun, 3)
        line = {"stage": training.number, "step": training.step, "seconds": seconds}
        known = {name: round(value, 6) if math.isfinite(value) else None for name, value in numbers.items()}
        text = json.dumps(line | known) + "\n"
        if self.file.tell() + len(text) > LARGEST:
            self._say_full()
            return
        self.file.write(text)
        self.file.flush()

    def _say_full(self) -> None:
        if not self.full:
            print(f"{self.path} has {LARGEST:,} bytes, the most that is read again: it ends here", file=sys.stderr)
        self.full = True

    def end(self, training: Training, error: BaseException | None) -> None:
        self.file.close()


USUAL = 20.0
"""Seconds between checkpoints."""
AN_HOUR = 2 * 10**9
"""Bytes of checkpoints that are written in an hour at most, where nobody asks for more."""


class Checkpoint(Hook):
    """Saves the whole state when a stage starts, every so many seconds, and when it ends.

    When it saves does not change what is computed: a run is a function of its steps. What is saved is finite.

    Arguments:
        path: the file.
        seconds: between two saves; by default 20, and more where a file is so large that more than 2 GB an hour would
            be written.

    Raises:
        Diverged: something in the state is no longer finite (BatchNorm's statistics, a history); the state before
            stays. It began after the step of the save before.
    """

    def __init__(self, path: Path, seconds: float | None = None) -> None:
        self.path, self.seconds = path, seconds
        self.saved: tuple[int, int] | None = None
        self.meant: dict[str, Tensor] = {}
        self.sound = 0
        self.form = ""
        self.written: tuple[int, ...] | None = None
        self.begun = False
        self.parts: dict[str, str] = {}

    def start(self, training: Training) -> None:
        state = plain(training.state_dict())
        found = not_finite(state)  # from the beginning: a lowest value so far, say
        weights = {f"game.{name}" for name, _ in training.game.named_parameters()}
        bad = weights & found.keys()
        if self.begun:  # the start of a stage may have spoiled more
            now, then = f"others.{training.number}.", f"others.{training.number - 1}."
            before = self.meant | {name.removeprefix(now): kinds for name, kinds in self.meant.items()}
            before |= {f"{then}{name}": kinds for name, kinds in self.meant.items()}
            games = ("game.", "others.")
            bad |= {n for n, kinds in found.items() if n.startswith(games) and spreads(before.get(n), kinds)}
        if bad:
            raise Diverged(sorted(bad)[:3], step=training.step)
        self.meant, self.begun = found, True
        self.sound, self.parts = training.step, parts_of(state["game"])
        if training.step == 0:
            check_read_back(training.game, state["game"], state["versions"])
            self._save(training)
        self.last, self.between = time.monotonic(), self.wait

    def step(self, training: Training) -> None:
        if training.step == 1:
            plain(training.state_dict())  # refuses what an optimizer has made in its first step
        if time.monotonic() - self.last >= self.between:
            self._save(training)
            self.last, self.between = time.monotonic(), self.wait

    @property
    def wait(self) -> float:
        """Seconds from one save to the next."""
        if self.seconds is not None:
            return self.seconds
        size = self.path.stat().st_size if self.path.exists() else 0
        return max(USUAL, 3600 * size / AN_HOUR)

    def end(self, training: Training, error: BaseException | None) -> None:
        if error is None and self.saved != (training.number, training.step):
            self._save(training)

    def _save(self, training: Training) -> None:
        state = plain(training.state_dict())
        found = not_finite(state)
        bad = [name for name, now in found.items() if spreads(self.meant.get(name), now)]
        if bad:
            origin = [name for name in bad if name.startswith("game.")]  # the average has it from there
            since = None if self.sound == training.step - 1 else self.sound
            raise Diverged((origin or bad)[:3], step=training.step, since=since)
        for name, part in parts_of(state["game"]).items():
            if self.parts.get(name) != part:
                raise ValueError(
                    f"needs a game whose tensors keep their shapes and types, but {name} is {part} and was "
                    f"{self.parts.get(name, 'not there')} at the beginning: a new game would not take it"
                )
        self.sound, self.meant, made_of = training.step, found, form(state)
        training.check_optimizers()
        untouched = self.written is not None and self.written == checkpoint.mark(self.path)
        keep = untouched or checkpoint.is_whole(self.path)
        checkpoint.save(self.path, state, keep=keep, again=made_of != self.form)
        self.form, self.written = made_of, checkpoint.mark(self.path)
        self.saved = training.number, training.step


class Gallery(Hook):
    """Calls ``draw(training)`` at the start, at steps that grow by half an octave, and at the end.

    And after so many seconds without a picture; of a long training, after a tenth of the time since it began.
    """

    def __init__(self, draw: Callable[[Training], None], first: int = 50, seconds: float = 180.0) -> None:
        self.draw, self.first, self.seconds = draw, first, seconds

    def start(self, training: Training) -> None:
        if training.step == 0:
            self.draw(training)
        self.began = self.drawn = time.monotonic()

    def step(self, training: Training) -> None:
        now = time.monotonic()
        late = now - self.drawn >= max(self.seconds, (now - self.began) / 10)
        if late or self.due(training.step) or training.step == training.stage.steps:
            self.draw(training)
            self.drawn = time.monotonic()

    def due(self, step: int) -> bool:
        """Whether a picture belongs to this step: first, 1.5 first, 2 first, 3 first, 4 first, ...

        Example:
            >>> [s for s in range(1, 500) if Gallery(print, 50).due(s)]
            [50, 75, 100, 150, 200, 300, 400]
        """
        if step < self.first:
            return False
        octave = 2 ** math.floor(math.log2(step / self.first))
        return step in (self.first * octave, self.first * octave * 3 // 2)
