"""Pictures and codes from a trained run."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from gansmith.data import Dataset, load
from gansmith.disk.atomic import atomic
from gansmith.disk.folders import folder_of, make_folder, make_numbered, refuse_existing
from gansmith.disk.json_files import write_json
from gansmith.refusal import Refusal, refusals
from gansmith.runs.folder import RunFolder
from gansmith.runs.opening import opened
from gansmith.training.loop import Training

PART = 256  # samples through a network at a time
SHOWN = 256  # pictures in a grid, at most


def sample(asked: argparse.Namespace) -> int:
    """Pictures from a run."""
    from gansmith.chance import Part, keyed
    from gansmith.report import grid, save_png

    out = _wanted(asked)
    run, training = opened(asked.run, asked.device, asked.trust)
    data, game = training.stage.data, training.average
    if not (hasattr(game, "latent") and hasattr(game, "decode")):
        raise Refusal(f"needs a game that generates from latents, but {run.record['recipe']} makes none")
    with keyed(Part((asked.seed, "sample")), training.device):
        z = game.latent(asked.n, next(game.parameters()))
    folder = _new_folder(run, out, "sampled")
    parts = (game.decode(part).float().cpu() for part in torch.split(z, PART))
    if not data.is_images:
        import numpy as np

        np.savez(folder / "samples.npz", samples=torch.cat(list(parts)).numpy())
        print(f"{asked.n} samples in {folder / 'samples.npz'}")
        return 0
    first = []
    for number, part in enumerate(_watched(parts, -(-asked.n // PART), "pictures")):
        for i, one in enumerate(data.crop(part)):
            save_png(folder / f"{number * PART + i:06d}.png", grid(one[None], padding=0, scale=1))
        if number * PART < SHOWN:
            first.append(data.crop(part))
    save_png(folder / "grid.png", grid(torch.cat(first)[:SHOWN]))
    together = "all of them" if asked.n <= SHOWN else f"the first {SHOWN}"
    print(f"{asked.n} pictures in {folder}, and {together} in {folder / 'grid.png'}")
    return 0


def reconstruct(asked: argparse.Namespace) -> int:
    """Images beside their reconstructions."""
    from gansmith.evaluate import reconstruction_error
    from gansmith.report import pairs, save_png

    out = _wanted(asked)
    run, training = _opened_to_encode(asked, "reconstruct")
    data, game = training.stage.data, training.average
    found = _images(run, training, asked.images, asked.strict)
    count = min(asked.n, len(found))
    x = found.values(torch.arange(count))
    again = torch.cat(
        [game.reconstruct(p.to(training.device), asked.truncation).float().cpu() for p in torch.split(x, PART)]
    )
    x, again = data.crop(x), data.crop(again)
    folder = _new_folder(run, out, "reconstructed")
    save_png(folder / "pairs.png", pairs(x, again))
    for i in range(count):
        save_png(folder / f"{i:06d}.png", pairs(x[i : i + 1], again[i : i + 1], scale=1))
    error = reconstruction_error(x, again)
    each = ((x - again) ** 2).flatten(1).mean(1).tolist()
    numbers = {
        "n": count,
        "truncation": asked.truncation,
        "step": training.step,
        "mse": error.mse,
        "psnr": error.psnr if math.isfinite(error.psnr) else None,  # of a perfect copy; JSON knows no infinity
        "each": {found.sample_name(i): round(value, 6) for i, value in enumerate(each)},
    }
    write_json(folder / "numbers.json", numbers)
    print(f"{count} pairs in {folder / 'pairs.png'}: squared error {error.mse:.4f} a pixel, PSNR {error.psnr:.1f} dB")
    return 0


def encode(asked: argparse.Namespace) -> int:
    """The codes of images, as arrays."""
    import numpy as np

    out = None if asked.out is None else folder_of(asked.out)
    if out is not None:
        refuse_existing(out, "-o")
    run, training = _opened_to_encode(asked, "encode")
    found = _images(run, training, asked.images, asked.strict)
    every = torch.arange(len(found))
    codes = torch.cat([_codes(training, found.values(part)) for part in torch.split(every, PART)])
    names = np.array([found.sample_name(i) for i in range(len(found))])
    labels = {} if found.y is None else {"labels": found.y.numpy()}
    file = make_numbered(run.path, "encoded") / "codes.npz" if out is None else out
    with atomic(file, new=True) as handle:  # numpy would add .npz to a name without it
        np.savez(handle, allow_pickle=False, codes=codes.numpy(), names=names, **labels)
    print(f"{len(codes):,} codes of {codes.shape[1]} numbers in {file}")
    return 0


def interpolate(asked: argparse.Namespace) -> int:
    """Pictures on the way from one image to another."""
    from gansmith.report import grid, save_png

    out = _wanted(asked)
    run, training = _opened_to_encode(asked, "interpolate")
    data = training.stage.data
    a, b = (_images(run, training, source, asked.strict) for source in (asked.a, asked.b))
    count = min(asked.n, len(a), len(b))
    ends = [found.values(torch.arange(count)).to(training.device) for found in (a, b)]
    between = training.average.interpolate(*ends, asked.steps).float().cpu()
    rows = torch.cat([ends[0].cpu()[:, None], between, ends[1].cpu()[:, None]], 1)
    folder = _new_folder(run, out, "interpolated")
    for i, row in enumerate(rows):
        save_png(folder / f"{i:06d}.png", grid(data.crop(row), len(row)))
    save_png(folder / "grid.png", grid(data.crop(rows.flatten(0, 1)), asked.steps + 2))
    print(f"{count} rows in {folder / 'grid.png'}: first and last the images, between them {asked.steps} pictures")
    return 0


def _opened_to_encode(asked: argparse.Namespace, need: str) -> tuple[RunFolder, Training]:
    run, training = opened(asked.run, asked.device, asked.trust)
    if not hasattr(training.average, need):
        raise Refusal(f"needs a game that encodes, but {run.record['recipe']} only generates: train ogan")
    if not training.stage.data.is_images:
        raise Refusal(f"needs a run on images, but {run.path} was trained on vectors")
    return run, training


def _watched(parts: Iterable[Tensor], count: int, what: str) -> Iterable[Tensor]:
    """Shows progress where there is a terminal and much to wait for."""
    if count < 8 or not sys.stderr.isatty():
        return parts
    from rich.console import Console
    from rich.progress import track

    return track(parts, what, total=count, console=Console(stderr=True))


def _images(run: RunFolder, training: Training, source: str, strict: bool) -> Dataset:
    """Images of any form in the form that a run was trained on; what was done to them is said."""
    data = training.stage.data
    with refusals(f"needs images for {run.path}: "):
        crop = run.record["data"].get("crop", "center")
        found = load(source, data.shape[-1], data.shape[0], data.content, crop=crop, strict=strict)
    for line in found.notes:
        print(line)
    return found


def _codes(training: Training, x: Tensor) -> Tensor:
    codes: Tensor = training.average.encode(x.to(training.device))
    return codes.float().cpu()


def _wanted(asked: argparse.Namespace) -> Path | None:
    """The folder that was asked for; that it is free is said before the work is done."""
    out = None if asked.out is None else folder_of(asked.out)
    if out is not None:
        refuse_existing(out, "-o")
    return out


def _new_folder(run: RunFolder, wanted: Path | None, name: str) -> Path:
    return make_numbered(run.path, name) if wanted is None else make_folder(wanted, "-o")
