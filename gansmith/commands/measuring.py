"""Numbers: of a run against its held-out data, and of any pictures against others."""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

import torch

from gansmith import __version__
from gansmith.data import Dataset, load
from gansmith.disk.folders import folder_of, make_numbered, refuse_existing
from gansmith.disk.json_files import to_json, write_json
from gansmith.evaluate.features import choose
from gansmith.examinations.measure import measure
from gansmith.examinations.sets import measure_sets
from gansmith.refusal import Refusal, refusals
from gansmith.report.table import print_table
from gansmith.runs.opening import data_of, opened

MOST = 10_000  # of each kind by default: distances between more take minutes
LARGEST = 1024  # pixels: pictures that are only looked at may be larger than those that are trained on


def evaluate(asked: argparse.Namespace) -> int:
    """Measures a run, or one set of pictures against another."""
    out = None if asked.out is None else folder_of(asked.out)
    if out is not None:
        refuse_existing(out, "-o")
        if not out.parent.is_dir():
            raise Refusal(f"there is no folder {out.parent} to write {out.name} into: make it first")
    with redirect_stdout(sys.stderr if asked.json else sys.stdout):  # JSON stands alone
        found = _of_run(asked) if asked.against is None else _of_pictures(asked)
    if asked.json:
        print(to_json(found))
    else:
        print_table(found)
    if out is not None:
        write_json(out, found, new=True)
    return 0


def _of_run(asked: argparse.Namespace) -> dict[str, Any]:
    if asked.size is not None or asked.strict or asked.crop != "center":
        raise Refusal("--size, --crop and --strict go with --against: a run's data are read as it was trained")
    if not (folder_of(asked.what) / "run.json").exists() and folder_of(asked.what).exists():
        raise Refusal(f"{asked.what} is no run folder: to measure pictures, name the real ones by --against")
    run, training = opened(asked.what, asked.device, asked.trust)
    data = data_of(run, asked.data, asked.labels)
    most = min(len(data.held_out), len(data.train))
    if asked.n is not None and asked.n > most:
        print(f"n is {most:,}: there are no more held-out samples beside as many training samples")
    with refusals():
        features = choose(asked.features, data, trust=asked.trust)
        found = measure(training.average, data, asked.seed, training.device, features=features, most=asked.n or MOST)
    found = {"gansmith": __version__, "run": run.path.name, "step": training.step, "average": True} | found
    if asked.out is None:
        file = make_numbered(run.path, "evaluated") / "metrics.json"
        write_json(file, found)
        print(f"numbers in {file}")
    return found


def _of_pictures(asked: argparse.Namespace) -> dict[str, Any]:
    if (folder_of(asked.what) / "run.json").exists():
        raise Refusal(f"{asked.what} is a run: measure it without --against, or its pictures after gansmith sample")
    with refusals():
        real = load(asked.against, asked.size, crop=asked.crop, strict=asked.strict, largest=LARGEST)
        fake = _like(real, asked)
        if fake.is_images != real.is_images:
            raise Refusal(f"needs samples of one kind, but {asked.what} and {asked.against} are images and vectors")
        if real.is_images and fake.shape[0] != real.shape[0]:  # one set has colors: the other is seen in colors, too
            fake, real = (_in_color(each, asked) for each in (fake, real))
        for name, each in ((asked.what, fake), (asked.against, real)):
            print(f"{name}: {len(each):,} pictures" + "".join(f"; {note}" for note in each.notes))
        features = choose(asked.features, real, trust=asked.trust)
        found = measure_sets(fake, real, features, n=asked.n, most=MOST, seed=asked.seed)
    return {"gansmith": __version__, "what": asked.what, "against": asked.against} | found


def _like(real: Dataset, asked: argparse.Namespace) -> Dataset:
    """The pictures to be judged, in the size of the real ones."""
    if not real.is_images:
        return load(asked.what, strict=asked.strict)
    size = real.shape[-1]
    fake = load(asked.what, size, None, real.content, crop=asked.crop, strict=asked.strict, largest=LARGEST)
    return _without_grid(fake)


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


def _in_color(data: Dataset, asked: argparse.Namespace) -> Dataset:
    if data.shape[0] == 3:
        return data
    size = data.shape[-1]
    return load(data.source, size, 3, data.content, crop=asked.crop, strict=asked.strict, largest=LARGEST)
