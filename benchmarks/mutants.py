"""A mutation tool changes objectives and regularizers line by line; do the tests see it?

python -m venv .mutants && .mutants/bin/pip install cosmic-ray
python benchmarks/mutants.py .mutants/bin/cosmic-ray [SAMPLE] [SEED]

Works on a clone of its own; about ten seconds a mutant.
"""

from __future__ import annotations

import ast
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from results import record

ROOT = Path(__file__).resolve().parent.parent
MODULES = ["gansmith/objectives", "gansmith/regularizers"]
QUICK = "tests/test_laws.py tests/objectives tests/regularizers tests/test_mutants.py tests/test_sums.py"
FIRST = f"{QUICK} tests/test_duel.py {' '.join(MODULES)}"
SECOND = "tests/test_verify.py::test_claim tests/test_ranks.py"
NONSENSE = ("BitOr", "BitAnd", "BitXor", "LShift", "RShift")  # of floats: a TypeError that every test sees
Place = tuple[int, int]
Mutant = tuple[str, str, str, Place, Place]


def main(tool: str, sample: int = 120, seed: int = 0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        config, session = Path(folder) / "config.toml", Path(folder) / "session.sqlite"
        config.write_text(_config(folder))
        subprocess.run([tool, "init", str(config), str(session)], cwd=clone, check=True)
        counts = _choose(session, clone, sample, seed)
        subprocess.run([tool, "exec", str(config), str(session)], cwd=clone, check=True)
        _report(session, counts, seed)


def _config(folder: str) -> str:
    """The quick tests first, and the slower ones for what survives them."""
    script = Path(folder) / "test.sh"
    run = f"{sys.executable} -m pytest -q -x -p no:cacheprovider"
    script.write_text(
        f"export PYTHONPATH=$PWD OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1\n{run} {FIRST} && {run} {SECOND}\n"
    )
    modules = ", ".join(f'"{m}"' for m in MODULES)
    return (
        f"[cosmic-ray]\nmodule-path = [{modules}]\ntimeout = 180.0\nexcluded-modules = []\n"
        f'test-command = "bash {script}"\n[cosmic-ray.distributor]\nname = "local"\n'
    )


def _choose(session: Path, clone: Path, sample: int, seed: int) -> tuple[int, int]:
    """Leaves a sample in the session: in proportion to a file's mutants, at least three of each file."""
    columns = "job_id, module_path, operator_name, start_pos_row, start_pos_col, end_pos_row, end_pos_col"
    with sqlite3.connect(session) as base:
        rows = base.execute(f"select {columns} from mutation_specs").fetchall()
        by_file: dict[str, list[Mutant]] = defaultdict(list)
        for job, path, operator, row, column, end_row, end_column in rows:
            mutant = (str(job), str(path), str(operator), (row, column), (end_row, end_column))
            if not _is_text(mutant, clone) and not str(operator).endswith(NONSENSE):
                by_file[str(path)].append(mutant)
        left, chooser, kept = sum(map(len, by_file.values())), random.Random(seed), set[str]()
        for path in sorted(by_file):
            mutants = sorted(by_file[path], key=lambda m: (*m[3], m[2], *m[4]))
            share = max(3, round(sample * len(mutants) / left))
            kept |= {m[0] for m in chooser.sample(mutants, min(share, len(mutants)))}
        for (job,) in base.execute("select job_id from work_items").fetchall():
            if job not in kept:
                base.execute("delete from mutation_specs where job_id = ?", (job,))
                base.execute("delete from work_items where job_id = ?", (job,))
    return len(rows), left


def _is_text(mutant: Mutant, clone: Path) -> bool:
    """Within a docstring or a type hint, which no test can see."""
    _, path, _, start, end = mutant
    return any(a <= start and end <= b for a, b in _texts((clone / path).read_text()))


def _texts(source: str) -> list[tuple[Place, Place]]:
    found: list[ast.AST] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            found.append(node.body[0])
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            found.append(node.returns)
        if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
            found.append(node.annotation)
    places: list[tuple[Place, Place]] = []
    for node in found:
        assert isinstance(node, (ast.expr, ast.stmt))
        places.append(((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)))
    return places


def _report(session: Path, counts: tuple[int, int], seed: int) -> None:
    joined = "mutation_specs join work_results on mutation_specs.job_id = work_results.job_id"
    with sqlite3.connect(session) as base:
        rows = base.execute(
            f"select module_path, start_pos_row, operator_name, test_outcome, diff from {joined} order by 1, 2"
        ).fetchall()
    survived = [r for r in rows if "SURVIVED" in str(r[3])]
    lines = [
        "## Mutants of objectives and regularizers\n",
        f"cosmic-ray, seed {seed}: {counts[0]:,} mutants, {counts[1]:,} without docstrings, hints and bitwise "
        f"operators of floats; {len(rows)} sampled, {len(rows) - len(survived)} seen by a test, {len(survived)} "
        "survive.\n",
    ]
    if survived:
        lines += ["| survivor | change |", "|---|---|"]
    for path, row, _, _, diff in survived:
        changed = [line for line in str(diff).splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        lines.append(f"| {path}:{row} | {' '.join(f'`{line.strip()}`' for line in changed)} |".replace("||", "| |"))
    record("mutants", "\n".join(lines))


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()), *map(int, sys.argv[2:]))
