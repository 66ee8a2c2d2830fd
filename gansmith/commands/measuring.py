"""Numbers: of a run against its held-out data, and of any pictures against others."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from typing import Any

from gansmith import __version__
from gansmith.data import Dataset, load
from gansmith.evaluate.features import choose
from gansmith.evaluate.measure import measure
from gansmith.evaluate.sets import measure_sets
from gansmith.folders import folder_of, make_numbered, refuse_existing
from gansmith.opening import data_of, opened
from gansmith.refusal import Refusal, refusals
from gansmith.report.table import print_table
from gansmith.run import write_json

MOST = 10_000  # of each kind by default: distances between more take minutes
LARGEST = 1024  # pixels: pictures that are only looked at may be larger than those that are trained on


def evaluate(asked: argparse.Namespace) -> int:
    """Measures a run, or one set of pictures against another."""
    out = None if asked.out is None else folder_of(asked.out)
    if out is not None:
        refuse_existing(out, "-o")
    with redirect_stdout(sys.stderr if asked.json else sys.stdout):  # JSON stands alone
        found = _of_run(asked) if asked.against is None else _of_pictures(asked)
    if out is not None:
        write_json(out, found)
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        print_table(found)
    return 0


def _of_run(asked: argparse.Namespace) -> dict[str, Any]:
    if asked.size is not None or asked.strict or asked.crop != "center":
        raise Refusal("--size, --crop and --strict go with --against: a run's data are read as it was trained")
    if not (folder_of(asked.what) / "run.json").exists() and folder_of(asked.what).exists():
        raise Refusal(f"{asked.what} is no run folder: to measure pictures, name the real ones by --against")
    run, training = opened(asked.what, asked.device, asked.trust)
    data = data_of(run, asked.data)
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
    with refusals():
        real = load(asked.against, asked.size, crop=asked.crop, strict=asked.strict, largest=LARGEST)
        fake = _like(real, asked)
        if fake.shape[0] != real.shape[0]:  # one set has colors: the other is seen in colors, too
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
    return load(asked.what, size, None, real.content, crop=asked.crop, strict=asked.strict, largest=LARGEST)


def _in_color(data: Dataset, asked: argparse.Namespace) -> Dataset:
    if data.shape[0] == 3:
        return data
    size = data.shape[-1]
    return load(data.source, size, 3, data.content, crop=asked.crop, strict=asked.strict, largest=LARGEST)
