"""Damaged files for every reader of files from anywhere: each is taken, or refused in one line, in time and memory.

python benchmarks/fuzz.py [--inputs 10000] [--seed 0] [--only READER ...] [--keep FOLDER]

Each reader runs in a process of its own, with a bound on its memory; one that crashes or hangs is counted as found,
and a new process goes on behind that input. What is found is printed as it comes, with the file in hex if it is short.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

SECONDS = 5  # of CPU, for one file
MEMORY = 1 << 30  # bytes beyond what a process has when it starts, in address space
SILENCE = 120.0  # seconds without a file done, after which a process counts as hanging
SHORT = 300  # bytes of a file that is printed in hex


@dataclass
class Tally:
    """What came of a reader's files so far; ``found`` names each kind of fault and the first file that shows it."""

    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    worst: float = 0.0
    found: dict[str, str] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    def add(self, fault: str, shown: str) -> None:
        if fault not in self.found:
            print(f"  found: {fault}: {shown}", flush=True)
        self.found.setdefault(fault, shown)
        self.times[fault] = self.times.get(fault, 0) + 1


class TooSlow(Exception):  # noqa: N818 (what happened)
    """A file took more CPU time than it may."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--keep", type=Path, help="a folder for the files that show a fault")
    parser.add_argument("--child", nargs=2, metavar=("READER", "TALLY"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        _fuzz(args.child[0], Path(args.child[1]), args)
        return
    with tempfile.TemporaryDirectory() as scratch:
        tallies = _all(args, Path(scratch))
    if args.only:
        print(_table(tallies))
    else:
        from results import record

        record("fuzz", _section(tallies, args))


def _all(args: argparse.Namespace, scratch: Path) -> dict[str, Tally]:
    os.environ["GANSMITH_CACHE"] = str(scratch / "cache")
    from fuzz_readers import READERS, make_run

    make_run(scratch / "made")
    tallies = {}
    for number, reader in enumerate(READERS):
        if not args.only or reader.name in args.only:
            print(reader.name, flush=True)
            tallies[reader.name] = _watched(reader.name, scratch / f"{number}.json", args)
    return tallies


def _watched(name: str, file: Path, args: argparse.Namespace) -> Tally:
    """One reader's process, begun anew behind a file that ended it."""
    file.write_text(json.dumps(asdict(Tally())))
    while (tally := Tally(**json.loads(file.read_text()))).inputs < args.inputs:
        command = [sys.executable, __file__, "--child", name, str(file), "--inputs", str(args.inputs)]
        command += ["--seed", str(args.seed), *(["--keep", str(args.keep)] if args.keep else [])]
        place = file.with_suffix(".at")
        place.unlink(missing_ok=True)
        process = subprocess.Popen(command)
        while process.poll() is None:
            time.sleep(0.2)
            if place.exists() and time.time() - place.stat().st_mtime > SILENCE:
                process.kill()
        if process.returncode:
            done = Tally(**json.loads(file.read_text()))
            if process.returncode > 0:  # what a reader raises is caught
                raise SystemExit(f"the process for {name} failed by itself")
            at = int(place.read_text())
            done.inputs = at + 1
            done.add(f"the process ended by {_ending(process.returncode)}", f"input {at}")
            file.write_text(json.dumps(asdict(done)))
    return tally


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _fuzz(name: str, file: Path, args: argparse.Namespace) -> None:
    """The files of one reader, from where the tally stands."""
    from fuzz_readers import READERS

    warnings.simplefilter("ignore")
    reader = next(reader for reader in READERS if reader.name == name)
    tally, place = Tally(**json.loads(file.read_text())), file.with_suffix(".at")
    signal.signal(signal.SIGPROF, _stop)
    with tempfile.TemporaryDirectory() as folder:
        seeds = reader.seeds()
        for seed in seeds:
            assert reader.read(Path(folder), seed), f"the sound file of {name} is not read"
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff writes there what it thinks of a file
        _limit_memory()
        for number in range(tally.inputs, args.inputs):
            place.write_text(str(number))
            chance = random.Random(f"{args.seed}|{name}|{number}")
            content = reader.damage(chance.choice(seeds), chance)
            begun = time.process_time()
            fault = _outcome(reader.read, Path(folder), content, tally)
            tally.worst = max(tally.worst, time.process_time() - begun)
            tally.inputs = number + 1
            if fault:
                tally.add(fault, _shown(number, content, args.keep))
            if fault or number % 50 == 0:
                file.write_text(json.dumps(asdict(tally)))
    file.write_text(json.dumps(asdict(tally)))


def _outcome(read: object, folder: Path, content: bytes, tally: Tally) -> str | None:
    """Counts a result or a refusal in one line; says what else came."""
    assert callable(read)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        taken = read(folder, content)
    except TooSlow:
        return f"more than {SECONDS} seconds"
    except Exception as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        from gansmith.data.label_matching import NoSampleNamedError
        from gansmith.refusal import Refusal

        text = str(error)
        if type(error) in (ValueError, Refusal, NoSampleNamedError) and text and text == text.splitlines()[0]:
            tally.refused += 1
            return None
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(last.filename).name}, {last.name}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    tally.accepted += bool(taken)
    tally.refused += not taken
    return None


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _shown(number: int, content: bytes, keep: Path | None) -> str:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
    text = content.hex() if len(content) <= SHORT else f"{len(content):,} bytes"
    return f"input {number}: {text}"


def _section(tallies: dict[str, Tally], args: argparse.Namespace) -> str:
    lines = [
        "## Damaged files",
        "",
        f"{args.inputs:,} files for each reader, made of sound ones (seed {args.seed}): changed bits, fields at their "
        "extremes, cut, repeated and moved pieces, values of odd types and sizes, new chunks under right checksums. "
        "Each is to be taken, or refused by an error in one line, within "
        f"{SECONDS} seconds of CPU and {MEMORY >> 30} GiB of memory; anything else is found.",
        "",
        _table(tallies),
    ]
    return "\n".join(lines)


def _table(tallies: dict[str, Tally]) -> str:
    rows = ["| reader | files | refused | taken | worst, seconds | found |", "|---|---|---|---|---|---|"]
    for name, tally in tallies.items():
        found = Counter(tally.times).total()
        rows.append(
            f"| {name} | {tally.inputs:,} | {tally.refused:,} | {tally.accepted:,} | {tally.worst:.2f} | {found:,} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
