"""How long collections take to read: a million names; 50,000 pictures in an archive, in a folder, from the cache."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from results import record, root

CODE = """
import json, resource, sys, time
from gansmith.data import load
from gansmith.data.listing import walk
import torch
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun = time.perf_counter()
n = len(walk(sys.argv[2]).names) if sys.argv[1] == "walk" else len(load(sys.argv[2]))
seconds = time.perf_counter() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"n": n, "seconds": seconds, "mib": (peak - before) / 1024}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=1_000_000, help="in the folder that is only listed")
    parser.add_argument("--tmp", type=Path, help="where the folders are made (default: the system's)")
    args = parser.parse_args()
    archive = root() / "cifar10_jpeg" / "cifar10_jpeg_train.zip"
    with tempfile.TemporaryDirectory(dir=args.tmp) as folder:
        here = Path(folder)
        many = here / "many"
        for i in range(args.names):
            if i % 10_000 == 0:
                (many / f"{i // 10_000:03d}").mkdir(parents=True)
            os.close(os.open(many / f"{i // 10_000:03d}" / f"{i:07d}.png", os.O_CREAT))
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(here / "pictures")
        cache = {"GANSMITH_CACHE": str(here / "cache")}
        small = cache | {"GANSMITH_MEMORY": "16"}
        rows = [
            (f"the names of {args.names:,} empty files listed", measured("walk", many)),
            ("50,000 JPEG of 32x32 in a .zip", measured("load", archive, cache)),
            ("the same in a folder of class folders", measured("load", here / "pictures", cache)),
            ("the same into the cache, with 16 MiB allowed", measured("load", here / "pictures", small)),
            ("the same from the cache", measured("load", here / "pictures", small)),
        ]
    lines = [
        "## Reading collections\n",
        "Each in its own process, once, with files that the system holds in memory; MiB are what the process takes "
        "beyond its libraries, at the peak (pages of a cache file count).\n",
        "| | seconds | MiB |",
        "|---|---|---|",
        *(f"| {name} | {found['seconds']:.1f} | {found['mib']:,.0f} |" for name, found in rows),
    ]
    record("reading", "\n".join(lines))


def measured(way: str, path: Path, more: dict[str, str] | None = None) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, way, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | (more or {}),
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
