"""Numbers: of a run against its held-out data, and of any pictures against others."""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

import torch

from gansmith.counting import counted
from gansmith.data import Dataset, load
from gansmith.disk.folders import folder_of, make_numbered, refuse_existing
from gansmith.disk.json_files import read_json, to_json, write_json
from gansmith.evaluate.choosing import choose
from gansmith.evaluate.sets import check_width, measure_sets, measure_statistics
from gansmith.evaluate.statistics_file import is_statistics, read_statistics, statistics_size
from gansmith.examinations.base import FEW
from gansmith.examinations.measure import measure
from gansmith.refusal import Refusal, refusals
from gansmith.report.terminal import print_table
from gansmith.report.verdict import judged
from gansmith.runs.opening import data_of
from gansmith.runs.run import load_run
from gansmith.sides import written
from gansmith.version import __version__

MOST = 10_000  # of each kind by default: distances between more take minutes
LARGEST = 1024  # pixels: pictures that are only looked at may be larger than those that are trained on


def evaluate(args: argparse.Namespace) -> int:
    """Measures a run, or one set of pictures against another."""
    out = None if args.out is None else folder_of(args.out)
    if out is not None:
        refuse_existing(out, "-o")
        if not out.parent.is_dir():
            raise Refusal(f"there is no folder {out.parent} to write {out.name} into: make it first")
    with redirect_stdout(sys.stderr if args.json else sys.stdout):  # JSON stands alone
        numbers = _of_run(args) if args.against is None else _of_pictures(args)
    if args.json:
        print(to_json(numbers))
    else:
        print_table(numbers)
    if out is not None:
        write_json(out, numbers, new=True)
    return 0


def _of_run(args: argparse.Namespace) -> dict[str, Any]:
    if args.size is not None or args.strict or args.crop != "center":
        raise Refusal("--size, --crop and --strict go with --against: a run's data are read as it was trained")
    if not (folder_of(args.what) / "run.json").exists() and folder_of(args.what).exists():
        raise Refusal(f"{args.what} is no run folder: to measure pictures, name the real ones by --against")
    run = load_run(args.what, device=args.device, trust=args.trust, best=args.best)
    data = replace(data_of(run.folder, args.data, args.labels), augment=run.data.augment)
    most = min(len(data.held_out), len(data.train))
    if args.n is not None and args.n > most >= FEW:  # with fewer, the numbers say themselves what they are of
        print(f"n is {most:,}: that is as many as are held out, or as there are to train on")
    with refusals():
        features = choose(args.features, data, trust=args.trust)
        numbers = measure(run.game, data, args.seed, run.training.device, features=features, most=args.n or MOST)
    numbers = {"gansmith": __version__, "run": run.path.name, "step": run.step, "average": True} | numbers
    own = read_json(run.path / "metrics.json")
    usual = own if args.features is not None and own.get("step") == run.step else numbers
    for line in judged(
        run.path, run.folder.record, usual, run.step
    ).lines():  # the verdict of the page, in any features
        print(line)
    if args.out is None:
        file = make_numbered(run.path, "evaluated") / "metrics.json"
        write_json(file, numbers)
        print(f"numbers in {file}")
    return numbers


def _of_pictures(args: argparse.Namespace) -> dict[str, Any]:
    if (folder_of(args.what) / "run.json").exists():
        raise Refusal(f"{args.what} is a run: measure it without --against, or its pictures after gansmith sample")
    if args.best or args.labels is not None:
        raise Refusal("--best and --labels go with a run, and not with --against")
    if is_statistics(folder_of(args.against)):
        return _of_statistics(args)
    with refusals():
        real = load(args.against, args.size, crop=args.crop, strict=args.strict, largest=LARGEST)
        fake = _like(real, args)
        if fake.is_images != real.is_images:
            raise Refusal(f"needs samples of one kind, but {args.what} and {args.against} are images and vectors")
        if real.is_images and fake.shape[0] != real.shape[0]:  # one set has colors: the other is seen in colors, too
            fake, real = (_in_color(each, args) for each in (fake, real))
        for name, each in ((args.what, fake), (args.against, real)):
            kind = "picture" if each.is_images else "vector"
            print("; ".join([f"{name}: {counted(len(each), kind)}", *each.notes]))
        features = choose(args.features, real, trust=args.trust)
        numbers = measure_sets(fake, real, features, n=args.n, most=MOST, seed=args.seed)
    return {"gansmith": __version__, "what": args.what, "against": args.against} | numbers


def _of_statistics(args: argparse.Namespace) -> dict[str, Any]:
    """The pictures beside a mean and a covariance of features that somebody saved."""
    with refusals():
        width = statistics_size(folder_of(args.against))
        fake = _without_grid(load(args.what, args.size, crop=args.crop, strict=args.strict, largest=LARGEST))
        print(f"{args.what}: {len(fake):,} pictures" + "".join(f"; {note}" for note in fake.notes))
        print(f"{args.against}: mean and covariance of {width:,} features; which ones it does not say")
        features = choose(args.features, fake, trust=args.trust)
        check_width(features, width)  # before they are read: a small file may hold many numbers
        real = read_statistics(folder_of(args.against))
        numbers = measure_statistics(fake, real, features, n=args.n, seed=args.seed)
    return {"gansmith": __version__, "what": args.what, "against": args.against} | numbers


def _like(real: Dataset, args: argparse.Namespace) -> Dataset:
    """The pictures to be judged, in the size of the real ones."""
    return _read(args.what, None, real, args) if real.is_images else load(args.what, strict=args.strict)


def _read(source: str, channels: int | None, like: Dataset, args: argparse.Namespace) -> Dataset:
    """Pictures in the size of others, with values as those have them; without the grid of samples."""
    pictures = load(
        source,
        written(like.sides),
        channels,
        like.content,
        crop=args.crop,
        strict=args.strict,
        largest=LARGEST,
        deep_range=like.deep_range,
        masks=like.masks,
    )
    return _without_grid(pictures)


def _without_grid(data: Dataset) -> Dataset:
    """A folder of gansmith sample holds a picture of all others, which is no sample."""
    numbered = sum(re.fullmatch(r"\d{6,}\.png", name) is not None for name in data.names)
    if "grid.png" not in data.names or numbered < len(data) - 1:
        return data
    left = torch.tensor([name != "grid.png" for name in data.names])
    names = tuple(name for name in data.names if name != "grid.png")
    every = torch.arange(len(names))
    notes = (*data.notes, "grid.png is left out: it shows the others")
    fingerprint = f"{data.fingerprint} without grid.png"
    return replace(
        data, x=data.x[left], train=every, held_out=every[:0], names=names, notes=notes, fingerprint=fingerprint
    )


def _in_color(data: Dataset, args: argparse.Namespace) -> Dataset:
    """Gray pictures read anew in color; all else of them stays."""
    return data if data.shape[0] >= 3 else _read(data.source, 3, data, args)
