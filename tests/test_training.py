"""The loop: hooks cannot disturb it, a resumed run equals an undisturbed one, stages follow each other."""

import copy
import os
import signal
import subprocess
import sys
import textwrap
import threading
from itertools import pairwise

import pytest
import torch
from toys import Counted, D, mlp
from trainings import begin, same, two_stages

from gansmith.data import load
from gansmith.disk.log import read_log
from gansmith.dynamics import Alternating, Diverged
from gansmith.games import GAN
from gansmith.games.average import Average
from gansmith.games.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import Hinge, NonSaturating
from gansmith.recipes import gan, gan_qp, ogan, r3, wgan, wgan_gp
from gansmith.regularizers import R1
from gansmith.training import checkpoint
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.hooks import Bar, Checkpoint, Gallery, Log
from gansmith.training.loop import Hook, Training, train
from gansmith.training.planning import steps_within

RECIPES = {"ogan": ogan, "gan": gan, "wgan-gp": wgan_gp, "gan-qp": gan_qp, "r3": r3}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def ring():
    return load("ring")


class Disturbing(Hook):
    def step(self, training):
        torch.manual_seed(training.step)
        torch.randn(100)
        training.average.sample(3)


@pytest.mark.parametrize("name", RECIPES)
def test_hooks_change_no_bit(name, digits, tmp_path):
    hooks = [
        Disturbing(),
        Log(tmp_path / "log.jsonl", 2),
        Checkpoint(tmp_path / "c.pt", 1e-9),
        Gallery(lambda t: t.average.sample(2), 1),
        Bar(),
    ]
    torch_state = torch.default_generator.get_state()
    plain = train(begin(RECIPES[name], digits))
    looked = train(begin(RECIPES[name], digits), hooks)
    torch.default_generator.set_state(torch_state)
    for key in ("game", "average", "dynamics"):
        assert checkpoint.digest(plain.state_dict()[key]) == checkpoint.digest(looked.state_dict()[key])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", RECIPES)
def test_resumed_equals_undisturbed(name, precision, digits, tmp_path):
    whole = train(begin(RECIPES[name], digits, precision=precision))
    first = begin(RECIPES[name], digits, precision=precision)
    for _ in range(3):
        first.advance()
    checkpoint.save(tmp_path / "c.pt", first.state_dict())
    torch.randn(7)
    second = begin(RECIPES[name], digits, precision=precision)
    second.load_state_dict(checkpoint.load(tmp_path / "c.pt"))
    assert same(train(second), whole)


def test_seeds_differ(digits):
    assert not same(train(begin(ogan, digits)), train(begin(ogan, digits, seed=1)))


def test_stages_follow_each_other_and_start_once(ring):
    experiment, started = two_stages(ring)
    whole = train(Training(experiment, device="cpu"))
    assert whole.done and (whole.number, whole.step, started) == (1, 4, [1])
    experiment, started = two_stages(ring)
    part = Training(experiment, device="cpu")
    for _ in range(3):
        part.advance()
    part.enter(1)
    part.advance()
    state = copy.deepcopy(part.state_dict())
    experiment, started = two_stages(ring)
    again = Training(experiment, device="cpu")
    again.load_state_dict(state)
    assert same(train(again), whole) and not started


def test_the_average_follows():
    game, live = (GAN(MLP(2, 1, 4), MLP(1, None, 4), Hinge(), Normal(2)) for _ in range(2))
    average = Average(game, 0.9)
    states = []
    for step in range(20):
        with torch.no_grad():
            for p in live.parameters():
                p.add_(0.1 * (step + 1))
        states.append([p.detach().clone() for p in live.parameters()])
        average.update_parameters(live)
    expected = states[0]
    for t, state in enumerate(states[1:], 1):
        decay = min(0.9, (1 + t) / (10 + t))
        expected = [decay * e + (1 - decay) * s for e, s in zip(expected, state, strict=True)]
    torch.testing.assert_close(list(average.game.parameters()), [torch.nn.Parameter(e) for e in expected])


