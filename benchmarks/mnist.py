"""MNIST: recipes against the DCGAN tutorial's loop, trained by this script for the same time, or the same rounds.

In the same time (300 seconds) the loop is the published one. In the same rounds (``--rounds 3102``, those of the loop
in its 300 seconds) it is also measured as one would tune it: how much of the recipes' gain is learning rate and
averaging, and how much is objective and networks, is read off that table.

``--validation`` holds out the last 10,000 training images and never reads the test part: settings are chosen that way.
Without it the test part is what is held out, and the result goes into RESULTS.md.
"""

from __future__ import annotations

import argparse
import gzip
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tutorial
from classifier import Classifier
from results import Kept, record, root
from torch import Tensor

from gansmith.commands.cli import main as gansmith
from gansmith.data import Dataset, load
from gansmith.evaluate import frechet_distance, pca_reconstruct, reconstruction_error, same_class_share
from gansmith.games import OGAN, Samples
from gansmith.report import grid, pairs, save_png
from gansmith.runs.run import load_run

N = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, help="train for so many rounds, however long they take")
    parser.add_argument("--only", help=f"which, with commas: recipes, or {', '.join(tutorial.SETTINGS)}")
    parser.add_argument("--kept", type=Path, help="a file of finished rows: this commit's are taken, others added")
    parser.add_argument("--validation", action="store_true", help="hold out training images, record nothing")
    parser.add_argument("--pictures", type=Path, help="also save a sample and a reconstruction grid into this folder")
    parser.add_argument("rest", nargs="*", help="more flags for the recipes, after --")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = root() / "mnist"
        if args.validation:
            source = validation(source, Path(folder) / "mnist")
        data = load(str(source))
        judge = Classifier(root() / "mnist_classifier" / "pytorch_example_mnist_cnn.npz")
        real = data.crop(data.values(data.held_out))
        floor = frechet_distance(judge.features(real), judge.features(data.crop(data.values(data.train[:N]))))
        print(f"floor {floor:.2f}, judge right on {accuracy(judge, data):.2%}", flush=True)
        names = args.only or (",".join([*tutorial.SETTINGS, "r3", "ogan"]) if args.rounds else "tutorial,r3,ogan")
        kept = Kept(args.kept)
        for name in names.split(","):
            if any(same(row, name, args) for row in kept.runs):
                continue
            train = yardstick if name in tutorial.SETTINGS else recipe
            for row in train(name, data, source, judge, real, args):
                kept.add(row | {"run": name, "seed": args.seed, "planned": planned(args)})
        if not args.validation:
            rows = [row for name in names.split(",") for row in kept.runs if same(row, name, args)]
            right = accuracy(judge, data)
            if args.rounds:
                record("mnist rounds", rounds_table(rows, floor, right, args))
            else:
                record("mnist", table(rows, floor, right, args))


def planned(args: argparse.Namespace) -> str:
    judges = "training images" if args.validation else "test part"
    return f"{args.rounds} rounds, {judges}" if args.rounds else f"{args.seconds} seconds, {judges}"


def same(row: dict[str, Any], name: str, args: argparse.Namespace) -> bool:
    """Whether a kept row is of the run that is asked for."""
    return (row["run"], row["seed"], row["planned"]) == (name, args.seed, planned(args))


def validation(source: Path, folder: Path) -> Path:
    """MNIST's training images, the last 10,000 of them apart."""
    folder.mkdir()
    for kind, head in (("images-idx3", 16), ("labels-idx1", 8)):
        raw = gzip.decompress((source / f"train-{kind}-ubyte.gz").read_bytes())
        values = np.frombuffer(raw, np.uint8, offset=head).reshape(60_000, -1)
        for name, part in (("train", values[:50_000]), ("val", values[50_000:])):
            header = raw[:4] + struct.pack(">I", len(part)) + raw[8:head]
            (folder / f"{name}-{kind}-ubyte").write_bytes(header + part.tobytes())
    return folder


def accuracy(judge: Classifier, data: Dataset) -> float:
    assert data.y is not None
    return float((judge.predict(data.crop(data.values(data.held_out))) == data.y[data.held_out]).float().mean())


def judged(name: str, fake: Tensor, judge: Classifier, real: Tensor) -> dict[str, Any]:
    shares = torch.bincount(judge.predict(fake), minlength=10) / len(fake)
    return {
        "name": name,
        "frechet": frechet_distance(judge.features(real), judge.features(fake)),
        "rarest": float(shares.min()),
    }


def yardstick(
    name: str, data: Dataset, source: Path, judge: Classifier, real: Tensor, args: argparse.Namespace
) -> list[dict[str, Any]]:
    """The loop as it is, and its average where the rounds are given; the better of both modes counts.

    The tutorial draws its samples in training mode.
    """
    setting = tutorial.SETTINGS[name]
    begun = time.perf_counter()
    g, average, rounds = tutorial.train(data, args.seed, setting, seconds=args.seconds, rounds=args.rounds)
    took = time.perf_counter() - begun
    rows = []
    for words, network in ((setting.words, g), (f"{setting.words}, average", average)):
        samples = [data.crop(tutorial.sample(network.train(mode), N, args.seed)) for mode in (True, False)]
        found = [judged(words, fake, judge, real) for fake in samples]
        best = min(found, key=lambda f: f["frechet"])
        rows.append(best | {"steps": rounds, "seconds": took, "images/s": 64 * rounds / took})
    return rows if args.rounds else rows[:1]


