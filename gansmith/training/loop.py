"""The only loop."""

from __future__ import annotations

import copy
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from types import FrameType

import torch
from torch import Tensor

from gansmith.batch import Batch
from gansmith.chance import Part, keyed, one_at_a_time
from gansmith.duel.ranks import place
from gansmith.dynamics.checks import check_groups
from gansmith.dynamics.conflicts import conflicts_with_data, warn
from gansmith.games.average import Average
from gansmith.games.base import Game
from gansmith.notes import Notes
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.precision import choose_device, choose_precision
from gansmith.training.saved import check_finite, load_into, load_moves, moves_of, state_of
from gansmith.training.settings import check_settings, settings_of, settings_of_moves
from gansmith.training.state import State, check_tensors, not_finite, versioned


class Hook:
    """Looks on while a stage trains. What it draws or does cannot disturb a run, as long as it changes no weights.

    (A game's own ``sample``, ``score``, ``encode`` change nothing; a forward pass of a network in training mode moves
    BatchNorm's statistics and spectral norm's vectors.)
    """

    def start(self, training: Training) -> None:
        """Before the first step of a stage, and after a resume."""

    def step(self, training: Training) -> None:
        """After each step."""

    def end(self, training: Training, error: BaseException | None) -> None:
        """When the stage ends, is interrupted, or fails; after a failure the state may lie between two steps."""


