"""How often the 95 % intervals hold what they are said to hold: Gaussians whose distance is known."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from results import record
from torch import Tensor

from gansmith.evaluate.compare import compare, correct
from gansmith.evaluate.frechet import frechet_distance
from gansmith.evaluate.interval import jackknife

SHOWN = ("coverage", "precision", "recall", "density", "sliced_wasserstein", "energy_distance", "kernel_distance")


def scaled(d: int, power: float, gap: float) -> Callable[[Tensor], Tensor]:
    """Of standard normal rows: variances fall as i^-power; each is 1 + gap times as wide, and the mean is gap off."""
    deviations = torch.arange(1, d + 1, dtype=torch.float64) ** (-power / 2)
    return lambda z: deviations * ((1 + gap) * z + gap)


def known(d: int, power: float, gap: float) -> float:
    """The Frechet distance of both: a shift by gap and a widening by gap, in units of the deviations."""
    return float(2 * gap**2 * (torch.arange(1, d + 1, dtype=torch.float64) ** -power).sum())


def pairs(n: int, d: int, power: float, gap: float, draws: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    plain, other = scaled(d, power, 0.0), scaled(d, power, gap)
    for _ in range(draws):
        z = torch.randn(2, n, d, generator=generator, dtype=torch.float64)
        yield plain(z[0]), other(z[1])


def frechet(real: Tensor, fake: Tensor, seed: int) -> dict[str, Any]:
    """As `compare` does, without the other numbers."""
    spread, value = jackknife(frechet_distance, real, fake, seed=seed), frechet_distance(real, fake)
    low, high = spread.interval(value)
    return {"value": value, "interval": [max(low, 0.0), high]} | correct(real, fake, spread, seed=seed)


def share(entries: list[dict[str, Any]], truth: float) -> float:
    held = [entry["interval"][0] <= truth <= entry["interval"][1] for entry in entries]
    return held.count(True) / len(held)


def frechet_rows(cases: list[tuple[int, int, float, float]], draws: int, seed: int) -> list[str]:
    lines = [
        "| n | features | variances | distance | mean | plain: holds the distance | holds its mean at n | corrected: "
        "mean | holds the distance |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for n, d, power, gap in cases:
        plain = [frechet(*pair, seed=i) for i, pair in enumerate(pairs(n, d, power, gap, draws, seed))]
        corrected, truth = [entry["corrected"] for entry in plain], known(d, power, gap)
        mean, middle = (math.fsum(entry["value"] for entry in each) / draws for each in (plain, corrected))
        lines.append(
            f"| {n} | {d} | {'equal' if not power else f'i^-{power:g}'} | {truth:.4f} | {mean:.4f} | "
            f"{share(plain, truth):.0%} | {share(plain, mean):.0%} | {middle:.4f} | {share(corrected, truth):.0%} |"
        )
        print(lines[-1], flush=True)
    return lines


def other_rows(cases: list[tuple[int, int, float, float]], draws: int, seed: int) -> list[str]:
    lines = [f"| n | features | gap | {' | '.join(name.replace('_', ' ') for name in SHOWN)} |", "|---" * 10 + "|"]
    for n, d, power, gap in cases:
        found = [compare(*pair, seed=i) for i, pair in enumerate(pairs(n, d, power, gap, draws, seed))]
        shares = []
        for name in SHOWN:
            entries = [each[name] for each in found]
            shares.append(share(entries, math.fsum(entry["value"] for entry in entries) / draws))
        lines.append(f"| {n} | {d} | {gap:g} | {' | '.join(f'{each:.0%}' for each in shares)} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100, help="pairs of sets a row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", action="store_true", help="whether it works: five draws, printed only")
    args = parser.parse_args()
    draws = 5 if args.small else args.draws
    text = [
        "## How often a 95 % interval holds what it is said to hold\n",
        f"Sets of n Gaussian vectors; the second set's deviations are 1 + gap times, and its mean is gap of them "
        f"off. {draws} pairs of sets a row, so that a share of 95 % has a standard error of "
        f"{math.sqrt(0.95 * 0.05 / draws):.1%}. Seed {args.seed}.\n",
        "Frechet distance, plain and corrected for n:\n",
        *frechet_rows([(200, 16, 0, 0.0), (200, 16, 0, 0.2), (200, 16, 1, 0.2), (400, 32, 2, 0.1)], draws, args.seed),
        "\nOther numbers; each interval beside the mean of the number at this n:\n",
        *other_rows([(120, 4, 0, 0.0), (120, 4, 0, 0.3)], draws, args.seed),
    ]
    if args.small:
        print("\n".join(text))
    else:
        record("intervals", "\n".join(text))


if __name__ == "__main__":
    main()
