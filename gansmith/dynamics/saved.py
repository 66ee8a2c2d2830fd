"""Whether a saved state is that of the same optimizers, told before any of it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

FIRST_MOMENTS = ("exp_avg", "momentum_buffer")  # shaped like the parameter in every optimizer; other states need not be


def check_saved(name: str, optimizers: Sequence[Optimizer], saved: Sequence[Mapping[str, Any]] | None) -> None:
    """Raises ValueError where the states of a player's optimizers are not those of these.

    Torch's own loading compares the sizes of groups alone, and raises when other optimizers are loaded already.

    Arguments:
        name: the player's.
        optimizers: into which the states are to be loaded.
        saved: by ``state_dict`` of each.
    """
    if saved is None or len(saved) != len(optimizers):
        raise ValueError(
            f"needs states of the {name}'s {len(optimizers)} optimizer{'s' * (len(optimizers) != 1)}, but got "
            f"{len(saved or ())}: {OTHER}"
        )
    for optimizer, state in zip(optimizers, saved, strict=True):
        if missing := [key for key in ("state", "param_groups") if key not in state]:
            raise ValueError(f"needs an optimizer's state, but the {name}'s lacks {', '.join(missing)}: {OTHER}")
        _check_groups(name, optimizer.param_groups, state["param_groups"])
        _check_moments(name, optimizer.param_groups, state["param_groups"], state["state"])


OTHER = "the state is another game's or dynamics'"
Groups = Sequence[Mapping[str, Any]]


def _check_groups(name: str, groups: Groups, saved: Groups) -> None:
    own, found = ([len(group["params"]) for group in several] for several in (groups, saved))
    if own != found:
        raise ValueError(f"needs states of the {name}'s groups of {own} parameters, but got groups of {found}: {OTHER}")
    for group, was in zip(groups, saved, strict=True):
        # flags come with versions of torch, which fills in those that a state lacks; numbers are the method's own
        numbers = [k for k, v in group.items() if isinstance(v, int | float | tuple) and not isinstance(v, bool)]
        if missing := [key for key in numbers if key not in was]:
            raise ValueError(
                f"needs the state of the {name}'s kind of optimizer, but got one without {', '.join(missing)}: "
                "it is another kind's"
            )


def _check_moments(name: str, groups: Groups, saved: Groups, states: Mapping[int, Mapping[str, Any]]) -> None:
    for group, was in zip(groups, saved, strict=True):
        for p, number in zip(group["params"], was["params"], strict=True):
            for key in FIRST_MOMENTS:
                moment = states.get(number, {}).get(key)
                if isinstance(moment, Tensor) and moment.shape != p.shape:
                    raise ValueError(
                        f"needs states shaped like the {name}'s parameters, but got {key} of shape "
                        f"{tuple(moment.shape)} for one of shape {tuple(p.shape)}: {OTHER}"
                    )
