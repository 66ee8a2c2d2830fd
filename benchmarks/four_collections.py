"""What the recipe `ogan` makes of four collections in ten CPU minutes: numbers beside their floors.

Each is trained by ``gansmith train --data D --minutes M`` with the recipe's defaults and measured by ``gansmith
evaluate`` against what is held out. CPU minutes are those of the training process, measured, not planned.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from results import record, root

SETS = {
    "digits": "digits",
    "MNIST": "mnist",
    "clothing": "clothing_cc0/clothing64_train.zip",
    "CIFAR-10": "cifar10_jpeg/cifar10_jpeg_train.zip",
}
ROWS = {
    "frechet_distance": "Frechet distance",
    "kernel_distance": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "sliced_wasserstein": "sliced Wasserstein",
    "energy_distance": "energy distance",
    "diversity": "diversity",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="of two cores")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(SETS), help="which, with commas")
    parser.add_argument("--keep", type=Path, help="a new folder for the runs")
    parser.add_argument("--again", type=Path, help="a folder of kept runs: measure them again")
    args = parser.parse_args()
    if args.again:
        names = [name for name in args.only.split(",") if (args.again / f"{name}.json").exists()]
        kept = [json.loads((args.again / f"{name}.json").read_text()) for name in names]
        record("collections", table([r | {"found": numbers(args.again / r["name"], args.seed)} for r in kept], args))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        runs = args.keep or Path(folder)
        runs.mkdir(parents=True, exist_ok=True)
        for name in args.only.split(","):
            row = measured(name, runs / name, args)
            (runs / f"{name}.json").write_text(json.dumps(row, indent=1))
            rows.append(row)
            print(json.dumps(row), flush=True)
    record("collections", table(rows, args))


def measured(name: str, run: Path, args: argparse.Namespace) -> dict[str, Any]:
    source = SETS[name] if name == "digits" else str(root() / SETS[name])
    words = ["--data", source, "--minutes", str(args.minutes), "--seed", str(args.seed), "--out", str(run)]
    begun, before = time.perf_counter(), cpu()
    gansmith("train", "ogan", *words)
    took, used = time.perf_counter() - begun, cpu() - before
    found = numbers(run, args.seed)
    kept = json.loads((run / "run.json").read_text())
    steps = {"steps": kept["step"], "training seconds": kept["seconds"], "seconds": took, "cpu minutes": used / 60}
    return {"name": name, "shape": kept["data"]["shape"]} | steps | {"found": found}


def numbers(run: Path, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "numbers.json"
        gansmith("evaluate", str(run), "--seed", str(seed), "-o", str(file))
        found: dict[str, Any] = json.loads(file.read_text())
        return found


def gansmith(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "gansmith", *words], check=True)


def cpu() -> float:
    """Seconds of processor time that finished child processes took, and those of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(rows: list[dict[str, Any]], args: argparse.Namespace) -> str:
    lines = [
        "## Four collections, ten CPU minutes each\n",
        f"The recipe `ogan` with its defaults, `gansmith train ogan --data D --minutes {args.minutes:g}` on two "
        f"cores, seed {args.seed}; then `gansmith evaluate`: generated pictures against as many held-out ones (MNIST: "
        "its test part; others: the tenth that every run holds out). In brackets the 95 % interval, then the floor: "
        "training pictures in the place of generated ones (for diversity that of real pictures).\n",
        "| | " + " | ".join(r["name"] for r in rows) + " |",
        "|---|" + "---|" * len(rows),
        _row("pictures", [f"{'x'.join(map(str, r['shape']))}" for r in rows]),
        _row("rounds", [f"{r['steps']:,}" for r in rows]),
        _row("CPU minutes (with reading, planning and first numbers)", [f"{r['cpu minutes']:.1f}" for r in rows]),
        _row("features", [f"{r['found']['features']['name']} ({r['found']['features']['size']})" for r in rows]),
        _row("n", [f"{r['found']['n']:,}" for r in rows]),
    ]
    lines += [_row(words, [_cell(r["found"]["metrics"].get(key)) for r in rows]) for key, words in ROWS.items()]
    lines.append(
        _row("classes, rarest (judge right on real ones)", [_classes(r["found"].get("classes")) for r in rows])
    )
    lines += ["\nReconstructions of held-out pictures, beside principal components with as many numbers:\n"]
    keys = ["mse", "sharpness", "same_class", "frechet_distance", "midpoints_frechet_distance", "linear_probe"]
    lines += ["| | code | " + " | ".join(k.replace("_", " ") for k in keys) + " |", "|---|---|" + "---|" * len(keys)]
    for r in rows:
        again = r["found"]["reconstruction"]
        for who, words in (("game", "ogan"), ("principal_components", "principal components")):
            numbers = [_number(again[who].get(k)) for k in keys]
            lines.append(_row(f"{r['name']}, {words}", [str(again["code"]), *numbers]))
    return "\n".join(lines)


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def _cell(metric: dict[str, Any] | None) -> str:
    if metric is None:
        return ""
    low, high = metric["interval"]
    floor = "" if metric["floor"] is None else f"; {metric['floor']:.3g}"
    return f"{metric['value']:.3g} [{low:.3g}, {high:.3g}]{floor}"


def _classes(found: dict[str, Any] | None) -> str:
    if found is None:
        return "no labels"
    return f"{found['covered']} of {found['of']}, {found['rarest']:.1%} ({found['judge_accuracy']:.0%})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    main()
