"""The zoo on MNIST: each recipe trains for five minutes of one CPU core, through the command line, and some longer.

``--validation`` holds out the last 10,000 training images and never reads the test part: defaults were chosen that way.
Without it the test part is what is held out; the rows go into RESULTS.md and docs/zoo.md, and a strip of samples of
each into docs/pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from classifier import Classifier
from mnist import N, validation
from results import ZOO, put_into_zoo, record, root
from torch import Tensor

from gansmith.data import Dataset, load
from gansmith.evaluate import frechet_distance
from gansmith.evaluate.manifold import manifold
from gansmith.games import Samples
from gansmith.report import grid, save_png
from gansmith.runs.run import load_run

ROWS = [
    "ogan",
    "ogan --original",
    "gan",
    "r3",
    "photos",
    "dcgan",
    "lsgan",
    "hinge",
    "sngan",
    "sngan --network tutorial --loss non-saturating",
    "fgan",
    "wgan",
    "wgan --minutes 20",
    "wgan-gp",
    "wgan-div",
    "gan-qp",
    "fisher",
    "mmd",
    "mcgan-mean",
    "mcgan-mean --dual",
    "mcgan-mean --dual --batch 256 --minutes 20",
    "mcgan-cov",
    "mcgan-cov --dual",
    "mcgan-cov --dual --batch 256 --minutes 20",
    "mcgan",
    "mcgan --dual",
    "mcgan --dual --batch 256 --minutes 20",
]
STRIP = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="which rows, with commas; they are printed, and nothing is recorded")
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time, each on one core")
    parser.add_argument("--runs", type=Path, help="keep the runs in this folder, and take finished ones from it")
    parser.add_argument("--validation", action="store_true", help="hold out training images, record nothing")
    args = parser.parse_args()
    rows = ROWS if args.only is None else args.only.split(",")
    recorded = args.only is None and not args.validation
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        source = root() / "mnist"
        if args.validation:
            source = validation(source, Path(folder) / "mnist")
        data = load(str(source))
        runs = Path(folder) if args.runs is None else args.runs
        with ThreadPoolExecutor(args.parallel) as pool:
            table = list(pool.map(lambda words: train(words, runs, source, args), rows))
        judge = Classifier(root() / "mnist_classifier" / "pytorch_example_mnist_cnn.npz")
        real = judge.features(data.crop(data.values(data.held_out)))
        floor = scores(judge, real, data.crop(data.values(data.train[:N])))
        for row in table:  # only now: what trains is not to share its core
            if "failed" not in row:
                fake = samples(row, runs, data, args.seed)
                row.update(scores(judge, real, fake))
                if recorded:
                    save_png(picture(row["recipe"]), grid(fake[: 2 * STRIP], STRIP, scale=1))
            print(json.dumps(row), flush=True)
    if recorded:
        record("zoo", results(table, floor, args))
        put_into_zoo("strips", strips(table, floor))


def place(words: str, runs: Path) -> Path:
    return runs / re.sub(r"\W+", "-", words)


def train(words: str, runs: Path, source: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Trains in a process of its own, on one core; a run that fails is a row that says so."""
    run = place(words, runs)
    row: dict[str, Any] = {"recipe": words}
    if not (run / "metrics.json").exists():
        name, *flags = words.split()
        command = [sys.executable, "-m", "gansmith", "train", name, "--data", str(source), "--out", str(run)]
        command += ["--minutes", str(args.minutes), "--seed", str(args.seed), *flags]
        one = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=one, capture_output=True, text=True, check=False)
        if done.returncode:
            row["failed"] = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    print(json.dumps(row), flush=True)
    return row


def samples(row: dict[str, Any], runs: Path, data: Dataset, seed: int) -> Tensor:
    run = load_run(place(row["recipe"], runs), device="cpu")
    game, record = run.game, run.folder.record
    assert isinstance(game, Samples)
    row.update({"steps": record["step"], "seconds": record["seconds"]})
    torch.manual_seed(seed)
    return data.crop(torch.cat([game.sample(500).float() for _ in range(N // 500)]))


def scores(judge: Classifier, real: Tensor, fake: Tensor) -> dict[str, float]:
    """Of features of real samples and fake pictures: the distance of all, precision and coverage of half of them."""
    features = judge.features(fake)
    near = manifold(real[::2], features[::2])  # the test part is ordered: its first half is easier
    rarest = float((torch.bincount(judge.predict(fake), minlength=10) / len(fake)).min())
    return {
        "frechet": frechet_distance(real, features),
        "coverage": near.coverage,
        "precision": near.precision,
        "rarest": rarest,
    }


def picture(words: str) -> Path:
    return ZOO.parent / "pictures" / f"zoo-{re.sub(r'[^a-z0-9]+', '-', words)}.png"


def results(rows: list[dict[str, Any]], floor: dict[str, float], args: argparse.Namespace) -> str:
    lines = [
        f"## The zoo on MNIST: {args.minutes:g} CPU-minutes a recipe\n",
        f"Each recipe with the flags shown and its defaults otherwise, by `gansmith train --minutes {args.minutes:g}`"
        ", where the row says no other (the time of planning is part of it, and no part of the seconds below), one "
        f"thread, {args.parallel} runs at a time on as many cores. {N:,} samples against the test part, by which "
        "nothing was chosen, in the first fully connected layer (500 numbers) of a classifier trained by others; "
        "precision (three neighbors) and "
        f"coverage (five) of every second sample. Real against real: distance {floor['frechet']:.1f}, coverage "
        f"{floor['coverage']:.2f}, precision {floor['precision']:.2f}. Seed {args.seed}, one run a row.\n",
        "| recipe | Frechet distance | coverage | precision | rarest class | rounds | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        if "failed" in r:
            lines.append(f"| {r['recipe']} | failed: {r['failed']} | | | | | |")
        else:
            lines.append(
                f"| {r['recipe']} | {r['frechet']:.1f} | {r['coverage']:.2f} | {r['precision']:.2f} | "
                f"{r['rarest']:.1%} | {r['steps']:,} | {r['seconds']:.0f} |"
            )
    return "\n".join(lines)


def strips(rows: list[dict[str, Any]], floor: dict[str, float]) -> str:
    lines = ["| `gansmith train ...` | Frechet distance | coverage | samples, not picked |", "|---|---|---|---|"]
    for r in rows:
        numbers = "failed | " if "failed" in r else f"{r['frechet']:.1f} | {r['coverage']:.2f}"
        strip = r["failed"] if "failed" in r else f"![{r['recipe']}](pictures/{picture(r['recipe']).name})"
        lines.append(f"| `{r['recipe']}` | {numbers} | {strip} |")
    return "\n".join([*lines, f"| real pictures | {floor['frechet']:.1f} | {floor['coverage']:.2f} | |"])


if __name__ == "__main__":
    main()
