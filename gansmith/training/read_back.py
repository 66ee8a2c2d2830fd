"""Whether a game takes its own state again, with the same numbers: asked before the first step."""

from __future__ import annotations

import torch
from torch import Tensor

from gansmith.games.average import Average
from gansmith.games.base import Game
from gansmith.training.checkpoint import digest
from gansmith.training.state import State, versioned

LEFT_OUT = "freeze it (requires_grad_(False)), or leave it in what state_dict returns"


def check_read_back(game: Game, state: State, versions: State) -> None:
    """Loads a state into a copy of the game with other numbers, and compares them with the game's.

    Hooks and modules' own ways of loading may round, change or leave out what was saved.

    Raises:
        ValueError: the copy does not take it, or has other numbers then; the message names the first that differ.
    """
    for name, parameter in game.named_parameters():
        if parameter.requires_grad and name not in state:
            raise ValueError(f"needs a game whose state holds all that it learns, but {name} is not in it: {LEFT_OUT}")
    copy = Average(game).game
    own, read = _tensors(game), _tensors(copy)
    with torch.no_grad():
        for name in state.keys() & read.keys():
            read[name].fill_(1) if read[name].dtype == torch.bool else read[name].add_(1)
    try:
        copy.load_state_dict(versioned(state, versions))
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"needs a game that takes its own state again, but {reason}") from error
    read = _tensors(copy)
    for name in own:
        if name in state and digest(own[name]) != digest(read.get(name)):
            raise ValueError(
                f"needs a game that takes its own state again, but {name} has other numbers then: look at its hooks "
                "and at what load_state_dict does"
            )


def parts_of(state: State) -> dict[str, str]:
    """The type and shape of each tensor of a game's state."""
    return {name: f"{t.dtype} of {tuple(t.shape)}" for name, t in state.items() if isinstance(t, Tensor)}


def _tensors(game: Game) -> dict[str, Tensor]:
    return dict([*game.named_parameters(), *game.named_buffers()])
