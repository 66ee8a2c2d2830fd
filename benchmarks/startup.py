"""How long one waits before anything happens."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from results import record

GANSMITH = [sys.executable, "-m", "gansmith"]
RUNS = 9


def seconds(command: list[str]) -> float:
    """The median of several runs, after one that warms up."""
    times = []
    for _ in range(RUNS + 1):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def main() -> None:
    torch, both = (seconds([sys.executable, "-c", f"import {names}"]) for names in ("torch", "torch, gansmith"))
    objectives = seconds([sys.executable, "-c", "import torch, gansmith.objectives"])
    begun = time.perf_counter()
    subprocess.run(["make", "test"], check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parent.parent)
    tests = time.perf_counter() - begun
    rows = [
        ("`gansmith --help`", seconds([*GANSMITH, "--help"]), "0.5 s"),
        ("`gansmith recipes`", seconds([*GANSMITH, "recipes"]), "0.5 s"),
        ("`gansmith train ogan --help`", seconds([*GANSMITH, "train", "ogan", "--help"]), "3 s"),
        ("`import gansmith` beyond `import torch`", both - torch, "0.3 s"),
        ("`import gansmith.objectives` beyond `import torch`", objectives - torch, "0.3 s"),
    ]
    rows.append(("`make test`, once", tests, "600 s"))
    lines = ["## How long one waits\n", f"Medians of {RUNS} runs.\n", "| | seconds | at most |", "|---|---|---|"]
    lines += [f"| {name} | {value:.2f} | {most} |" for name, value, most in rows]
    record("startup", "\n".join(lines))


if __name__ == "__main__":
    main()
