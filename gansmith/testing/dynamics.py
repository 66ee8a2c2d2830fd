"""The laws of a dynamics."""

from __future__ import annotations

import copy
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.testing import assert_close

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.base import Dynamics
from gansmith.dynamics.gradients import Diverged
from gansmith.games.base import Player
from gansmith.games.gan import GAN
from gansmith.games.latents import Normal
from gansmith.notes import Notes
from gansmith.objectives import NonSaturating
from gansmith.regularizers import R1
from gansmith.testing.differences import SEED, points, smooth

Make = Callable[[Mapping[str, Optimizer]], Dynamics]
Field = Callable[[Mapping[str, Player]], Mapping[str, Sequence[Tensor]]]
KEY: Key = (7,)
LIMIT = 0.3


def check_dynamics(make: Make, *, optimizer: Callable[..., Optimizer] = Adam, follows: Field | None = None) -> None:
    """Raises AssertionError, naming the law, where a dynamics breaks one.

    The laws: the same key gives the same bits whatever torch's generator is doing, another key others, and that
    generator is left alone; every player moves, steps and moves are counted, every batch is drawn fresh and counted;
    constraints hold after a step; ``advance_`` is called once after each accepted move, with the notes of that move; no
    ``.grad`` is left behind; a step of size h goes along minus h times the gradient, up to O(h^2); a run that is
    resumed from a saved state ends in the same bits; where a loss is not finite Diverged is raised, and parameters and
    optimizers of who had no accepted move, and buffers, are what they were.

    Arguments:
        make: optimizers by player's name -> a dynamics; a class will do.
        optimizer: (parameters, lr) -> the optimizers that ``make`` is given; the law of the small step takes SGD.
        follows: players -> for each the vectors that it is meant to descend; its own gradient by default.

    Example:
        >>> from gansmith.dynamics import Extragradient
        >>> check_dynamics(Extragradient)
    """
    _check_bits(make, optimizer)
    _check_step(make, optimizer)
    _check_small_step(make, follows or _gradients)
    _check_resume(make, optimizer)
    _check_divergence(make, optimizer)


