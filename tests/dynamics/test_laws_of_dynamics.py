"""Each law of a dynamics seen red under a planted error."""

import itertools

import pytest
import torch
from torch.optim import SGD

from gansmith.dynamics import HEUN, Alternating, Extragradient, Optimistic, RungeKutta, Simultaneous
from gansmith.dynamics.snapshots import buffers_restored_on_failure
from gansmith.testing import check_dynamics

COUNT = itertools.count()


class TorchsNoise(Simultaneous):
    """Draws outside of any key."""

    def _apply(self, name, player, gradients):
        super()._apply(name, player, [g + 1e-3 * torch.randn(g.shape).to(g) for g in gradients])


class OtherBits(Simultaneous):
    def _apply(self, name, player, gradients):
        super()._apply(name, player, [g * (1 + 1e-9 * next(COUNT)) for g in gradients])


class Keyless(Simultaneous):
    def _fresh(self, batch, key):
        return super()._fresh(batch, (0,))


class CriticOnly(Simultaneous):
    def _apply(self, name, player, gradients):
        if name == "critic":
            super()._apply(name, player, gradients)


class Uncounted(Simultaneous):
    def step(self, players, batch, key):
        said = super().step(players, batch, key)
        self.steps = 0
        return said


class Stale(Simultaneous):
    """The same draw at every step."""

    def _fresh(self, batch, key):
        self.draws = 0
        return super()._fresh(batch, (*key, self.steps))


class UncountedDraws(Simultaneous):
    def _fresh(self, batch, key):
        here = batch(self.steps), (*key, self.steps)
        self.draws = 0
        return here


class Unconstrained(Simultaneous):
    def _shift(self, name, player, gradients):
        for p, g in zip(player.parameters(), gradients, strict=True):
            p.grad = g
        for optimizer in self.optimizers[name]:
            optimizer.step()
            optimizer.zero_grad()


class Overeager(Extragradient):
    """Advances with every shift: after the look-ahead, after the move, and once more as it should."""

    def _shift(self, name, player, gradients):
        super()._shift(name, player, gradients)
        player.advance_({"loss": torch.zeros(())})


class Unadvanced(Simultaneous):
    def _round(self, players, batch, key):
        pulled = self._field(players, batch, key)
        for name, player in players.items():
            self._apply(name, player, pulled[name][0])
        return {f"{name}/loss": seen["loss"] for name, (_, seen) in pulled.items()}


class OtherNotes(Extragradient):
    """Says what the look-ahead saw, and advances by the move."""

    def _round(self, players, batch, key):
        looked, _ = self._everyone(players, self._fresh(batch, key))
        said = super()._round(players, batch, key)
        return said | {f"{name}/loss": seen["loss"] for name, (_, seen) in looked.items()}


class LeftBehind(Simultaneous):
    def _apply(self, name, player, gradients):
        super()._apply(name, player, gradients)
        player.parameters()[0].grad = gradients[0]


class Doubled(Simultaneous):
    def _apply(self, name, player, gradients):
        super()._apply(name, player, [2 * g for g in gradients])


class Ascending(Alternating):
    def _apply(self, name, player, gradients):
        super()._apply(name, player, [-g for g in gradients])


class Overshooting(Optimistic):
    """2 g without taking the last one off."""

    def _ahead(self, name, now):
        return [2 * g for g in now] if self._last else now


class Forgetful(Optimistic):
    def state_dict(self):
        return super().state_dict() | {"last": {}}


class NoTensors(Optimistic):
    def state_dict(self):
        return super().state_dict() | {"of": type(self)}


class Unwary(Simultaneous):
    """Moves one player before the other's gradient is known to be finite, as if it were accepted together."""

    def _round(self, players, batch, key):
        here, pulled = self._fresh(batch, key), {}
        for name, player in players.items():
            with buffers_restored_on_failure(players):
                pulled[name] = self._pull(name, player, *here)
            self._apply(name, player, pulled[name][0])
        for name, player in players.items():
            player.advance_(pulled[name][1])
        return {f"{name}/loss": seen["loss"] for name, (_, seen) in pulled.items()}


class Unreturned(Extragradient):
    """Comes back from the look-ahead only where all goes well."""

    def _field(self, players, batch, key):
        first = Simultaneous._field(self, players, batch, key)
        origin = [p.detach().clone() for player in players.values() for p in player.parameters()]
        for name, player in players.items():
            self._shift(name, player, first[name][0])
        second = Simultaneous._field(self, players, batch, key)
        with torch.no_grad():
            for p, o in zip((p for player in players.values() for p in player.parameters()), origin, strict=True):
                p.copy_(o)
        return second


class Poisoned(Simultaneous):
    """Leaves the statistics of a pass that diverged."""

    def _round(self, players, batch, key):
        pulled = self._field(players, batch, key)
        for name, player in players.items():
            self._apply(name, player, pulled[name][0])
            player.advance_(pulled[name][1])
        return {f"{name}/loss": seen["loss"] for name, (_, seen) in pulled.items()}


class Swallowed(Simultaneous):
    def _round(self, players, batch, key):
        try:
            return super()._round(players, batch, key)
        except FloatingPointError:
            return {}


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (TorchsNoise, "generator was disturbed"),
        (OtherBits, "same key gives other bits"),
        (Keyless, "another key gives the same bits"),
        (CriticOnly, "generator did not move"),
        (Uncounted, "steps are not counted"),
        (Stale, "used again in another step"),
        (UncountedDraws, "draws are not counted"),
        (Unconstrained, "constraint does not hold"),
        (Overeager, "advance_ was called 3 times"),
        (Unadvanced, "advance_ was called 0 times"),
        (OtherNotes, "notes are not its last move's"),
        (LeftBehind, r"left in the .*'s .grad"),
        (Doubled, "small step"),
        (Ascending, "small step"),
        (Overshooting, "small step"),
        (Forgetful, "resumed run ends in other bits"),
        (NoTensors, "weights_only"),
        (Unwary, "changed the critic, who had no accepted move"),
        (Unreturned, "had no accepted move"),
        (Poisoned, "changed buffers"),
        (Swallowed, "Diverged was not raised"),
    ],
)
def test_a_wrong_dynamics_is_seen(wrong, law):
    with pytest.raises(AssertionError, match=law):
        check_dynamics(wrong)


def test_a_state_that_loses_the_scale_is_seen():
    class Rescaled(RungeKutta):
        def load_state_dict(self, state):
            super().load_state_dict(state | {"scale": 1.0})

    with pytest.raises(AssertionError, match="resumed run"):
        check_dynamics(lambda o: Rescaled(o, method=HEUN, tolerance=1e-4), optimizer=SGD)


def test_several_moves_a_round_are_lawful():
    check_dynamics(lambda optimizers: Alternating(optimizers, critic=lambda step: 3 if step == 0 else 2))
