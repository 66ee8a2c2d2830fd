"""How many claims `gansmith verify` measures, how long that takes, and how far each stays from its tolerance."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from results import README, put_between, record


def main() -> None:
    begun = time.perf_counter()
    run = subprocess.run([sys.executable, "-m", "gansmith", "verify", "--json"], stdout=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - begun
    claims = json.loads(run.stdout)["claims"]
    fails = [c["claim"] for c in claims if c["error"] is None or not c["error"] <= c["tolerance"]]
    near = sorted(claims, key=lambda c: -(c["error"] or 0.0) / c["tolerance"])[:5]
    lines = [
        "## gansmith verify\n",
        f"{len(claims)} claims, of which {len(claims) - len(fails)} hold, in {seconds:.1f} s with the start of the "
        f"program (at most 120 s); exit code {run.returncode}. The five whose error is nearest to its tolerance:\n",
        "| claim | measured | expected | error | tolerance |",
        "|---|---|---|---|---|",
    ]
    for c in near:
        numbers = f"{c['measured']:.6g} | {c['expected']:.6g} | {c['error']:.1e} | {c['tolerance']:.0e}"
        lines.append(f"| {c['claim'].replace('|', chr(92) + '|')} | {numbers} |")
    lines += ["", *(f"Fails: {c}." for c in fails)]
    record("claims", "\n".join(lines))
    count(len(claims))


def count(claims: int, file: Path = README) -> None:
    """Puts the number of claims into the README."""
    put_between(file, "claims", f"measures {claims:,} claims")


if __name__ == "__main__":
    main()
