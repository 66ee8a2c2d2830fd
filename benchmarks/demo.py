"""``make demo``: how long it takes, and what comes out of it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results import record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set-up", type=float, help="seconds that `make setup` took in a fresh clone, to be stated")
    args = parser.parse_args()
    lines = [
        "## make demo: an O-GAN on the embedded digits\n",
        "Held-out digits (10 %), judged by a support-vector machine fitted on the other real digits. The code has as "
        "many numbers as stated; principal components of the same size stand beside it.\n",
        "| seed | training | whole command | classes | rarest class | class kept | PCA | squared error | PCA |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for seed in range(args.seeds):
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            command = [sys.executable, "-m", "gansmith", "train", "--seed", str(seed), "--out", str(run)]
            begun = time.perf_counter()
            subprocess.run(command, check=True)
            whole = time.perf_counter() - begun
            found = json.loads((run / "metrics.json").read_text())
            seconds = json.loads((run / "run.json").read_text())["seconds"]
        shares, again = found["classes"]["shares"], found["reconstruction"]
        game, pca = again["game"], again["principal_components"]
        lines.append(
            f"| {seed} | {seconds:.0f} s | {whole:.0f} s | {sum(v > 0 for v in shares.values())} of 10 "
            f"| {min(shares.values()):.1%} | {game['same_class']:.1%} | {pca['same_class']:.1%} "
            f"| {game['mse']:.4f} | {pca['mse']:.4f} |"
        )
    lines.append(
        f"\nClasses among {found['samples']:,} samples; {found['n']} held-out digits; codes of {again['code']} numbers."
    )
    if args.set_up:
        lines.append(f"Set-up in a fresh clone (`make setup`, packages from a near mirror): {args.set_up:.0f} s.")
    record("demo", "\n".join(lines))


if __name__ == "__main__":
    main()
