"""What batches do for McGan's duals: covariances on the digits, in as many rounds, by the recipes' own defaults."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter
from typing import Any

import torch
from results import record

from gansmith import recipes
from gansmith.data import load
from gansmith.evaluate import choose, frechet_distance
from gansmith.evaluate.manifold import manifold
from gansmith.games import Samples
from gansmith.training.loop import Training, train

ROUNDS, SAMPLES, SEEDS = 800, 1500, (0, 1)
ROWS: list[dict[str, Any]] = [
    {"batch": 64},
    *({"dual": True, "batch": batch} for batch in (64, 128, 256)),
    {"centered": True, "batch": 64},
    *({"centered": True, "dual": True, "batch": batch} for batch in (64, 256)),
]


def run(flags: dict[str, Any], seed: int) -> tuple[float, float, float]:
    """Frechet distance, coverage and seconds of training."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    data = load("digits")
    training = Training(recipes.mcgan_cov(data, ROUNDS, **flags), seed=seed, device="cpu")
    start = perf_counter()
    game = train(training).average
    seconds = perf_counter() - start
    torch.manual_seed(seed)
    assert isinstance(game, Samples)
    features = choose(None, data)
    real = features(data.values(data.train))
    fake = features(game.sample(SAMPLES))
    return frechet_distance(real, fake), manifold(real, fake).coverage, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time, each on one core")
    args = parser.parse_args()
    todo = [(flags, seed) for flags in ROWS for seed in SEEDS]
    with ProcessPoolExecutor(args.parallel, get_context("spawn")) as pool:
        found = list(pool.map(run, *zip(*todo, strict=True)))
    lines = [
        "## McGan's duals and the size of their batch\n",
        f"`mcgan-cov` on the embedded digits, {ROUNDS} rounds, seeds {SEEDS[0]} and {SEEDS[1]}, one thread. "
        f"{SAMPLES:,} samples against the training part, in the features of the digit classifier: this says how fast "
        "it learns, and nothing of other data.\n",
        "| flags | Frechet distance | coverage | seconds |",
        "|---|---|---|---|",
    ]
    for k, flags in enumerate(ROWS):
        words = " ".join(f"--{name}" if value is True else f"--{name} {value}" for name, value in flags.items())
        distances, coverages, seconds = zip(*found[len(SEEDS) * k : len(SEEDS) * (k + 1)], strict=True)
        each = (", ".join(f"{value:.2f}" for value in values) for values in (distances, coverages))
        lines.append(f"| {words} | {' | '.join(each)} | {max(seconds):.0f} |")
    record("duals", "\n".join(lines))


if __name__ == "__main__":
    main()
