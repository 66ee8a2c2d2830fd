"""The laws of a game."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.testing import assert_close

from gansmith.batch import Batch
from gansmith.dynamics.gradients import Gradients
from gansmith.dynamics.pull import Pull
from gansmith.games.base import Game, Player
from gansmith.notes import Notes
from gansmith.testing.arguments import needs_instance
from gansmith.testing.differences import assert_gradient

KEY = (7, 0)


def check_game(game: Game, batch: Batch, smooth: bool = True) -> None:
    """Raises AssertionError, naming the law, where a game breaks one.

    The laws: players own disjoint parameters; each player's gradient equals finite differences of its loss; every
    parameter of every player has a gradient in its move; taking a gradient changes no parameter and no randomness
    outside; the same key gives the same bits, another key others; micro-batches equal the whole batch to 1e-6 where
    the player is additive, and are refused where it is not.

    Arguments:
        game: is copied to float64; its networks keep no state in a forward pass (no BatchNorm, no spectral norm).
        batch: at least four samples.
        smooth: the networks have no kinks, so that finite differences converge; False skips that law.

    Raises:
        ValueError: the argument is no game, or the batch has fewer samples; a player's loss is no scalar that depends
            on its parameters.

    Example:
        >>> from gansmith.games import GAN
        >>> from gansmith.games.latents import Normal
        >>> from gansmith.networks import MLP
        >>> from gansmith.objectives import NonSaturating
        >>> from gansmith.regularizers import R1
        >>> game = GAN(MLP(4, 2), MLP(2, None), NonSaturating() + R1(), Normal(4))
        >>> check_game(game, Batch(torch.randn(8, 2), None, torch.arange(8)), smooth=False)
    """
    needs_instance(game, Game)
    if len(batch) < 4:
        raise ValueError(f"needs at least four samples, but got {len(batch)}: micro-batches are checked, too")
    game = copy.deepcopy(game).double()
    batch = batch.map(lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)
    players = game.players()
    owners = [id(p) for player in players.values() for p in player.parameters()]
    assert len(owners) == len(set(owners)), "players share a parameter"
    for name, player in players.items():
        _check_player(name, player, game, batch, smooth)


def _check_player(name: str, player: Player, game: Game, batch: Batch, smooth: bool) -> None:
    before = [p.detach().clone() for p in game.parameters()]
    generator = torch.default_generator.get_state()
    gradients, values = Pull()(player, batch, KEY)
    assert torch.equal(generator, torch.default_generator.get_state()), f"{name}: randomness outside was disturbed"
    for p, old in zip(game.parameters(), before, strict=True):
        assert torch.equal(p, old), f"{name}: taking a gradient changed a parameter"
        assert p.grad is None, f"{name}: a gradient was left in .grad"
    unused = sum(g is None for g in gradients)
    assert not unused, f"{name}: {unused} of its parameters have no gradient in its move"
    assert_same(Pull()(player, batch, KEY), (gradients, values), f"{name}: the same key gives other bits")
    if smooth:
        assert_gradient(lambda: Pull()(player, batch, KEY)[1]["loss"], player.parameters(), gradients, f"{name}'s loss")
    _check_micro(name, player, batch, (gradients, values))


def _check_micro(name: str, player: Player, batch: Batch, whole: tuple[Gradients, Notes]) -> None:
    try:
        parted = Pull(micro=2)(player, batch, KEY)
    except ValueError:
        assert not player.additive, f"{name}: additive, but micro-batches are refused"
        return
    assert player.additive, f"{name}: not additive, but micro-batches are not refused"
    assert_same(parted, whole, f"{name}: micro-batches differ from the whole batch", 1e-6)


def assert_same(
    pulled: tuple[Gradients, Notes], expected: tuple[Gradients, Notes], law: str, tolerance: float = 0.0
) -> None:
    """Gradients and notes of two pulls agree."""

    def tensors(pair: tuple[Gradients, Notes]) -> list[tuple[str, Tensor | None]]:
        gradients = [(f"gradient {i}", g) for i, g in enumerate(pair[0])]
        return gradients + [(f"note {name!r}, a mean over samples,", pair[1][name]) for name in sorted(pair[1])]

    assert sorted(pulled[1]) == sorted(expected[1]), f"{law}: other notes"
    for (name, a), (_, b) in zip(tensors(pulled), tensors(expected), strict=True):
        assert (a is None) == (b is None), f"{law}: {name} is missing"
        if a is not None and b is not None:
            assert_close(a, b, rtol=tolerance, atol=tolerance, msg=f"{law}: {name} differs")