@dataclass
class _Run:
    """A game with all that a dynamics has to look after, under watch."""

    make: Make
    optimizer: Callable[..., Optimizer]
    poisoned: int | None = None
    evaluations: int = 0
    drawn: list[int] = field(default_factory=list)
    advanced: list[tuple[str, Notes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch_state = torch.default_generator.get_state()
        torch.default_generator.manual_seed(SEED)
        generator = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.SiLU(), nn.Linear(8, 3)).double()
        torch.default_generator.set_state(torch_state)
        critic = nn.Sequential(nn.Dropout(0.2), smooth(3, None))
        self.game = GAN(generator, critic, NonSaturating() + R1(), Normal(2)).double()
        players = self.game.players()
        self.dynamics = self.make({name: self.optimizer(p.parameters(), 0.05) for name, p in players.items()})

    def players(self) -> dict[str, Player]:
        return {name: self._watched(name, player) for name, player in self.game.players().items()}

    def _watched(self, name: str, player: Player) -> Player:
        def loss(batch: Batch) -> Tensor:
            self.evaluations += 1
            poison = self.poisoned is not None and self.evaluations >= self.poisoned
            return player.loss(batch) * (torch.nan if poison else 1.0)

        @torch.no_grad()
        def project_() -> None:
            for p in player.parameters():
                p.clamp_(-LIMIT, LIMIT)

        return replace(
            player, loss=loss, project_=project_, advance_=lambda notes: self.advanced.append((name, dict(notes)))
        )

    def batch(self, draw: int) -> Batch:
        self.drawn.append(draw)
        return Batch(points(8, 3, seed=SEED + draw), None, torch.arange(8))

    def step(self, key: Key = KEY, times: int = 1) -> Notes:
        for _ in range(times):
            notes = self.dynamics.step(self.players(), self.batch, key)
        return notes

    def tensors(self) -> list[Tensor]:
        return [t.detach().clone() for t in self.game.state_dict().values()]


def _check_bits(make: Make, optimizer: Callable[..., Optimizer]) -> None:
    ends = []
    torch_state = torch.default_generator.get_state()
    try:
        for seed, key in ((1, KEY), (2, KEY), (1, (*KEY, 1))):
            run = _Run(make, optimizer)
            torch.default_generator.manual_seed(seed)
            before = torch.default_generator.get_state()
            run.step(key, times=3)
            assert torch.equal(before, torch.default_generator.get_state()), "torch's generator was disturbed"
            ends.append(run.tensors())
    finally:
        torch.default_generator.set_state(torch_state)
    assert _equal(ends[0], ends[1]), "the same key gives other bits"
    assert not _equal(ends[0], ends[2]), "another key gives the same bits: is the key handed on?"


def _check_step(make: Make, optimizer: Callable[..., Optimizer]) -> None:
    run, earlier = _Run(make, optimizer), set[int]()
    for step in (1, 2):
        before = {n: [p.detach().clone() for p in player.parameters()] for n, player in run.players().items()}
        moved = run.dynamics.moved.copy()
        run.drawn, run.advanced = [], []
        notes = run.step()
        moved = run.dynamics.moved - moved
        assert run.dynamics.steps == step, "steps are not counted"
        assert run.drawn and not earlier & set(run.drawn), "a batch was used again in another step"
        assert run.dynamics.draws > max(run.drawn), "draws are not counted"
        earlier |= set(run.drawn)
        advanced = Counter(name for name, _ in run.advanced)
        last = dict(run.advanced)
        for name, player in run.players().items():
            own = player.parameters()
            assert not _equal(before[name], own), f"the {name} did not move"
            assert all(p.grad is None for p in own), f"a gradient was left in the {name}'s .grad"
            largest = max(float(p.detach().abs().max()) for p in own)
            assert largest <= LIMIT, f"the {name}'s constraint does not hold after a step: project_ was not called"
            assert advanced[name] == moved[name] > 0, (
                f"the {name} had {moved[name]} accepted moves, but advance_ was called {advanced[name]} times"
            )
            assert f"{name}/loss" in notes, f"the notes of a step lack {name}/loss"
            assert torch.equal(last[name]["loss"], notes[f"{name}/loss"]), f"the {name}'s notes are not its last move's"


def _curved() -> dict[str, Player]:
    """A smooth game of two players that needs neither batch nor chance; its gradients are known."""
    x, y = (nn.ParameterList([points(4, 1, seed=s)[:, 0]]) for s in (1, 2))
    m = points(4, 4, seed=3)

    def value() -> Tensor:
        left, right = x[0].tanh(), y[0].sin()
        return torch.einsum("i,ij,j->", left, m, right)

    return {
        "critic": Player([y], lambda batch: -value() + y[0].pow(4).sum() / 20),
        "generator": Player([x], lambda batch: value() + x[0].square().sum() / 10),
    }


def _gradients(players: Mapping[str, Player]) -> dict[str, Sequence[Tensor]]:
    batch = Batch(points(2, 1), None, torch.arange(2))
    return {name: torch.autograd.grad(p.loss(batch), p.parameters()) for name, p in players.items()}


def _check_small_step(make: Make, follows: Field) -> None:
    """Two steps, so that a memory of the last one takes part; the error must fall by four where h is halved."""
    errors = []
    for h in (2e-3, 1e-3):
        players = _curved()
        directions = follows(players)
        before = {name: [p.detach().clone() for p in player.parameters()] for name, player in players.items()}
        dynamics = make({name: SGD(player.parameters(), h) for name, player in players.items()})
        for _ in range(2):
            dynamics.step(players, lambda draw: Batch(points(2, 1, seed=draw), None, torch.arange(2)), KEY)
        gaps = [
            p.detach() - start + dynamics.moved[name] * h * g
            for name, player in players.items()
            for p, start, g in zip(player.parameters(), before[name], directions[name], strict=True)
        ]
        errors.append(float(torch.cat([gap.flatten() for gap in gaps]).norm()))
    assert errors[1] <= errors[0] / 3, (
        "a small step does not go along minus the gradient: "
        f"its error is {errors[0]:.3g} at h = 0.002 and {errors[1]:.3g} at half of that, where a quarter is due"
    )


def _check_resume(make: Make, optimizer: Callable[..., Optimizer]) -> None:
    whole = _Run(make, optimizer)
    whole.step(times=5)
    run, file = _Run(make, optimizer), io.BytesIO()
    run.step(times=2)
    torch.save({"game": run.game.state_dict(), "dynamics": run.dynamics.state_dict()}, file)
    file.seek(0)
    try:
        state = torch.load(file, weights_only=True)
    except Exception as error:
        raise AssertionError(f"state_dict does not load with weights_only=True: {error}") from error
    resumed = _Run(make, optimizer)
    resumed.game.load_state_dict(state["game"])
    resumed.dynamics.load_state_dict(state["dynamics"])
    assert resumed.dynamics.steps == 2, "state_dict or load_state_dict forgets the steps"
    resumed.step(times=3)
    assert _equal(whole.tensors(), resumed.tensors()), "a resumed run ends in other bits: state_dict lacks something"
    assert whole.drawn[len(run.drawn) :] == resumed.drawn, "a resumed run draws other batches"


def _check_divergence(make: Make, optimizer: Callable[..., Optimizer]) -> None:
    """From each evaluation of a step on, the losses are NaN."""
    clean = _Run(make, optimizer)
    clean.step()
    clean.evaluations = 0
    clean.step()
    for at in range(1, clean.evaluations + 1):
        run = _Run(make, optimizer)
        run.step()
        run.evaluations, run.poisoned, run.advanced = 0, at, []
        before = _state(run)
        try:
            run.step()
        except Diverged:
            pass
        else:
            raise AssertionError(f"evaluation {at} of a step was NaN, and Diverged was not raised")
        after, accepted = _state(run), {name for name, _ in run.advanced}
        for name in run.players():
            if name not in accepted:
                assert _alike(before[name], after[name]), f"a divergence changed the {name}, who had no accepted move"
        if not accepted:
            assert _alike(before["buffers"], after["buffers"]), "a divergence changed buffers"
            assert _alike(before["dynamics"], after["dynamics"]), "a divergence changed the dynamics' own state"
        assert all(p.grad is None for p in run.game.parameters()), "a divergence left a gradient in .grad"


def _state(run: _Run) -> dict[str, Any]:
    state = copy.deepcopy(run.dynamics.state_dict())
    optimizers = state.pop("optimizers")
    del state["draws"]  # a draw that was used is used
    everything: dict[str, Any] = {"dynamics": state, "buffers": [b.clone() for b in run.game.buffers()]}
    for name, player in run.players().items():
        everything[name] = [p.detach().clone() for p in player.parameters()], optimizers[name]
    return everything


def _equal(a: Sequence[Tensor], b: Sequence[Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def _alike(a: Any, b: Any) -> bool:
    try:
        assert_close(a, b, rtol=0, atol=0)
    except (AssertionError, TypeError):
        return False
    return True
