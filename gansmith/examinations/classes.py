"""Which classes appear among samples, as a judge sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from gansmith.counting import counted
from gansmith.evaluate.coverage import class_coverage, expected_divergence
from gansmith.examinations.base import MOST, PART, Examination, Subject, as_values, finite, generates
from gansmith.examinations.table import Bar, Table

ROWS = 100
"""Classes in a table: the most frequent ones."""
RARE = 0.1
"""Of its share among real samples, below which a class hardly appears."""


def fits(subject: Subject) -> bool:
    return generates(subject) and subject.judge is not None


def measure(subject: Subject) -> dict[str, Any]:
    """Shares of classes among samples, and among held-out ones as the same judge sees them."""
    judge, y = subject.judge, subject.data.y
    assert judge is not None and y is not None
    held_out = subject.labeled(subject.data.held_out, MOST)
    named = torch.cat([judge.predict(subject.cropped(part)) for part in torch.split(held_out, PART)])
    labels = torch.cat([judge.predict(as_values(part)) for part in torch.split(subject.samples, PART)])
    known = [int(c) for c in torch.unique(torch.cat([y[held_out], named]))]
    real = {c: float((named == c).double().mean()) for c in known}
    coverage = class_coverage(labels, real)
    numbers = {
        "judge_accuracy": float((named == y[held_out]).double().mean()),
        "names": [subject.data.class_name(c) for c in known],
        "shares": {str(c): float((labels == c).double().mean()) for c in known},
        "real_shares": {str(c): share for c, share in real.items()},
        "rarest": coverage.rarest,
        "covered": coverage.covered,
        "of": coverage.of,
        "kl": finite(coverage.kl),
        "kl_floor": expected_divergence(coverage.of, len(labels), len(named)),
    }
    return {"classes": numbers}


def sentences(numbers: dict[str, Any]) -> list[str]:
    classes = numbers.get("classes")
    if not classes:
        return []
    real, shares = classes.get("real_shares", {}), classes["shares"]
    rare = [key for key, share in shares.items() if share < RARE * real.get(key, 1 / len(shares))]
    seen, of = classes["of"] - len(rare), counted(classes["of"], "class", "classes")
    coverage = f"{f'{seen} of {of}' if rare or seen == 1 else f'all {of}'} appear{'s' if seen == 1 else ''}"
    care = "" if classes["judge_accuracy"] >= 0.9 else "; read with care"
    judge = f"judge: {classes['judge_accuracy']:.1%} right on real images{care}"
    return [f"{coverage}, the rarest {classes['rarest']:.1%} ({judge})"]


def tables(numbers: dict[str, Any]) -> list[Table]:
    classes = numbers.get("classes")
    if not classes:
        return []
    shares, real = classes["shares"], classes.get("real_shares", {})
    names = classes.get("names", list(shares))
    if len(shares) > ROWS:
        largest = sorted(zip(shares, names, strict=True), key=lambda pair: -max(shares[pair[0]], real.get(pair[0], 0)))
        shares = {key: shares[key] for key, _ in largest[:ROWS]}
        names = [name for _, name in largest[:ROWS]]
    most = max([*shares.values(), *real.values(), 1e-9])
    rows = [
        (
            str(name),
            f"{share:.1%}",
            f"{real[key]:.1%}" if key in real else "",
            Bar(share / most, real[key] / most if key in real else None),
        )
        for (key, share), name in zip(shares.items(), names, strict=True)
    ]
    caption = (
        f"The classes of {counted(numbers.get('samples', 0), 'sample')}, as a judge sees them that is right on "
        f"{classes['judge_accuracy']:.1%} of held-out ones. Bar: share among samples; line: among held-out ones, as "
        f"the same judge sees them{_divergence(classes)}."
    )
    return [Table(caption, ("class", "samples", "real", "side by side"), rows, words=(0, 3), wide=(3,))]


def _divergence(classes: Mapping[str, Any]) -> str:
    if classes.get("kl") is None:
        return ""
    floor = f"; a perfect generator has about {classes['kl_floor']:.2g}" if "kl_floor" in classes else ""
    return f" (divergence KL of the first from the second: {classes['kl']:.2g}{floor})"


CLASSES = Examination("classes", fits, measure, sentences, tables)