def test_the_average_copies_buffers_and_stays_in_evaluation():
    """Copied, not averaged: spectral norm's vectors have length one, and their average would not."""
    game = GAN(mlp(4, D, batch_norm=True), Counted(spectral=True), NonSaturating(), Normal(4))
    average = Average(game)
    for _ in range(3):
        game.generator(torch.randn(16, 4))
        game.critic(torch.randn(16, D))
        average.update_parameters(game)
    average.train()
    for copied, live in zip(average.game.buffers(), game.buffers(), strict=True):
        assert torch.equal(copied, live)
    assert not average.game.generator[1].training and game.generator[1].training
    assert torch.equal(average.game.generator[1].running_mean, game.generator[1].running_mean)
    assert average.game.generator[1].num_batches_tracked == 3


def test_divergence_stops_and_keeps_the_last_good_state(ring, tmp_path):
    training = begin(gan, ring, steps=20)
    hooks = [Checkpoint(tmp_path / "c.pt", 1e-9)]

    class Poison(Hook):
        def step(self, training):
            if training.step == 5:
                with torch.no_grad():
                    next(training.game.generator.parameters()).fill_(torch.nan)

    with pytest.raises(Diverged, match=r"the generator's body\.0\.weight became infinite or NaN between step 4 and 5"):
        train(training, [*hooks, Poison()])
    state = checkpoint.load(tmp_path / "c.pt")
    assert state["step"] == 5
    values = [v for v in state["game"].values() if isinstance(v, torch.Tensor) and v.is_floating_point()]
    assert all(v.isfinite().all() for v in values)


def test_nothing_is_saved_after_a_failure(ring, tmp_path):
    """It may have come in the middle of a round: only what was saved at a whole step can be resumed exactly."""

    class Fail(Hook):
        def step(self, training):
            if training.step == 3:
                raise RuntimeError

    with pytest.raises(RuntimeError):
        train(begin(gan, ring), [Checkpoint(tmp_path / "c.pt", 1e9), Fail()])
    assert checkpoint.load(tmp_path / "c.pt")["step"] == 0


def test_a_hook_that_returns_something_hides_no_failure(ring):
    class Says(Hook):
        def __init__(self):
            self.ended = []

        def end(self, training, error):
            self.ended.append(type(error))
            return True

    class Fail(Hook):
        def start(self, training):
            raise RuntimeError

    first, last = Says(), Says()
    with pytest.raises(RuntimeError):
        train(begin(gan, ring), [first, Fail(), last])
    assert first.ended == [RuntimeError] and not last.ended


def test_a_second_interruption_insists_and_a_new_start_goes_on(ring):
    class Twice(Hook):
        def step(self, training):
            if training.step == 2:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(1000):
                    pass

    training = begin(gan, ring)
    with pytest.raises(KeyboardInterrupt):
        train(training, [Twice()])
    assert train(training).done


def test_an_interruption_finishes_the_step_and_saves(ring, tmp_path):
    class Interrupt(Hook):
        def step(self, training):
            if training.step == 4:
                os.kill(os.getpid(), signal.SIGINT)

    training = begin(gan, ring, steps=50)
    handler = signal.getsignal(signal.SIGINT)
    train(training, [Interrupt(), Checkpoint(tmp_path / "c.pt", 1e9)])
    assert training.interrupted and training.step in (4, 5) and not training.done
    assert checkpoint.load(tmp_path / "c.pt")["step"] == training.step
    assert signal.getsignal(signal.SIGINT) is handler