class Training:
    """An experiment under way: where it stands, and the state from which it can go on exactly.

    Arguments:
        experiment: what to train; its games are moved to the device.
        seed: names all randomness.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
        precision: ``auto``, ``float32`` or ``bfloat16`` (of forward passes; parameters stay float32).
        decay: of the average of the game.

    Attributes:
        number: of the current stage, from 0.
        step: steps done in it.
        notes: what was said in the last step.
        interrupted: set to stop after the current step.
        begun: whether the first stage was started, or a state loaded.
    """

    def __init__(
        self,
        experiment: Experiment,
        *,
        seed: int = 0,
        device: str = "auto",
        precision: str = "auto",
        decay: float = 0.999,
    ) -> None:
        self.experiment, self.seed, self.decay = experiment, seed, decay
        self.device = choose_device(device)
        self.number = self.step = 0
        self.notes: Notes = {}
        self.interrupted = self.begun = False
        for stage in experiment.stages:
            check_tensors(stage.game.state_dict())
            stage.game.to(self.device)
            world, _ = place(stage.dynamics.pull.group)
            if stage.batch < world:
                raise ValueError(
                    f"needs at least one sample on every rank, but got a batch of {stage.batch} for {world} ranks: "
                    f"take a batch of at least {world}"
                )
            autocast = choose_precision(precision, self.device, stage.game, stage.dynamics.full_precision)
            stage.dynamics.pull = replace(stage.dynamics.pull, autocast=autocast)
            if _by_channels(self.device, autocast):
                stage.game.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = Average(self.stage.game, decay)
        self._groups = [stage.dynamics.groups() for stage in experiment.stages]
        self._meant = [not_finite({**state_of(stage.game), **moves_of(stage.dynamics)}) for stage in experiment.stages]
        self._settings = [
            {**settings_of(stage.game), **settings_of_moves(stage.dynamics)} if len(stage.data) else {}
            for stage in experiment.stages
        ]  # of data without samples, which do for a look, none: a recipe may choose by their number

    @property
    def stage(self) -> Stage:
        return self.experiment.stages[self.number]

    @property
    def game(self) -> Game:
        return self.stage.game

    @property
    def autocast(self) -> torch.dtype | None:
        """The precision of this stage's forward passes; None for that of its parameters."""
        return self.stage.dynamics.pull.autocast

    @property
    def average(self) -> Game:
        """The averaged game, in evaluation mode: what samples are made of."""
        return self._average.game

    @property
    def done(self) -> bool:
        """Whether the last stage is through."""
        return self.number == len(self.experiment.stages) - 1 and self.step >= self.stage.steps

    @property
    def leads(self) -> bool:
        """Whether this is the process whose hooks look on: the only one, or the first of the ranks."""
        return place(self.stage.dynamics.pull.group)[1] == 0

    def batch(self, draw: int) -> Batch:
        """Training batch number ``draw``, on the device; of several ranks each has its rows of it."""
        stage = self.stage
        world, rank = place(stage.dynamics.pull.group)
        batch = stage.data.batch(self.seed, draw, stage.batch)
        if world > 1:
            batch = batch[rank * stage.batch // world : (rank + 1) * stage.batch // world]
        batch = batch.to(self.device)
        if _by_channels(self.device, self.autocast) and batch.x.ndim == 4:
            batch = replace(batch, x=batch.x.contiguous(memory_format=torch.channels_last))
        return batch

    def advance(self) -> Notes:
        """One step."""
        stage = self.stage
        self.notes = stage.dynamics.step(stage.game.players(), self.batch, (self.seed, self.number))
        self._average.update_parameters(stage.game)
        self.step += 1
        return self.notes

    def enter(self, number: int) -> None:
        """Begins a stage."""
        self.number, self.step = number, 0
        if self.stage.start is not None:
            with keyed(Part((self.seed, number, "start")), self.device):
                self.stage.start()
        self._average = Average(self.stage.game, self.decay)

    def state_dict(self) -> State:
        """All that an exact continuation needs; nothing of ours that is random is in it but the seed's place."""
        return {
            "stage": self.number,
            "step": self.step,
            "seed": self.seed,
            "batch": self._batches(),
            "data": self._fingerprints(),
            "rows": self._rows,
            "decay": self.decay,
            "settings": self._settings,
            **state_of(self.game),
            "average": self._average.state_dict(),
            **moves_of(self.stage.dynamics),
            "others": self._others(),
            "torch": _generator(),
        }

    def check_optimizers(self) -> None:
        """Refuses groups of parameters and options that an experiment which is built anew would not take up.

        Raises:
            ValueError: the start of a stage, a schedule or a hook has changed them.
        """
        for before, stage in zip(self._groups, self.experiment.stages, strict=True):
            now = stage.dynamics.groups()
            for name, several in before.items():
                for groups, own in zip(several, now.get(name, ()), strict=True):
                    check_groups(name, groups, own, "build optimizers with the groups and options that they keep")

    def _batches(self) -> list[int]:
        return [stage.batch for stage in self.experiment.stages]

    def _fingerprints(self) -> list[str]:
        return [stage.data.fingerprint for stage in self.experiment.stages]

    @cached_property
    def _rows(self) -> list[str]:
        """Of each stage's data, what batches are made of; of data without samples, which do for a look, nothing."""
        return [stage.data.digest_of_rows() if len(stage.data) else "" for stage in self.experiment.stages]

    def _others(self) -> dict[str, State]:
        """The games and dynamics of other stages, each once: the start of a stage may read or change any of them."""
        games, dynamics, others = [self.game], [self.stage.dynamics], dict[str, State]()
        for number, stage in enumerate(self.experiment.stages):
            state: State = {}
            if not any(stage.game is game for game in games):
                games.append(stage.game)
                state |= state_of(stage.game)
            if not any(stage.dynamics is one for one in dynamics):
                dynamics.append(stage.dynamics)
                state |= moves_of(stage.dynamics)
            if state:
                others[str(number)] = state
        return others

    def load_state_dict(self, state: State) -> None:
        """Goes on where ``state_dict`` was taken.

        Raises:
            ValueError: the state belongs to another experiment; this training is as it was before.
        """
        before = copy.deepcopy(self.state_dict())
        try:
            self.check_finite(state)
            self._load(state)
        except (
            *(RuntimeError, LookupError, ValueError, TypeError, AttributeError, AssertionError),
            *(ArithmeticError, MemoryError),
        ) as error:
            self._load(before)
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"the checkpoint does not fit this experiment: {reason}") from None

    def check_finite(self, state: State) -> None:
        """Only a game that begins with NaN or infinity, as a lowest value so far, may have them.

        Raises:
            ValueError: another entry of the state is not finite.
        """
        check_finite(state, self._meant[state["stage"]])
        for number, other in state.get("others", {}).items():
            check_finite(other, self._meant[int(number)])

    def _load(self, state: State) -> None:
        if state["seed"] != self.seed:
            raise ValueError(f"it was trained with seed {state['seed']}, and not {self.seed}")
        if "batch" in state and state["batch"] != self._batches():  # of an older version there is none
            raise ValueError(f"it was trained in batches of {state['batch']}, and not {self._batches()}")
        if "data" in state and state["data"] != self._fingerprints():
            raise ValueError("it was trained on other data: give the same")
        if any(a != b for a, b in zip(state.get("rows", ()), self._rows, strict=False) if a and b):
            raise ValueError("it was trained on other rows, labels or another split of these data: give the same")
        if "decay" in state and state["decay"] != self.decay:
            raise ValueError(f"its average has a decay of {state['decay']}, and not {self.decay}")
        for before, now in zip(state.get("settings", ()), self._settings, strict=False):
            check_settings(before, now)
        number, step = state["stage"], state["step"]
        if type(number) is not int or type(step) is not int or step < 0:
            raise ValueError(f"it names step {step!r:.40} of stage {number!r:.40}")
        if not 0 <= number < len(self.experiment.stages):
            raise ValueError(f"it is of stage {number}, and the last one is {len(self.experiment.stages) - 1}")
        self.number, self.step, self.begun = number, step, True
        older = {number: {"game": game} for number, game in state.get("earlier", {}).items()}
        for number, other in (state.get("others", {}) | older).items():
            stage = self.experiment.stages[int(number)]
            if "game" in other:
                load_into(stage.game, other)
            if "dynamics" in other:
                load_moves(stage.dynamics, other)
        load_into(self.game, state)
        self._average = Average(self.stage.game, self.decay)  # now: its own state leaves out some buffers
        self._average.load_state_dict(versioned(state["average"], state.get("versions"), "module."))
        load_moves(self.stage.dynamics, state)
        with one_at_a_time:
            torch.default_generator.set_state(state["torch"])


