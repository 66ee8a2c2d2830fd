"""A trained run: what its game can do, in one place for Python and for the commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

from gansmith.chance import Part, keyed
from gansmith.data import Dataset, load
from gansmith.data.selection import Selection
from gansmith.disk.json_files import read_json
from gansmith.duel.samples import alike, parts
from gansmith.games.base import Encodes, Game, Samples, Scores
from gansmith.refusal import Refusal, refusals
from gansmith.runs.folder import RunFolder
from gansmith.runs.lookup import AnyRecipe
from gansmith.runs.opening import open_folder, opened
from gansmith.sides import written
from gansmith.training.loop import Training

PART = 256  # samples through a network at a time
Ability = TypeVar("Ability", bound=Game)

Images: TypeAlias = Tensor | Dataset | str | Path
"""Samples in the run's own form (n, ...), a dataset, or any form of pictures that `load` takes."""


class Run:
    """A run folder and its game: made by :func:`gansmith.train` and :func:`gansmith.load_run`.

    Samples come and go as float32 on the CPU: pictures with values in [-1, 1], less their padding; vectors in the
    data's own units, though the networks may see them standardized.

    Attributes:
        folder: the run folder: its path and record.
        game: the averaged game, in evaluation mode.
        data: what it was trained on; of a run that was opened the shape, the classes and their names alone.
        step: how far it was trained.

    Example:
        >>> import tempfile
        >>> import gansmith
        >>> with tempfile.TemporaryDirectory() as place:
        ...     run = gansmith.train("gan", data="ring", steps=2, out=f"{place}/run")  # doctest: +ELLIPSIS
        ...     gansmith.load_run(f"{place}/run").sample(3).shape
        gan on ring: ...
        torch.Size([3, 2])
    """

    def __init__(self, folder: RunFolder, training: Training) -> None:
        self.folder, self.training = folder, training
        self.game, self.data, self.step = training.average, training.stage.data, training.step

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}: {self.folder.record['recipe']} on {self.data.name}, step {self.step:,})"

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def finished(self) -> bool:
        """Whether it was trained to its end; False where it was stopped, by Ctrl-C, say."""
        return bool(self.folder.record["status"] == "finished")

    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured at the run's end: its ``metrics.json``, empty where there is none."""
        return read_json(self.path / "metrics.json")

    def sample(self, n: int = 64, *, seed: int = 0, y: Tensor | int | None = None) -> Tensor:
        """Generated samples (n, ...); the same for the same seed.

        Arguments:
            n: how many.
            seed: of the latents.
            y: their class, or classes (n,), where the game has classes.

        Raises:
            ValueError: the game does not generate, or has no such class.
        """
        return torch.cat(list(self.samples(n, seed=seed, y=y)))

    def samples(self, n: int, *, seed: int = 0, y: Tensor | int | None = None) -> Iterator[Tensor]:
        """As :meth:`sample`, in parts: of all samples only the latents are in memory at once."""
        if n < 1:
            raise Refusal(f"needs at least one sample, but got n={n}")
        game = self._able(Samples, "a game that generates from latents", "makes none")
        if y is not None and game.classes is None:
            raise Refusal(f"needs a game with classes to choose from, but {self._recipe} has none: leave y out")
        classes = None if y is None else self._classes(n, y, game.classes or 0)
        with keyed(Part((seed, "sample")), self.training.device):
            inputs = game.inputs(n, classes)
        for several in zip(*(torch.split(part, PART) for part in parts(inputs)), strict=True):
            yield self.data.restore(self._finite(game.decode(alike(inputs, several))))

    def score(self, sample: Images | tuple[Tensor, ...]) -> Tensor:
        """The critic's scores (n,), high for real, of samples as :meth:`encode` takes them, or of a tuple's parts.

        A game that is conditioned on labels, say, scores samples (x, y).
        """
        game = self._able(Scores, "a game that scores", "does not")
        if not isinstance(sample, tuple):
            sample = self.values(sample)
        elif self.data.scale is not None:
            sample = (self.values(sample[0]), *sample[1:])
        rows = zip(*(torch.split(part, PART) for part in parts(sample)), strict=True)
        scores = [game.score(alike(sample, [part.to(self.training.device) for part in several])) for several in rows]
        return torch.cat([score.float().cpu() for score in scores])

    def encode(self, images: Images) -> Tensor:
        """The codes (n, d) of samples.

        Arguments:
            images: a path or name, a dataset, or a tensor (n, ...) in the form that the run was trained on (padding
                included).

        Raises:
            ValueError: the game does not encode, or the images cannot be read.
        """
        return self._mapped(self.encoder().encode, images)

    def reconstruct(self, images: Images, truncation: float = 1.0) -> Tensor:
        """What the game makes of the codes of samples (n, ...); images and errors as :meth:`encode`.

        Arguments:
            images: as :meth:`encode` takes them.
            truncation: below 1 codes move toward the latents' center, to smoother pictures.
        """
        game = self.encoder()
        return self.data.restore(self._mapped(lambda x: game.reconstruct(x, truncation), images))

    def interpolate(self, a: Images, b: Images, steps: int = 12) -> Tensor:
        """Pictures on the way from a[i] to b[i], (n, steps, ...), both ends included; images as :meth:`encode`."""
        game = self.encoder()
        if steps < 1:
            raise Refusal(f"needs at least one step, but got {steps}")
        x, y = self.values(a), self.values(b)
        if len(x) != len(y):
            raise Refusal(f"needs as many samples on both sides, but got {len(x)} and {len(y)}: take the first of each")
        between = self._finite(game.interpolate(x.to(self.training.device), y.to(self.training.device), steps))
        rows: Tensor = self.data.restore(between.flatten(0, 1)).unflatten(0, between.shape[:2])
        return rows

    def load(self, source: str | Path, *, strict: bool = False) -> Dataset:
        """Pictures of any form in the form that the run was trained on; what was done to them is in their notes."""
        data = self.data
        with refusals(f"needs images for {self.path}: "):
            if not data.is_images:
                return load(str(source), strict=strict).with_scale(data.scale)
            selection = Selection.of(self.folder.record["data"])
            return load(
                str(source),
                written(data.sides),
                data.shape[0],
                data.content,
                crop=selection.crop,
                value_range=selection.value_range if data.deep_range is None else None,
                first_page=selection.first_page,
                deep_range=data.deep_range,
                masks=data.masks,
                strict=strict,
            )

    def values(self, images: Images) -> Tensor:
        """Samples as the networks see them, (n, ...): images in [-1, 1], vectors standardized where the run's are."""
        images = self._loaded(images)
        return images.float() if isinstance(images, Tensor) else images.values(torch.arange(len(images)))

    def encoder(self) -> Encodes:
        """The game as one that encodes.

        Raises:
            ValueError: it does not.
        """
        return self._able(Encodes, "a game that encodes", "only generates: train ogan")

    @property
    def _recipe(self) -> str:
        return str(self.folder.record["recipe"])

    def _classes(self, n: int, y: Tensor | int, count: int) -> Tensor:
        classes = torch.full((n,), y) if isinstance(y, int) else y
        if classes.shape != (n,) or not bool(((classes >= 0) & (classes < count)).all()):
            raise Refusal(f"needs classes from 0 to {count - 1}, one or {n}, but got {classes.tolist()!r:.60}")
        return classes.to(self.training.device)

    def _able(self, ability: type[Ability], need: str, instead: str) -> Ability:
        if not isinstance(self.game, ability):
            raise Refusal(f"needs {need}, but {self._recipe} {instead}")
        return self.game

    def _loaded(self, images: Images) -> Tensor | Dataset:
        """Samples in the run's own form; those less their padding, as `sample` makes them, get it back."""
        if isinstance(images, (str, Path)):
            images = self.load(images)
        if not isinstance(images, (Tensor, Dataset)):
            raise Refusal(f"needs samples as a path, a Dataset or a tensor, but got {type(images).__name__}")
        data, shape = self.data, tuple(images.shape[-len(self.data.shape) :])
        if isinstance(images, Tensor) and data.content is not None and shape == (data.shape[0], *data.content):
            return data.prepare(images)
        numbers = not isinstance(images, Tensor) or (images.is_floating_point() and images.ndim == 1 + len(data.shape))
        if shape != data.shape or not len(images) or not numbers:
            kind = f"{images.dtype} of {tuple(images.shape)}" if isinstance(images, Tensor) else f"those of {shape}"
            raise Refusal(
                f"needs one or more samples of shape {data.shape}, as floats (pictures in [-1, 1]), but got {kind}: "
                "give their path, or load them by run.load"
            )
        if isinstance(images, Dataset):
            return images.with_scale(data.scale)
        return images if data.scale is None else data.prepare(images.float())

    def _mapped(self, function: Callable[[Tensor], Tensor], images: Images) -> Tensor:
        images = self._loaded(images)
        rows = torch.split(torch.arange(len(images)), PART)
        values = (images[part].float() if isinstance(images, Tensor) else images.values(part) for part in rows)
        return torch.cat([self._finite(function(x.to(self.training.device))) for x in values])

    def _finite(self, values: Tensor) -> Tensor:
        """What a game gave, on the CPU; weights that are not finite, or huge, give nothing of use."""
        values = values.float().cpu()
        if not bool(values.isfinite().all()):
            raise Refusal(f"{self.path} gives values that are not finite: its weights are damaged, or it diverged")
        return values


def load_run(
    path: str | Path,
    *,
    recipe: AnyRecipe | None = None,
    device: str = "auto",
    trust: bool = False,
    best: bool = False,
) -> Run:
    """A trained run from its folder, at its newest checkpoint; its data are not needed.

    Nothing in the folder is executed, unless ``trust`` says that its recipe file may be.

    Arguments:
        path: the run folder.
        recipe: what the run was trained from, where that was made in Python: an experiment, or a function.
        device: ``auto``, ``cpu``, ``cuda``, ...
        trust: run the recipe file that lies in the folder, if the run was made with one.
        best: at the step, from half of the rounds on, whose samples came nearest to the training pictures.

    Raises:
        ValueError: it is no run folder, it is damaged, or its recipe file is not trusted.
    """
    folder = open_folder(path)
    return Run(folder, opened(folder, str(device), trust, recipe, at_best=best))