def test_steps_within_a_time(ring, monkeypatch):
    """By a clock that goes one second a look: the trial's time counts, too."""
    training, now = begin(gan, ring), [0.0]

    def advance(self):
        now[0] += 1.0

    monkeypatch.setattr(Training, "advance", advance)
    monkeypatch.setattr("gansmith.training.planning.time.perf_counter", lambda: now[0])
    assert steps_within(training, 100.0, trial=10) == 89  # five to warm up and six to time are gone, a tenth
    assert steps_within(training, 1e6 + 15, trial=10) == 10**6  # beyond the rounds whose moves are counted


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ({"critic": lambda step: [1] * 60 if step > 99 else 1}, "round 100 fails with TypeError"),
        ({"critic": lambda step: [1, 1, 1, 1, 1, 1][step]}, "fails with IndexError: list index out of range: give"),
        ({"critic": lambda step: 0, "generator": lambda step: 0}, "needs rounds with moves"),
    ],
)
def test_rounds_that_cannot_be_counted_are_told_in_one_line(moves, message, ring):
    training = begin(gan, ring)
    training.stage.dynamics.moves |= moves
    training.advance = lambda: None
    with pytest.raises(ValueError, match=message):
        steps_within(training, 100.0, trial=1)


def test_steps_within_a_time_where_rounds_differ(ring, monkeypatch):
    """Rounds of 101 moves at the start, of 6 later: a move is what takes a hundredth of a second."""
    experiment = wgan(ring, 10, width=16)
    training, now = Training(experiment, device="cpu", precision="float32"), [0.0]
    rounds = iter(range(10**6))

    def advance(self):
        now[0] += experiment.stages[0].dynamics.moves_in(next(rounds)) / 100

    monkeypatch.setattr(Training, "advance", advance)
    monkeypatch.setattr("gansmith.training.planning.time.perf_counter", lambda: now[0])
    found = steps_within(training, 70.0)
    tried = 4 * 101 + 3 * 101  # four to warm up, and the time of seven is a tenth
    moves = sum(experiment.stages[0].dynamics.moves_in(step) for step in range(found))
    assert 7000 - tried - 7 <= moves <= 7000 - tried
    assert [experiment.stages[0].dynamics.moves_in(step) for step in (0, 24, 25, 500)] == [101, 101, 6, 101]


def test_stages_share_neither_draws_nor_the_average(ring):
    seen = []

    class Look(Hook):
        def step(self, training):
            if training.step == 1:
                seen.append(next(training.average.parameters()).clone())
                seen.append(next(training.game.parameters()).clone())

    experiment, _ = two_stages(ring)
    experiment.stages[1].start = None
    drawn, normal = [], Normal(4)
    for stage in experiment.stages:
        stage.game.latent = lambda n, like=None: (drawn.append(normal(n, like)), drawn[-1])[1]
    train(Training(experiment, device="cpu"), [Look()])
    assert torch.equal(seen[2], seen[3])  # after one step an average is a copy of what it follows
    assert len({tuple(z.flatten().tolist()) for z in drawn}) == len(drawn)


def test_torchs_generator_is_put_back(ring):
    training = begin(gan, ring)
    torch.manual_seed(123)
    state = copy.deepcopy(training.state_dict())
    expected = torch.rand(3)
    torch.manual_seed(0)
    begin(gan, ring).load_state_dict(state)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("precision", "type"), [("bfloat16", torch.bfloat16), ("float32", None)])
def test_pictures_lie_by_channels_on_a_cpu(precision, type, digits):
    training = begin(ogan, digits, precision=precision)
    weights = [p for p in training.game.parameters() if p.ndim == 4 and min(p.shape[:2]) > 1]
    assert weights and all(p.is_contiguous(memory_format=torch.channels_last) for p in weights)
    assert training.batch(0).x.is_contiguous(memory_format=torch.channels_last)
    assert training.autocast == type