def _generator() -> Tensor:
    """The state of torch's own generator, between the moves of other trainings."""
    with one_at_a_time:
        return torch.default_generator.get_state()


def _by_channels(device: torch.device, autocast: torch.dtype | None) -> bool:
    """Whether pictures lie pixel by pixel in memory, which convolutions of a CPU, and all of 16 bits, do faster."""
    return device.type == "cpu" or autocast is not None


def train(training: Training, hooks: Sequence[Hook] = ()) -> Training:
    """Runs an experiment to its end, or until Ctrl-C: the step is finished, hooks end (last first), and it returns.

    Arguments:
        training: from its beginning, or where a loaded state left it.
        hooks: look on; of several ranks in the first one.

    Raises:
        Diverged: a loss or gradient is not finite. No bad update was applied; the last saved state stays.

    Example:
        >>> from gansmith.data import load
        >>> from gansmith.recipes import gan
        >>> training = Training(gan(load("ring"), steps=3))
        >>> train(training).done
        True
    """
    training.interrupted = False
    hooks = hooks if training.leads else ()
    if not training.begun and training.stage.start is not None:
        training.enter(training.number)
    training.begun = True
    with _interruptible(training):
        while True:
            _train_stage(training, hooks)
            if training.done or training.interrupted:
                return training
            training.enter(training.number + 1)


def _train_stage(training: Training, hooks: Sequence[Hook]) -> None:
    stage = training.stage
    warn(conflicts_with_data(stage.game, len(stage.data.train), stage.batch))
    with ExitStack() as ends:
        for hook in hooks:
            hook.start(training)
            ends.push(_end(hook, training))
        while training.step < training.stage.steps and not training.interrupted:
            training.advance()
            for hook in hooks:
                hook.step(training)


def _end(hook: Hook, training: Training) -> Callable[..., None]:
    def end(kind: object, error: BaseException | None, trace: object) -> None:
        hook.end(training, error)  # what it returns must not count as "the error is dealt with"

    return end


@contextmanager
def _interruptible(training: Training) -> Iterator[None]:
    """The first Ctrl-C (or a polite request to terminate) asks for a stop, the second one insists."""

    def ask(number: int, frame: FrameType | None) -> None:
        if training.interrupted:
            raise KeyboardInterrupt
        training.interrupted = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
