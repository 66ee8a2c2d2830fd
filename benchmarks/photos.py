"""Photographs in the minutes of a laptop: what recipes make of them, by two judges that nothing was trained against.

python benchmarks/photos.py [--only ROW ...] [--seeds 0] [--threads N] [--keep FOLDER] [--kept FILE]
python benchmarks/photos.py --choices|--starts --threads 1 [...]

Each row trains by ``gansmith train RECIPE --data D --size 64 --minutes M`` on all cores (or so many threads), then
samples as many pictures as there are real ones (5,000 at most), unpicked. Grids of the first 64 go into docs/pictures
where a row has a name for them. Edges need OpenCV: ``.venv/bin/pip install -e ".[judges]"``. With ``--choices`` the
rows are what the recipe is made of, each changed in one thing, and what augmentation does for few pictures; with
``--starts`` what it is worth to begin with the networks of clothes. Rows on clothes begin from scratch, for those that
come with gansmith have seen them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from photo_judges import Judges, Numbers, collection, path
from results import Kept, record
from torch import Tensor

PICTURES = Path(__file__).resolve().parent.parent / "docs/pictures"


@dataclass(frozen=True)
class Row:
    """One experiment: a collection, a recipe with its flags, minutes, and the size of the pictures."""

    collection: str
    recipe: str
    minutes: float
    flags: tuple[str, ...] = ()
    picture: str = ""
    size: int = 64

    @property
    def name(self) -> str:
        size = [] if self.size == 64 else [f"{self.size} px"]
        return " ".join(
            [
                self.collection,
                *size,
                Path(self.recipe).name.removeprefix("photo_variants.py:"),
                *self.flags,
                f"{self.minutes:g} min",
            ]
        )


SCRATCH = ("--from", "scratch")
ROWS = [
    Row("clothing", "r3", 5),
    Row("clothing", "photos", 5, SCRATCH),
    Row("clothing", "photos", 30, SCRATCH, picture="photos-clothing"),
    Row("faces", "photos", 5),
    Row("faces", "photos", 30, picture="photos-faces"),
    Row("cifar", "ogan", 30, size=32),
    Row("cifar", "photos", 30, picture="photos-cifar", size=32),
    Row("clothing", "photos", 120, picture="photos-clothing-128", size=128),
]
MINUTES = 10
VARIANTS = f"{Path(__file__).resolve().parent / 'photo_variants.py'}:"
CHOICES = [
    Row("clothing", "photos", MINUTES, SCRATCH),
    Row("clothing", "photos", MINUTES, (*SCRATCH, "--every", "1")),
    Row("clothing", "photos", MINUTES, (*SCRATCH, "--features", "0.4")),
    Row("clothing", "photos", MINUTES, (*SCRATCH, "--augment")),
    Row("clothing", "photos", MINUTES, (*SCRATCH, "--batch", "64")),
    Row("clothing", f"{VARIANTS}dcgan_generator", MINUTES),
    Row("clothing", f"{VARIANTS}features_alone", MINUTES),
    Row("clothing", "r3", MINUTES),
    Row("clothing", "ogan", MINUTES),
    *(
        Row("clothing", "photos", MINUTES, (*SCRATCH, "--limit", n, *augment))
        for n in ("112", "435", "1112")  # of which a tenth is held out
        for augment in (("--no-augment",), ("--augment",), ())
    ),
]
STARTS = [
    Row("faces", "photos", 10, SCRATCH),
    Row("faces", "photos", 5),
    Row("faces", "photos", 10),
    Row("cifar", "photos", 10, ("--limit", "3000", *SCRATCH)),
    Row("cifar", "photos", 10, ("--limit", "3000")),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choices", action="store_true", help="what the recipe is made of, in the place of the rows")
    parser.add_argument("--starts", action="store_true", help="from scratch or from clothes, in the place of the rows")
    parser.add_argument("--only", nargs="*", help="which rows, by their names (default: all)")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of the training (default: all cores)")
    parser.add_argument("--keep", type=Path, help="a folder for the runs and their grids")
    parser.add_argument("--kept", type=Path, help="a file of finished rows of this commit, which are not made again")
    args = parser.parse_args()
    rows = CHOICES if args.choices else STARTS if args.starts else ROWS
    kept = Kept(args.kept)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for row in (row for row in rows if args.only is None or row.name in args.only):
            for seed in args.seeds:
                if not any((run["row"], run["seed"]) == (row.name, seed) for run in kept.runs):
                    kept.add(measured(row, seed, args.threads, folder))
    if args.only is not None:
        print(table(kept.runs))
    elif args.choices:
        record("photo-choices", choices(kept.runs))
    elif args.starts:
        record("photo-starts", starts(kept.runs))
    else:
        record("photos", section(kept.runs))


def measured(row: Row, seed: int, threads: int, folder: Path) -> dict[str, Any]:
    """Trains one row, saves its grid, and judges its samples."""
    from gansmith import load_run
    from gansmith.report import grid, save_png

    run = folder / f"{row.name}-{seed}".replace(" ", "-").replace("/", "-")
    words = ["--data", str(path(row.collection)), "--size", str(row.size), "--minutes", str(row.minutes), *row.flags]
    command = [sys.executable, "-m", "gansmith", "train", row.recipe, *words, "--seed", str(seed), "--out", str(run)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    judges = of(row.collection, row.size)
    samples = torch.cat(list(load_run(run, trust=True).samples(len(judges.seen), seed=99)))
    save_png(run / "unpicked.png", grid(samples[:64]))
    if row.picture and seed == 0:
        _save_jpeg(PICTURES / f"{row.picture}.jpg", run / "unpicked.png")
    pictures = facts["step"] * facts["arguments"]["batch"]
    numbers = {name: asdict(found) for name, found in judges(as_bytes(samples)).items()}
    return {
        **{"row": row.name, "seed": seed, "threads": threads, "pictures": pictures, "seconds": facts["seconds"]},
        **numbers,
    }


@cache
def of(name: str, size: int = 64) -> Judges:
    return Judges(collection(name, size))


def as_bytes(pictures: Tensor) -> Tensor:
    """Pictures in [-1, 1] as uint8, rounded."""
    return ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte()


def _save_jpeg(to: Path, png: Path) -> None:
    from PIL import Image

    with Image.open(png) as image:
        image.convert("RGB").save(to, quality=88)


def section(runs: list[dict[str, Any]]) -> str:
    floors = "; ".join(
        f"{name}: objects {judges.floors['objects']}, edges {judges.floors['edges']}"
        for name, judges in (
            ("clothing", of("clothing")),
            ("faces", of("faces")),
            ("CIFAR at 32 pixels", of("cifar", 32)),
        )
    )
    return (
        "## Photographs\n\n"
        "64x64 pixels where no other size stands, unpicked samples of the average. **Objects**: the pooled maps of a "
        "CIFAR-10 ResNet-20 (larger pictures seen at 64 pixels), all real pictures (of CIFAR-10 5,000) against as "
        "many samples; **edges**: histograms of oriented gradients, 435 of each. Nothing was trained against either; "
        "the real pictures are all of a collection, of which nine tenths were learned from. "
        "Frechet distance / coverage / precision / recall; minutes are those of so many threads, without the "
        "measuring. Half of the real pictures against the other half: "
        f"{floors}.\n\n{table(runs)}"
    )


def choices(runs: list[dict[str, Any]]) -> str:
    return (
        "## What the recipe for photographs is made of\n\n"
        "Clothes at 64 pixels, numbers as above. `--limit N`: only so many of the pictures, of which a tenth is held "
        f"out; the numbers are against all of them.\n\n{table(runs)}"
    )


def starts(runs: list[dict[str, Any]]) -> str:
    return (
        "## Beginning with networks that have learned clothes\n\n"
        "`photos` at 64 pixels, from scratch or, as by default, from the networks that come with gansmith, which have "
        f"seen 2,761 photographs of clothes; numbers as above.\n\n{table(runs)}"
    )


def table(runs: list[dict[str, Any]]) -> str:
    lines = ["| row | seed | threads | pictures seen | a second | objects | edges |", "|---|---|---|---|---|---|---|"]
    for run in runs:
        objects, edges = (Numbers(**run[judge]) for judge in ("objects", "edges"))
        speed = run["pictures"] / run["seconds"]
        seen = f"{run['seed']} | {run['threads']} | {run['pictures']:,} | {speed:.0f}"
        lines.append(f"| {run['row']} | {seen} | {objects} | {edges} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
