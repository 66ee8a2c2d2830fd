"""Games that were written before abilities were classes: what they define says what they can do."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from gansmith.games.base import Game


def adopt(game: type[Game], root: type[Game], abilities: dict[str, type[Game]]) -> None:
    """Makes a class that defines ``sample``, say, one that generates, as its author meant, and says what to write.

    Recipe files that lie in run folders hold such classes, and a run must open.

    Arguments:
        game: a class of somebody's.
        root: ``Game``, which abilities take the place of.
        abilities: the name of a method -> the ability that it tells of.
    """
    own = vars(game)
    missing = [kind for name, kind in abilities.items() if name in own and not issubclass(game, kind)]
    missing = [kind for kind in missing if not any(other is not kind and issubclass(other, kind) for other in missing)]
    if not missing:
        return
    names = ", ".join(kind.__name__ for kind in missing)
    warnings.warn(
        f"{game.__name__} is taken as {names}, by its methods: derive it from {names} of gansmith.games",
        FutureWarning,
        stacklevel=3,
    )
    game.__bases__ = (*(base for base in game.__bases__ if base is not root), *missing)
    if "sample" in own and "inputs" not in own:
        game.inputs = _inputs  # type: ignore[attr-defined]


def _inputs(self: Any, n: int, y: Tensor | None = None) -> Tensor:
    latents: Tensor = self.latent(n, next(self.parameters()))
    return latents