def test_a_precision_and_a_device_that_are_none_are_refused(digits):
    with pytest.raises(ValueError, match="float32 or bfloat16"):
        begin(ogan, digits, precision="float16")
    with pytest.raises(ValueError, match="no device"):
        Training(gan(digits), device="meta")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from gansmith.training import checkpoint
    from gansmith.commands.cli import main

    # dies where it is told to: in the middle of the n-th write, or between two steps
    moment, run, words = sys.argv[1], sys.argv[2], sys.argv[3:]
    kind, _, number = moment.partition("-")
    seen = 0

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def counted(original, wrap):
        def call(*arguments, **options):
            global seen
            seen += 1
            return wrap(original, seen == int(number), *arguments, **options)
        return call

    if kind == "write":
        import torch
        def half(original, now, state, file):
            if not now:
                return original(state, file)
            file.write(b"PK half a checkpoint"); file.flush(); die()
        torch.save = counted(torch.save, half)
    if kind == "rename":
        def late(original, now, *arguments):
            if now: die()
            return original(*arguments)
        checkpoint._keep = counted(checkpoint._keep, late)
    if kind == "step":
        from gansmith.training.loop import Training
        def after(original, now, training):
            notes = original(training)
            if now: die()
            return notes
        Training.advance = counted(Training.advance, after)
    sys.exit(main(words))
