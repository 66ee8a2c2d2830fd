"""What a run can show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gansmith.chance import Part, keyed
from gansmith.data.dataset import Dataset
from gansmith.games.base import Game, Samples
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture

SIDE = 700  # pixels of a grid, about: it is seen on a page without being made smaller


@dataclass(frozen=True)
class Exhibit:
    """A kind of picture that a run can show; one file a kind, and a line in the list of :mod:`gansmith.exhibits`.

    Arguments:
        name: of its folder in a run; its pictures lie there, named by the step.
        part: of the page that it belongs to; exhibits of one part stand side by side.
        title: a few words above the picture.
        caption: a sentence or two: what is seen, and how to read it.
        fits: whether a game and its data have it.
        draw: the picture at this step, of the averaged game.
        during: drawn while the run trains as well, not at its end only.
    """

    name: str
    part: str
    title: str
    caption: str
    fits: Callable[[Game, Dataset], bool]
    draw: Callable[[Training], Picture]
    during: bool = False


def fixed_samples(training: Training, n: int, y: Tensor | None = None) -> Tensor:
    """Samples of the averaged game by `Dataset.restore`, from inputs that are the same at every step of a run.

    Raises:
        ValueError: the game does not generate.
    """
    game = training.average
    if not isinstance(game, Samples):
        raise ValueError(f"needs a game that generates, but {type(game).__name__} does not")
    with keyed(Part((training.seed, "samples")), training.device):
        samples = game.sample(n) if y is None else game.sample(n, y.to(training.device))
    return training.stage.data.restore(samples.float().cpu())


def spread(index: Tensor, n: int) -> Tensor:
    """Some of the positions, evenly spaced: the first of a folder of class folders are all of one class.

    Example:
        >>> spread(torch.arange(10), 4).tolist()
        [0, 3, 6, 9]
    """
    if len(index) <= n:
        return index
    return index[torch.linspace(0, len(index) - 1, n).round().long()]


def scale_of(images: Tensor, columns: int, side: int = SIDE) -> int:
    """How often each pixel is repeated, so that so many images in a row fill a grid's side about."""
    return max(1, (side // columns - 2) // max(images.shape[-2:]))
