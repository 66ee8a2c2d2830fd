"""The pictures of a run: each exhibit that its game and data have, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gansmith.chance import Part, keyed
from gansmith.disk.folders import sub_folder
from gansmith.drawing.grids import save_png
from gansmith.exhibits import EXHIBITS
from gansmith.refusal import out_of_memory
from gansmith.training.loop import Training

if TYPE_CHECKING:
    from gansmith.drawing.grids import Picture


def draw_exhibits(training: Training, folder: Path, *, during: bool = False) -> list[tuple[str, Picture]]:
    """Draws what a run can show at this step: ``folder/EXHIBIT/STEP.png``.

    Arguments:
        training: at a step.
        folder: the run's.
        during: only what is drawn while a run trains.

    Returns:
        Titles and pictures, in their order; what cannot be drawn is told and left out.

    Raises:
        Refusal: a folder cannot be made.
        OSError: a picture cannot be written.
    """
    game, data, pictures = training.average, training.stage.data, []
    for exhibit in EXHIBITS:
        if (during and not exhibit.during) or not exhibit.fits(game, data):
            continue
        try:
            with keyed(Part((training.seed, "exhibit", exhibit.name)), training.device):  # a look disturbs no run
                picture = exhibit.draw(training)
        except Exception as error:  # what is drawn is somebody's game: a training is worth more than a picture
            if out_of_memory(error):
                raise
            print(f"no picture of {exhibit.title}: {type(error).__name__}: {error}")
            continue
        save_png(sub_folder(folder, exhibit.name) / f"{training.step:06d}.png", picture)
        pictures.append((exhibit.title, picture))
    return pictures
