"""The zoo on MNIST: each recipe trains for five minutes of one CPU core, through the command line.

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
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from classifier import Classifier
from mnist import N, validation
from results import record, root
from torch import Tensor

from gansmith.data import Dataset, load
from gansmith.evaluate import frechet_distance
from gansmith.evaluate.manifold import manifold
from gansmith.opening import opened
from gansmith.report import grid, save_png

ROWS = [
    "ogan",
    "ogan --original",
    "gan",
    "r3",
    "dcgan",
    "lsgan",
    "hinge",
    "sngan",
    "sngan --network tutorial --loss non-saturating --rate 2e-4",
    "fgan",
    "wgan",
    "wgan-gp",
    "wgan-div",
    "gan-qp",
    "fisher",
    "mmd",
    "mcgan-mean",
    "mcgan-mean --dual",
    "mcgan-cov",
    "mcgan-cov --dual",
    "mcgan",
    "mcgan --dual",
]
STRIP = 16
ZOO = Path(__file__).parent.parent / "docs/zoo.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="which rows, with commas")
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time, each on one core")
    parser.add_argument("--validation", action="store_true", help="hold out training images, record nothing")
    asked = parser.parse_args()
    rows = ROWS if asked.only is None else asked.only.split(",")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        source = root() / "mnist"
        if asked.validation:
            source = validation(source, Path(folder) / "mnist")
        data = load(str(source))
        judge = Classifier(root() / "mnist_classifier" / "pytorch_example_mnist_cnn.npz")
        real = judge.features(data.crop(data.values(data.held_out)))
        floor = scores(judge, real, data.crop(data.values(data.train[:N])))
        print(json.dumps({"floor": floor}), flush=True)

        runs = {words: Path(folder) / re.sub(r"\W+", "-", words) for words in rows}
        with ThreadPoolExecutor(asked.parallel) as pool:
            trained = list(pool.map(lambda words: train(words, runs[words], source, asked), rows))
        for row in trained:  # only now: what trains is not to share its core
            if "failed" not in row:
                judge_run(row, runs[row["recipe"]], data, judge, real, asked)
    if not asked.validation:
        record("zoo", table(trained, floor, asked))
        put_into_zoo(trained, floor, asked)


def train(words: str, run: Path, source: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Trains in a process of its own, on one core; a run that fails is a row that says so."""
    command = [sys.executable, "-m", "gansmith", "train", *words.split(), "--data", str(source), "--out", str(run)]
    command += ["--minutes", str(asked.minutes), "--seed", str(asked.seed)]
    begun = time.perf_counter()
    one = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=one, capture_output=True, text=True, check=False)
    row = {"recipe": words, "whole": round(time.perf_counter() - begun)}
    if done.returncode:
        row["failed"] = done.stderr.strip().splitlines()[-1]
    print(json.dumps(row), flush=True)
    return row


def judge_run(
    row: dict[str, Any], run: Path, data: Dataset, judge: Classifier, real: Tensor, asked: argparse.Namespace
) -> None:
    folder, training = opened(str(run), "cpu", trust=False)
    torch.manual_seed(asked.seed)
    fake = data.crop(torch.cat([training.average.sample(500).float() for _ in range(N // 500)]))
    if not asked.validation:
        save_png(picture(row["recipe"]), grid(fake[: 2 * STRIP], STRIP, scale=1))
    row |= scores(judge, real, fake) | {"steps": folder.record["step"], "seconds": folder.record["seconds"]}
    print(json.dumps(row), flush=True)


def scores(judge: Classifier, real: Tensor, fake: Tensor) -> dict[str, float]:
    """Of features of real samples and fake pictures: the distance of all, precision and coverage of half of them."""
    features = judge.features(fake)
    near = manifold(real[: N // 2], features[: N // 2])
    rarest = float((torch.bincount(judge.predict(fake), minlength=10) / len(fake)).min())
    return {
        "frechet": frechet_distance(real, features),
        "coverage": near.coverage,
        "precision": near.precision,
        "rarest": rarest,
    }


def picture(words: str) -> Path:
    return ZOO.parent / "pictures" / f"zoo-{re.sub(r'[^a-z0-9]+', '-', words.replace('non-saturating', ''))}.png"


def table(rows: list[dict[str, Any]], floor: dict[str, float], asked: argparse.Namespace) -> str:
    lines = [
        f"## The zoo on MNIST: {asked.minutes:g} CPU-minutes a recipe\n",
        f"Each recipe with its defaults and the flags shown, by `gansmith train`, planned for {asked.minutes:g} "
        f"minutes of one core ({asked.parallel} runs at a time on as many cores, one thread each). {N:,} samples "
        "against the test part (read for this table only), in the first fully connected layer (500 numbers) of a "
        f"classifier trained by others; precision and coverage of {N // 2:,} of each, five neighbors. Real against "
        f"real: distance {floor['frechet']:.1f}, coverage {floor['coverage']:.2f}. Seed {asked.seed}, one run a row.\n",
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


def put_into_zoo(rows: list[dict[str, Any]], floor: dict[str, float], asked: argparse.Namespace) -> None:
    """The table of docs/zoo.md between its marks, with the strips."""
    lines = ["| `gansmith train ...` | Frechet distance | coverage | samples, not picked |", "|---|---|---|---|"]
    for r in rows:
        numbers = "failed | " if "failed" in r else f"{r['frechet']:.1f} | {r['coverage']:.2f}"
        strip = r["failed"] if "failed" in r else f"![{r['recipe']}](pictures/{picture(r['recipe']).name})"
        lines.append(f"| `{r['recipe']}` | {numbers} | {strip} |")
    lines.append(f"| real pictures | {floor['frechet']:.1f} | {floor['coverage']:.2f} | |")
    text = ZOO.read_text(encoding="utf-8")
    marks = re.compile("(<!-- strips -->\n).*?(<!-- end strips -->)", re.DOTALL)
    ZOO.write_text(marks.sub(lambda m: m[1] + "\n".join(lines) + "\n" + m[2], text), encoding="utf-8")


if __name__ == "__main__":
    main()
