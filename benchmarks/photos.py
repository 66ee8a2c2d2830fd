"""Photographs in the minutes of a laptop: what recipes make of them, by two judges that nothing was trained against.

python benchmarks/photos.py [--only ROW ...] [--seeds 0] [--keep FOLDER] [--kept FILE]

Each row trains by ``gansmith train RECIPE --data D --size 64 --minutes M`` on all cores, then samples as many pictures
as there are real ones, unpicked. Grids of the first 64 go into docs/pictures where a row has a name for them. Edges
need OpenCV: ``.venv/bin/pip install -e ".[judges]"``.
"""

from __future__ import annotations

import argparse
import json
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

SIZE = 64
PICTURES = Path(__file__).resolve().parent.parent / "docs/pictures"


@dataclass(frozen=True)
class Row:
    """One experiment: a collection, a recipe with its flags, and minutes of all cores."""

    collection: str
    recipe: str
    minutes: float
    flags: tuple[str, ...] = ()
    picture: str = ""

    @property
    def name(self) -> str:
        return " ".join([self.collection, self.recipe, *self.flags, f"{self.minutes:g} min"])


ROWS = [
    Row("clothing", "r3", 5),
    Row("clothing", "photos", 5),
    Row("clothing", "photos", 30, picture="photos-clothing"),
    Row("faces", "photos", 5),
    Row("faces", "photos", 30, picture="photos-faces"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[row.name for row in ROWS], help="which rows, by their names")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--keep", type=Path, help="a folder for the runs and their grids")
    parser.add_argument("--kept", type=Path, help="a file of finished rows of this commit, which are not made again")
    args = parser.parse_args()
    kept = Kept(args.kept)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for row in (row for row in ROWS if row.name in args.only):
            for seed in args.seeds:
                if not any((run["row"], run["seed"]) == (row.name, seed) for run in kept.runs):
                    kept.add(measured(row, seed, folder))
    if args.only == [row.name for row in ROWS]:
        record("photos", section(kept.runs))
    else:
        print(table(kept.runs))


def measured(row: Row, seed: int, folder: Path) -> dict[str, Any]:
    """Trains one row, saves its grid, and judges its samples."""
    from gansmith import load_run
    from gansmith.report import grid, save_png

    run = folder / f"{row.name}-{seed}".replace(" ", "-")
    words = ["--data", str(path(row.collection)), "--size", str(SIZE), "--minutes", str(row.minutes), *row.flags]
    command = [sys.executable, "-m", "gansmith", "train", row.recipe, *words, "--seed", str(seed), "--out", str(run)]
    subprocess.run(command, check=True)
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    judges = of(row.collection)
    samples = torch.cat(list(load_run(run).samples(len(judges.seen), seed=99)))
    save_png(run / "unpicked.png", grid(samples[:64]))
    if row.picture and seed == 0:
        _save_jpeg(PICTURES / f"{row.picture}.jpg", run / "unpicked.png")
    pictures = facts["step"] * facts["arguments"]["batch"]
    numbers = {name: asdict(found) for name, found in judges(as_bytes(samples)).items()}
    return {"row": row.name, "seed": seed, "pictures": pictures, "seconds": facts["seconds"], **numbers}


@cache
def of(name: str) -> Judges:
    return Judges(collection(name, SIZE))


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
        for name, judges in ((name, of(name)) for name in ("clothing", "faces"))
    )
    return (
        "## Photographs\n\n"
        "64x64 pixels, unpicked samples of the average. **Objects**: the pooled maps of a CIFAR-10 ResNet-20, all real "
        "pictures against as many samples; **edges**: histograms of oriented gradients, 435 of each. Nothing was "
        "trained against either. Frechet distance / coverage / precision / recall; minutes are those of all cores, "
        "without the measuring. Half of the real pictures against the other half: "
        f"{floors}.\n\n{table(runs)}"
    )


def table(runs: list[dict[str, Any]]) -> str:
    lines = ["| row | seed | pictures seen | a second | objects | edges |", "|---|---|---|---|---|---|"]
    for run in runs:
        objects, edges = (Numbers(**run[judge]) for judge in ("objects", "edges"))
        speed = run["pictures"] / run["seconds"]
        lines.append(f"| {run['row']} | {run['seed']} | {run['pictures']:,} | {speed:.0f} | {objects} | {edges} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
