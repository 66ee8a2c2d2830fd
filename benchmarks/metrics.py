"""Metrics beside those of others: the same values, in how much time and memory."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from results import record

RUNS = 3
NEIGHBORS = 5


def features(n: int, d: int, seed: int, shift: float = 0.0) -> Any:
    """Normal vectors in single precision, as networks make them."""
    import numpy as np

    return np.random.default_rng(seed).normal(shift, 1, (n, d)).astype(np.float32)


def ours(real: Any, fake: Any) -> dict[str, float]:
    import torch

    from gansmith.evaluate.manifold import manifold

    x, y = (torch.from_numpy(a) for a in (real, fake))
    return vars(manifold(x, y, neighbors=NEIGHBORS, precision_neighbors=NEIGHBORS))


def prdc(real: Any, fake: Any) -> dict[str, float]:
    from prdc import compute_prdc

    return {name: float(value) for name, value in compute_prdc(real, fake, NEIGHBORS).items()}


def prdc_restricted(real: Any, fake: Any) -> dict[str, float]:
    """The lines of `compute_prdc` that density and coverage need."""
    from prdc.prdc import (
        compute_nearest_neighbour_distances,
        compute_pairwise_distance,
    )

    radii = compute_nearest_neighbour_distances(real, NEIGHBORS)
    distances = compute_pairwise_distance(real, fake)
    density = (distances < radii[:, None]).sum(0).mean() / NEIGHBORS
    return {"density": float(density), "coverage": float((distances.min(1) < radii).mean())}


def frechet(real: Any, fake: Any) -> dict[str, float]:
    import torch

    from gansmith.evaluate.frechet import frechet_distance

    return {"frechet": frechet_distance(*(torch.from_numpy(a) for a in (real, fake)))}


def sqrtm(real: Any, fake: Any) -> dict[str, float]:
    import numpy as np
    from scipy.linalg import sqrtm as root

    x, y = real.astype(np.float64), fake.astype(np.float64)
    s, t = np.cov(x.T), np.cov(y.T)
    shift = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return {"frechet": float(shift + np.trace(s) + np.trace(t) - 2 * np.trace(root(s @ t).real))}


WAYS: dict[str, Callable[[Any, Any], dict[str, float]]] = {
    each.__name__: each for each in (ours, prdc, prdc_restricted, frechet, sqrtm)
}


def one(way: str, n: int, d: int) -> None:
    """In a process of its own: seconds, and the memory that the call took beyond what was there."""
    import torch  # its libraries belong to neither side
    from scipy import linalg  # noqa: F401
    from sklearn import metrics  # noqa: F401

    real, fake = features(n, d, 0), features(n, d, 1, shift=0.05)
    WAYS[way](real[:600], fake[:600])  # imports, threads
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    begun = time.perf_counter()
    values = WAYS[way](real, fake)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {"seconds": seconds, "extra": peak - before, "peak": peak, "values": values}
    print(json.dumps({**found, "threads": torch.get_num_threads()}))


def measured(way: str, n: int, d: int, runs: int = RUNS) -> dict[str, Any]:
    """The median time of several processes, and the most memory."""
    command = [sys.executable, __file__, "--one", way, str(n), str(d)]
    outputs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(runs)]
    found = [json.loads(output.splitlines()[-1]) for output in outputs]
    most = {name: max(each[name] for each in found) for name in ("extra", "peak")}
    return {**found[0], **most, "seconds": statistics.median(each["seconds"] for each in found)}


def neighborhoods(n: int, many: int, d: int) -> list[str]:
    rows = {way: measured(way, n, d) for way in ("ours", "prdc", "prdc_restricted")}
    large = measured("ours", many, d, runs=1)
    gaps = [abs(rows["ours"]["values"][name] - value) for name, value in rows["prdc"]["values"].items()]
    names = {
        "ours": "`manifold`: precision, recall, density, coverage",
        "prdc": "`prdc.compute_prdc`: the same four",
        "prdc_restricted": "its lines for density and coverage only",
    }
    lines = [
        f"## Neighborhoods: {n:,} real and {n:,} fake vectors of {d} numbers\n",
        f"Each in its own process, medians of {RUNS}; memory is what a call takes beyond libraries and data.\n",
        "| | seconds | of ours | MiB | of ours |",
        "|---|---|---|---|---|",
    ]
    for way, row in rows.items():
        seconds, extra = row["seconds"], row["extra"]
        slower, larger = seconds / rows["ours"]["seconds"], extra / rows["ours"]["extra"]
        lines.append(f"| {names[way]} | {seconds:.2f} | {slower:.1f} | {extra / 2**20:,.0f} | {larger:.1f} |")
    said = ", ".join(f"{name} {value:.4f}" for name, value in rows["ours"]["values"].items())
    lines += [
        f"\nOurs (k = {NEIGHBORS} for all): {said}; at most {max(gaps):.1e} from prdc's.",
        f"{many:,} against {many:,}: {large['seconds']:.1f} s; the whole process has {large['peak'] / 2**20:,.0f} MiB "
        "at its peak.",
    ]
    return lines


def gaussians(n: int, d: int) -> list[str]:
    ours_, scipys = measured("frechet", n, d), measured("sqrtm", n, d)
    a, b = ours_["values"]["frechet"], scipys["values"]["frechet"]
    return [
        f"\n## Frechet distance: {n:,} real and {n:,} fake vectors of {d:,} numbers\n",
        "| | seconds | of ours | value |",
        "|---|---|---|---|",
        f"| `frechet_distance` | {ours_['seconds']:.2f} | 1.0 | {a:.8g} |",
        f"| scipy's `sqrtm` | {scipys['seconds']:.2f} | {scipys['seconds'] / ours_['seconds']:.1f} | {b:.8g} |",
        f"\nMoments included; {abs(a - b) / b:.1e} apart.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="whether it works: a tenth of the sizes, printed only")
    parser.add_argument("--one", nargs=3, metavar=("WAY", "N", "D"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one[0], int(options.one[1]), int(options.one[2]))
        return
    n, many, d, wide = (1_000, 5_000, 96, 256) if options.small else (10_000, 50_000, 96, 2048)
    text = "\n".join([*neighborhoods(n, many, d), *gaussians(max(n, 2 * wide), wide)])
    if options.small:
        print(text)
    else:
        record("metrics", text)


if __name__ == "__main__":
    main()