def recipe(
    name: str, data: Dataset, source: Path, judge: Classifier, real: Tensor, args: argparse.Namespace
) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        # planned at nine tenths, because a machine's speed wanders by a tenth; the yardstick gets the whole time
        end = ["--steps", str(args.rounds)] if args.rounds else ["--minutes", str(0.9 * args.seconds / 60)]
        words = ["--data", str(source), *end, "--seed", str(args.seed)]
        begun = time.perf_counter()
        code = gansmith(["train", name, *words, "--out", str(run), *args.rest])
        whole = time.perf_counter() - begun
        if code:
            raise SystemExit(f"{name} ended with {code}")
        trained = load_run(run, device="cpu")
        game, record = trained.game, trained.folder.record
        assert isinstance(game, Samples)
        torch.manual_seed(args.seed)
        fake = data.crop(torch.cat([game.sample(500) for _ in range(N // 500)]))
        steps, took = record["step"], record["seconds"]
        row = judged(name, fake, judge, real) | {"steps": steps, "seconds": took, "with planning and measuring": whole}
        row["images/s"] = trained.training.stage.batch * steps / took
        again = None
        if isinstance(game, OGAN):
            again = trained.reconstruct(data.values(data.held_out))
            row |= reconstructed(judge, data, real, again, game.latent.size)
        if args.pictures:
            args.pictures.mkdir(parents=True, exist_ok=True)
            save_png(args.pictures / f"mnist-{name}-samples.png", grid(fake[:64]))
            if again is not None:
                save_png(args.pictures / f"mnist-{name}-reconstructions.png", pairs(real[:40], again[:40]))
        return [row]


def reconstructed(judge: Classifier, data: Dataset, real: Tensor, again: Tensor, size: int) -> dict[str, Any]:
    train = data.crop(data.values(data.train[:20_000]))
    principal = pca_reconstruct(train, real, size).clamp(-1, 1)
    found: dict[str, Any] = {"code": size}
    features = judge.features(real)
    for name, y in (("game", again), ("pca", principal)):
        found[f"{name}: class kept"] = same_class_share(judge, real, y)
        found[f"{name}: mse"] = reconstruction_error(real, y).mse
        found[f"{name}: frechet"] = frechet_distance(features, judge.features(y))
    return found


def judging(floor: float, right: float, seed: int) -> str:
    return (
        f"28x28 padded to 32x32 and cropped back; {N:,} samples against the test part (read for these tables only), in "
        f"the first fully connected layer (500 numbers) of a classifier trained by others, {right:.2%} right on the "
        f"test part. Real against real (10,000 training images): {floor:.2f}. Seed {seed}."
    )


def rounds_table(rows: list[dict[str, Any]], floor: float, right: float, args: argparse.Namespace) -> str:
    lines = [
        f"## MNIST in {args.rounds:,} rounds: what is rate and average, and what is objective and networks\n",
        f"Batches of 64 in every row; time plays no part. {judging(floor, right, args.seed)} The tutorial's loop with "
        "BatchNorm and its own loss, as published and tuned as the recipes are: their rate; their rate, betas and "
        "decay; each also by an average of the generator (0.999, less at the start), which the recipes always take.\n",
        "| | Frechet distance | rarest class |",
        "|---|---|---|",
        *(f"| {r['name']} | {r['frechet']:.1f} | {r['rarest']:.1%} |" for r in rows),
    ]
    return "\n".join(lines)


def table(rows: list[dict[str, Any]], floor: float, right: float, args: argparse.Namespace) -> str:
    lines = [
        f"## MNIST in {args.seconds:.0f} seconds of training on two cores\n",
        f"{judging(floor, right, args.seed)} Recipes with their defaults, through `gansmith train --minutes`, planned "
        "at nine tenths of the time; the yardstick is the DCGAN tutorial's loop as published, at its own learning "
        "rate, 2e-4, and without an average. Distances between rows are therefore no merit of objective and networks "
        "alone: `--rounds 3102` measures the same loop tuned as the recipes are.\n",
        "| | Frechet distance | rarest class | rounds | seconds | real images/s |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        lines.append(
            f"| {r['name']} | {r['frechet']:.1f} | {r['rarest']:.1%} | {r['steps']:,} | {r['seconds']:.0f} "
            f"| {r['images/s']:.0f} |"
        )
    for r in rows:
        if "code" in r:
            lines += [
                f"\nReconstructions of the test part, codes of {r['code']} numbers:\n",
                "| | class kept | squared error | Frechet distance |",
                "|---|---|---|---|",
                *(
                    f"| {words} | {r[f'{key}: class kept']:.1%} | {r[f'{key}: mse']:.4f} | {r[f'{key}: frechet']:.1f} |"
                    for key, words in (("game", r["name"]), ("pca", "principal components"))
                ),
            ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
