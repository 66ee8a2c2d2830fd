"""What of a game and of its dynamics is in a state, and how it is given back."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from gansmith.dynamics.base import Dynamics
from gansmith.games.base import Game
from gansmith.training.state import State, not_finite, spreads, versioned


def state_of(game: Game) -> State:
    """A game's parameters and buffers, versions and types of its modules, what stands still or is in evaluation mode.

    Buffers are all there, those too that a module leaves out of its own state.
    """
    state = game.state_dict()
    versions = {name: dict(module) for name, module in getattr(state, "_metadata", {}).items()}
    return {
        "game": state,
        "versions": versions,
        "modules": _modules(game),
        "resting": [name for name, module in game.named_modules() if not module.training],
        "buffers": {name: b for name, b in game.named_buffers() if name not in state},
        "frozen": [name for name, p in game.named_parameters() if not p.requires_grad],
    }


def _modules(game: Game) -> dict[str, str]:
    """Of which types a game's modules are: networks, objective and terms, of which many have no tensors."""
    return {name: type(module).__name__ for name, module in game.named_modules()}


def moves_of(dynamics: Dynamics) -> State:
    """The state of dynamics, and of which kinds they and their optimizers are."""
    return {"dynamics": dynamics.state_dict(), "kinds": _kinds(dynamics)}


def _kinds(dynamics: Dynamics) -> list[str]:
    optimizers = [f"{name}: {type(o).__name__}" for name, several in dynamics.optimizers.items() for o in several]
    return [type(dynamics).__name__, *optimizers]


def load_moves(dynamics: Dynamics, state: State) -> None:
    """Gives dynamics what `moves_of` says of them.

    Raises:
        ValueError: they, or their optimizers, are of other kinds.
    """
    kinds = _kinds(dynamics)
    if state.get("kinds", kinds) != kinds:  # of an older version there are none
        raise ValueError(f"it was trained by {state['kinds']!r:.200}, and not {kinds}")
    dynamics.load_state_dict(state["dynamics"])


def check_finite(state: State, meant: Mapping[str, Tensor]) -> None:
    """Refuses what no run writes: NaN or infinity where a game and its dynamics had none at their beginning.

    Arguments:
        state: of a training, or of one of its games.
        meant: what is not finite in ``state_of`` the game and ``moves_of`` its dynamics at their beginning.

    Raises:
        ValueError: there is some; the message names it.
    """
    found = not_finite({key: state[key] for key in ("game", "buffers", "dynamics") if key in state})
    average = not_finite({"game": {name.removeprefix("module."): t for name, t in state.get("average", {}).items()}})
    for name, now in [*found.items(), *average.items()]:
        if spreads(meant.get(name), now):
            raise ValueError(f"{name} is not finite, which no run saves: it is damaged")


def load_into(game: Game, state: State) -> None:
    """Gives a game what `state_of` says of it; of an older version some of it is not known.

    Raises:
        ValueError: its modules or tensors are of other types.
    """
    saved, modules = state["game"], _modules(game)
    before = state.get("modules", modules)  # of an older version there are none
    if other := sorted(name for name in {*before, *modules} if before.get(name) != modules.get(name)):
        was, now = (of.get(other[0], "nothing") for of in (before, modules))
        raise ValueError(f"{other[0]} was {was!r:.60}, and is {now}")
    for name, own in game.state_dict().items():
        other = saved.get(name)
        if isinstance(own, Tensor) and isinstance(other, Tensor) and own.dtype != other.dtype:
            raise ValueError(f"{name} is of {other.dtype}, and not {own.dtype}")
    game.load_state_dict(versioned(saved, state.get("versions")))
    buffers = dict(game.named_buffers())
    for name, value in state.get("buffers", {}).items():
        if buffers[name].shape != value.shape:
            raise ValueError(f"{name} is of shape {tuple(value.shape)}, and not {tuple(buffers[name].shape)}")
        buffers[name].copy_(value)
    if "resting" in state:
        resting = set(state["resting"])
        for name, module in game.named_modules():
            module.training = name not in resting
    if "frozen" in state:  # of an older version it is not known
        frozen = set(state["frozen"])
        for name, p in game.named_parameters():
            p.requires_grad_(name not in frozen)