"""


def test_a_killed_run_ends_in_the_same_bits(tmp_path):
    """SIGKILL in a step, within a write, and between write and rename: real processes, resumed each time."""
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))
    options = ["--steps", "40", "--width", "16", "--batch", "16", "--checkpoint-every", "0.0001"]

    def run(moment, *words):
        return subprocess.run(
            [sys.executable, script, moment, "-", *words], capture_output=True, text=True, timeout=120, check=False
        )

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run("never", "train", "ogan", "--out", str(whole), *options).returncode == 0
    assert run("step-9", "train", "ogan", "--out", str(broken), *options).returncode == -signal.SIGKILL
    resumed = []
    for moment in ("write-7", "rename-6", "step-5", "never"):
        found = run(moment, "resume", str(broken), "--checkpoint-every", "0.0001")
        resumed.append(int(found.stdout.split("resumed at step ")[1].split()[0]))
        assert found.returncode == (0 if moment == "never" else -signal.SIGKILL), found.stderr
    assert resumed[0] == 8 and all(a < b < 40 for a, b in pairwise(resumed))
    a, b = (checkpoint.load(run / "checkpoint.pt") for run in (whole, broken))
    for key in ("game", "average", "dynamics", "step"):
        assert checkpoint.digest(a[key]) == checkpoint.digest(b[key]), key
    assert (whole / "samples" / "000040.png").read_bytes() == (broken / "samples" / "000040.png").read_bytes()
    lines = [[line["step"] for line in read_log(run / "log.jsonl")] for run in (whole, broken)]
    assert lines[0] == lines[1] == list(range(1, 41))


def test_a_stages_average_begins_where_its_start_leaves_the_game(ring):
    experiment, _ = two_stages(ring)
    training = Training(experiment, device="cpu")
    training.advance()
    training.enter(1)
    torch.testing.assert_close(list(training.average.parameters()), list(training.game.parameters()), rtol=0, atol=0)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_polite_requests_to_stop_are_heard(ring, which):
    class Ask(Hook):
        def step(self, training):
            if training.step == 2:
                signal.raise_signal(which)

    training, handler = begin(gan, ring), signal.signal(which, lambda *_: None)
    try:
        train(training, [Ask()])
    finally:
        signal.signal(which, handler)
    assert training.interrupted and training.step == 2


def test_an_average_is_in_evaluation_from_the_start():
    game = GAN(mlp(4, D, batch_norm=True), Counted(spectral=True), NonSaturating(), Normal(4))
    assert not any(m.training for m in Average(game).game.modules()) and game.training


def test_a_state_that_cannot_be_read_again_is_refused_before_the_first_step(ring, tmp_path):
    class Remembers(MLP):
        def get_extra_state(self):
            return {"seen": {3, 4}}

        def set_extra_state(self, state):
            pass

    game = GAN(MLP(4, 2, 8), Remembers(2, None, 8), NonSaturating(), Normal(4))
    stage = Stage(
        game, Alternating({n: torch.optim.SGD(p.parameters(), 0.1) for n, p in game.players().items()}), ring, 5
    )
    training = Training(Experiment([stage]), device="cpu")
    with pytest.raises(ValueError, match=r"game\.critic\._extra_state\.seen is a set"):
        train(training, [Checkpoint(tmp_path / "c.pt")])
    assert training.step == 0 and not (tmp_path / "c.pt").exists()


def three_stages(data):
    """The third begins with the weights of the first, whose training was over before the second began."""
    torch.manual_seed(0)

    def stage(start=None):
        game = GAN(MLP(4, 2, 8), MLP(2, None, 8), NonSaturating() + R1(), Normal(4))
        optimizers = {n: torch.optim.Adam(p.parameters()) for n, p in game.players().items()}
        return Stage(game, Alternating(optimizers), data, 3, batch=8, start=start)

    first, second = stage(), stage()
    third = stage(lambda: third.game.load_state_dict(first.game.state_dict()))
    return Experiment([first, second, third])


def test_a_resume_in_a_later_stage_knows_the_games_of_earlier_ones(ring, tmp_path):
    whole = train(Training(three_stages(ring), device="cpu"))
    part = Training(three_stages(ring), device="cpu")
    for _ in range(3):
        part.advance()
    part.enter(1)
    part.advance()
    checkpoint.save(tmp_path / "c.pt", part.state_dict())
    resumed = Training(three_stages(ring), device="cpu")
    resumed.load_state_dict(checkpoint.load(tmp_path / "c.pt"))
    assert same(train(resumed), whole)


def with_dropout(data, seed):
    torch.manual_seed(seed)
    nn = torch.nn
    critic = nn.Sequential(nn.Linear(2, 16), nn.Dropout(), nn.Linear(16, 1), nn.Flatten(0))
    game = GAN(MLP(4, 2, 8), critic, NonSaturating() + R1(), Normal(4))
    optimizers = {n: torch.optim.SGD(p.parameters(), 1e-2) for n, p in game.players().items()}

    def start():
        nn.init.normal_(critic[0].weight)

    first, second = (Stage(game, Alternating(optimizers), data, 40, batch=8, start=start) for _ in range(2))
    return Training(Experiment([first, second]), seed=seed, device="cpu")


def test_two_trainings_in_two_threads_give_the_bits_of_each_alone(ring):
    alone = [list(train(with_dropout(ring, seed)).game.parameters()) for seed in (1, 2)]
    both = [with_dropout(ring, seed) for seed in (1, 2)]
    threads = [threading.Thread(target=train, args=(training,)) for training in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for training, expected in zip(both, alone, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(training.game.parameters(), expected, strict=True))


def test_a_copy_of_an_average_counts_for_itself():
    game = GAN(MLP(2, 1, 4), MLP(1, None, 4), Hinge(), Normal(2))
    original = Average(game, 0.9)
    copied, alone = copy.deepcopy(original), copy.deepcopy(original)
    other = copy.deepcopy(game)
    with torch.no_grad():
        for p in other.parameters():
            p.add_(1)
    for average in (alone, original, original, original, original, original, original, copied):
        average.update_parameters(game)
        average.update_parameters(other)
    torch.testing.assert_close(list(copied.game.parameters()), list(alone.game.parameters()))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("norm", [torch.nn.utils.weight_norm, torch.nn.utils.spectral_norm])
def test_networks_that_hooks_normalize_are_averaged_after_a_pass(norm, ring):
    """A pass leaves a weight with a graph, which deepcopy refuses."""
    generator = torch.nn.Sequential(norm(torch.nn.Linear(4, 8)), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    assert generator(torch.zeros(1, 4)).shape == (1, 2)
    game = GAN(generator, MLP(2, None, 8), NonSaturating(), Normal(4))
    optimizers = {n: torch.optim.SGD(p.parameters(), 1e-2) for n, p in game.players().items()}
    training = train(Training(Experiment([Stage(game, Alternating(optimizers), ring, 3, batch=8)]), device="cpu"))
    assert training.average.sample(5).isfinite().all()
    z = torch.randn(6, 4)
    copied = Average(game, 0.5).game
    torch.testing.assert_close(copied.decode(z), game.decode(z))
