"""Thirty errors all over the library, each a change of one line: which turn a claim of `gansmith verify` red?

python benchmarks/planted_errors.py [COMMIT ...]

Measures the commits named, HEAD by default, each in a clone of its own; about two minutes a commit.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any

from results import record

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch.optim", "scipy.stats", "scipy.optimize", "sklearn.svm", "sklearn.linear_model", "sklearn.decomposition")


@dataclass(frozen=True)
class Error:
    """One change of the text of a file.

    Arguments:
        words: what is wrong then.
        file: below ``gansmith/``.
        right: the text, which the file holds once.
        wrong: what stands in its place.
    """

    words: str
    file: str
    right: str
    wrong: str

    def plant(self, root: Path) -> None:
        """Changes the file below ``root``.

        Raises:
            ValueError: the file does not hold the text once.
        """
        file = root / "gansmith" / self.file
        text = file.read_text(encoding="utf-8")
        if text.count(self.right) != 1:
            raise ValueError(f"needs {self.right!r} once in {self.file}, but found it {text.count(self.right)} times")
        file.write_text(text.replace(self.right, self.wrong), encoding="utf-8")


ERRORS = [
    Error("the hinge's margin of fake samples is 0", "objectives/pointwise.py", "relu(1 + t)", "relu(t)"),
    Error("the mean over the other batch is over one's own", "objectives/relativistic.py", "low - high.", "low - low."),
    Error(
        "the witness of maps is a sum over places",
        "objectives/patchwise.py",
        "scores.flatten(1).mean(1)",
        "scores.flatten(1).sum(1)",
    ),
    Error("the loss of scales is their mean", "objectives/several.py", "torch.stack(losses).sum()", "sum(losses) / 2"),
    Error(
        "the adaptive weight is upside down",
        "objectives/balance.py",
        "weights[0] / (weights[1] + eps)",
        "weights[1] / (weights[0] + eps)",
    ),
    Error("MMD's witness is a sum over samples", "objectives/kernel.py", "anchor).mean(1)", "anchor).sum(1)"),
    Error("LeCam's form is one-sided where it is not asked", "regularizers/lecam.py", "if self.one", "if not self.one"),
    Error("a lazy term counts each move twice", "regularizers/lazy.py", "self.count += 1", "self.count += 2"),
    Error(
        "shifted borders are repeated and not reflected",
        "regularizers/consistency.py",
        "(size - 1) - ((size - 1) - place).abs()",
        "place.clamp(max=size - 1)",
    ),
    Error("slopes on both sides are on real samples only", "regularizers/points.py", "[real, fake]", "[real, real]"),
    Error(
        "DRAGAN's points lie around fake samples",
        "regularizers/dragan.py",
        "enumerate(parts(real))",
        "enumerate(parts(fake))",
    ),
    Error("unequal micro-batches count alike", "dynamics/pull.py", "share = len(rows) / n", "share = 1 / self.micro"),
    Error(
        "gradients of ranks are summed up",
        "dynamics/gradients.py",
        "flat /= dist.get_world_size(group)",
        "flat /= 1",
    ),
    Error("all moves see the first batch", "dynamics/base.py", "self.draws += 1", "self.draws += 0"),
    Error(
        "a rate falls less than its schedule says",
        "dynamics/schedules.py",
        "(done - self.start) / (1 - self.start)",
        "done - self.start",
    ),
    Error(
        "a look-ahead leaves the optimizers' state",
        "dynamics/extragradient.py",
        "save_optimizers(self.optimizers.values())",
        "save_optimizers([])",
    ),
    Error(
        "the average has no warm-up", "games/average.py", "1 - min(self.decay, (1 + t) / (10 + t))", "1 - self.decay"
    ),
    Error(
        "the average follows twice a step",
        "training/loop.py",
        "        self._average.update_parameters(stage.game)\n",
        "        self._average.update_parameters(stage.game)\n" * 2,
    ),
    Error(
        "a resumed run forgets its average",
        "training/loop.py",
        'self._average.load_state_dict(versioned(state["average"], state.get("versions"), "module."))',
        "pass",
    ),
    Error(
        "codes are not scaled to the latent", "games/ogan.py", "self.free(codes) * self.latent.std", "self.free(codes)"
    ),
    Error("an interpolation runs backwards", "games/base.py", "u.lerp(v, t)", "v.lerp(u, t)"),
    Error(
        "a folded network has the weights before normalization",
        "networks/spectral.py",
        "values = {name: getattr(module, name).clone() for name in chains}",
        "values = {name: chains[name].original.clone() for name in chains}",
    ),
    Error("a jackknife's error is doubled", "evaluate/interval.py", "(a[name] - b[name]) / 2", "a[name] - b[name]"),
    Error(
        "covariances are over n", "evaluate/frechet.py", "self.scatter / (self.count - 1)", "self.scatter / self.count"
    ),
    Error(
        "a training sample's spacing is 0",
        "evaluate/memorization.py",
        "nearest(train[rows], train, 2)[0][:, 1]",
        "nearest(train[rows], train, 2)[0][:, 0]",
    ),
    Error(
        "a probe is fitted on the codes that it is tried on",
        "evaluate/probes.py",
        "model.fit(train.cpu().numpy(), train_labels.cpu().numpy())",
        "model.fit(codes.cpu().numpy(), labels.cpu().numpy())",
    ),
    Error(
        "neighborhoods hold their border",
        "evaluate/manifold.py",
        "inside = squares < dense",
        "inside = squares <= dense",
    ),
    Error("a picture is moved alike in every epoch", "data/augment.py", '|augment|{walk}"', '|augment"'),
    Error(
        "an epoch's last batch goes on with the same epoch",
        "data/epochs.py",
        "_permutation(seed, epoch + 1, n)",
        "_permutation(seed, epoch, n)",
    ),
    Error(
        "held-out samples are trained on", "data/dataset.py", "is_train[held_out] = False", "is_train[held_out] = True"
    ),
]


def main(commits: list[str]) -> None:
    for name in HEAVY:
        import_module(name)  # once, before the processes part
    found = {commit: _measure(commit) for commit in commits}
    lines = [
        "## Errors planted all over the library\n",
        "The first claim of `gansmith verify` that turns red when one line of the library is wrong; a dash where none "
        "does.\n",
        f"| planted in | error | {' | '.join(commits)} |",
        "|---|---|" + "---|" * len(commits),
    ]
    for error in ERRORS:
        claims = " | ".join(found[commit][error.words].replace("|", "\\|")[:60] or "-" for commit in commits)
        lines.append(f"| {error.file} | {error.words} | {claims} |")
    seen = (str(sum(map(bool, red.values()))) for red in found.values())
    lines.append(f"| | seen, of {len(ERRORS)} | {' | '.join(seen)} |")
    record("planted errors", "\n".join(lines))


def _measure(commit: str) -> dict[str, str]:
    """The claim that fails under each error; of those that call something in its file, for no other can."""
    with tempfile.TemporaryDirectory() as folder, get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        subprocess.run(["git", "checkout", "-q", commit], cwd=clone, check=True)
        called = pool.apply(_called, (clone,))
        found = {}
        for error in ERRORS:
            file = str(clone / "gansmith" / error.file)
            calling = sorted((n for n, files in called.items() if file in files), key=lambda n: len(called[n]))
            error.plant(clone)
            found[error.words] = pool.apply(_first_red, (clone, calling))
            print(f"{commit}: {error.words}: {found[error.words] or '-'}", file=sys.stderr, flush=True)
            subprocess.run(["git", "checkout", "-q", "."], cwd=clone, check=True)
        return found


def _claims(clone: Path) -> list[Any]:
    """In a process of its own, which has seen no other state of the library."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(clone))
    oracles = import_module("gansmith.testing.oracles")
    assert str(oracles.__file__).startswith(str(clone))
    claims: list[Any] = oracles.CLAIMS
    return claims


def _called(clone: Path) -> dict[int, set[str]]:
    """The files whose functions each claim calls."""
    called, files = {}, set[str]()

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            files.add(frame.f_code.co_filename)

    for number, claim in enumerate(_claims(clone)):
        files.clear()
        sys.setprofile(look)
        holds = claim.measure().holds
        sys.setprofile(None)
        if not holds:
            raise ValueError(f"needs claims that hold without an error, but this one fails: {claim.claim}")
        called[number] = {file for file in files if file.startswith(str(clone))}
    return called


def _first_red(clone: Path, numbers: list[int]) -> str:
    claims = _claims(clone) if numbers else []
    return next((str(claims[n].claim) for n in numbers if not claims[n].measure().holds), "")


if __name__ == "__main__":
    main(sys.argv[1:] or ["HEAD"])
