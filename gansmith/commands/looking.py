"""Pictures and codes from a trained run."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from gansmith.counting import counted
from gansmith.data import Dataset
from gansmith.disk.atomic import atomic
from gansmith.disk.folders import folder_of, make_folder, make_numbered, refuse_existing
from gansmith.disk.json_files import write_json
from gansmith.exhibits import EXHIBITS
from gansmith.refusal import Refusal
from gansmith.runs.run import PART, Run, load_run

SHOWN = 256  # pictures in a grid, at most
LONGEST = 1000  # letters of a name in an array


def sample(args: argparse.Namespace) -> int:
    """Samples from a run."""
    from gansmith.drawing.grids import grid, save_png, single

    out = _new_path(args)
    run = _opened(args)
    samples = run.samples(args.n, seed=args.seed)
    first = next(samples)  # that the game generates is seen before a folder is made
    folder = _new_folder(run, out, "sampled")
    if not run.data.is_images:
        import numpy as np

        np.savez(folder / "samples.npz", samples=torch.cat([first, *samples]).numpy())
        print(f"{counted(args.n, 'sample')} in {folder / 'samples.npz'}")
        return 0
    overview, number = [first], 0
    for part in _with_progress(_chain(first, samples), -(-args.n // PART), "pictures"):
        if 0 < number < SHOWN:
            overview.append(part)
        for picture in part:
            save_png(folder / f"{number:06d}.png", single(picture))
            number += 1
    save_png(folder / "grid.png", grid(torch.cat(overview)[:SHOWN]))
    together = ("it" if args.n == 1 else "all of them") if args.n <= SHOWN else f"the first {SHOWN}"
    print(f"{counted(args.n, 'picture')} in {folder}, and {together} in {folder / 'grid.png'}")
    return 0


def reconstruct(args: argparse.Namespace) -> int:
    """Images beside their reconstructions."""
    from gansmith.drawing.grids import pairs, save_png
    from gansmith.evaluate.reconstruction import reconstruction_error

    out = _new_path(args)
    run = _opened_to_encode(args)
    images = _images(run, args.images, args.strict)
    count = min(args.n, len(images))
    x = images.values(torch.arange(count))
    reconstructed = run.reconstruct(x, args.truncation)
    x = run.data.crop(x)
    folder = _new_folder(run, out, "reconstructed")
    save_png(folder / "pairs.png", pairs(x, reconstructed))
    for i in range(count):
        save_png(folder / f"{i:06d}.png", pairs(x[i : i + 1], reconstructed[i : i + 1], scale=1))
    error = reconstruction_error(x, reconstructed)
    each = ((x - reconstructed) ** 2).flatten(1).mean(1).tolist()
    numbers = {
        "n": count,
        "truncation": args.truncation,
        "step": run.step,
        "mse": error.mse,
        "psnr": error.psnr if math.isfinite(error.psnr) else None,  # of a perfect copy; JSON knows no infinity
        "each": {images.sample_name(i): round(value, 6) for i, value in enumerate(each)},
    }
    write_json(folder / "numbers.json", numbers)
    quality = f"squared error {error.mse:.4f} a pixel, PSNR {error.psnr:.1f} dB"
    print(f"{counted(count, 'pair')} in {folder / 'pairs.png'}: {quality}")
    return 0


def encode(args: argparse.Namespace) -> int:
    """The codes of images, as arrays."""
    import numpy as np

    out = _new_path(args)
    run = _opened_to_encode(args)
    images = _images(run, args.images, args.strict)
    codes = run.encode(images)
    names = np.array([images.sample_name(i)[:LONGEST] for i in range(len(images))])  # all as long as the longest
    labels = {} if images.y is None else {"labels": images.y.numpy()}
    file = make_numbered(run.path, "encoded") / "codes.npz" if out is None else out
    with atomic(file, new=True) as handle:  # numpy would add .npz to a name without it
        np.savez(handle, allow_pickle=False, codes=codes.numpy(), names=names, **labels)
    print(f"{counted(len(codes), 'code')} of {counted(codes.shape[1], 'number')} in {file}")
    return 0


def interpolate(args: argparse.Namespace) -> int:
    """Pictures on the way from one image to another."""
    from gansmith.drawing.grids import grid, save_png

    out = _new_path(args)
    run = _opened_to_encode(args)
    a, b = (_images(run, source, args.strict) for source in (args.a, args.b))
    count = min(args.n, len(a), len(b))
    if len(a) != len(b):
        which = "the first pair" if count == 1 else f"each of the first {count:,} pairs"
        print(f"{len(a):,} and {counted(len(b), 'image')}: a row for {which}")
    x, y = (images.values(torch.arange(count)) for images in (a, b))
    between = run.interpolate(x, y, args.steps)
    rows = torch.cat([run.data.crop(x)[:, None], between, run.data.crop(y)[:, None]], 1)
    folder = _new_folder(run, out, "interpolated")
    for i, row in enumerate(rows):
        save_png(folder / f"{i:06d}.png", grid(row, len(row)))
    save_png(folder / "grid.png", grid(rows.flatten(0, 1), args.steps + 2))
    between_them = counted(args.steps, "picture")
    print(f"{counted(count, 'row')} in {folder / 'grid.png'}: first and last the images, between them {between_them}")
    return 0


def _opened(args: argparse.Namespace) -> Run:
    return load_run(args.run, device=args.device, trust=args.trust, best=args.best)


def _opened_to_encode(args: argparse.Namespace) -> Run:
    run = _opened(args)
    run.encoder()
    if not run.data.is_images:
        raise Refusal(f"needs a run on images, but {run.path} was trained on vectors")
    return run


def _images(run: Run, source: str, strict: bool) -> Dataset:
    """Images in the form that a run was trained on; what was done to them is told."""
    images = run.load(source, strict=strict)
    for line in images.notes:
        print(line)
    return images


def _chain(first: Tensor, rest: Iterable[Tensor]) -> Iterable[Tensor]:
    yield first
    yield from rest


def _with_progress(parts: Iterable[Tensor], count: int, what: str) -> Iterable[Tensor]:
    """Shows progress where there is a terminal and much to wait for."""
    if count < 8 or not sys.stderr.isatty():
        return parts
    from rich.console import Console
    from rich.progress import track

    return track(parts, what, total=count, console=Console(stderr=True))


def _new_path(args: argparse.Namespace) -> Path | None:
    """The path that was asked for; that it is free is said before the work is done."""
    out = None if args.out is None else folder_of(args.out)
    if out is not None:
        refuse_existing(out, "-o")
        if out.name in {exhibit.name for exhibit in EXHIBITS} and (out.parent / "run.json").exists():
            raise Refusal(f"{out} is where a run draws {out.name} into, over other pictures: choose another -o")
    return out


def _new_folder(run: Run, path: Path | None, name: str) -> Path:
    return make_numbered(run.path, name) if path is None else make_folder(path, "-o")
