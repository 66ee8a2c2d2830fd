"""A map of codes: held-out samples in the plane, near each other where their codes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gansmith.report.markup import name, text

MOST = 1000  # points: t-SNE of them takes two seconds
LEAST = 50  # codes below which neighborhoods say nothing: the two main directions are shown
COLORS = 10
SIDE = 480


@dataclass(frozen=True)
class Codes:
    """What a map shows.

    Attributes:
        codes: (n, d), d at least 2; those that are not finite are left out.
        labels: (n,) from 0, negative where there is none; or None.
        names: of label 0, 1, ...; a class without one is called by its number.
    """

    codes: Tensor
    labels: Tensor | None = None
    names: Sequence[str] = field(default=())


def code_map(found: Codes) -> str:
    """A figure: points colored by label, with a legend.

    Twenty classes have marks of their own, the more frequent first: dots, then rings in the same colors. Others, and
    samples without a label, are gray.

    Raises:
        ValueError: codes are no matrix of two columns at least, or labels are not one for each code.

    Example:
        >>> "3 codes" in code_map(Codes(torch.eye(3), torch.tensor([0, 1, 1]), ["<cats>", "dogs"]))
        True
    """
    codes, labels = found.codes.detach().float().cpu(), found.labels
    if codes.ndim != 2 or codes.shape[1] < 2:
        raise ValueError(
            f"needs codes of shape (n, d), d at least 2, but got {tuple(codes.shape)}: flatten each to a row"
        )
    if labels is not None and labels.shape != codes.shape[:1]:
        raise ValueError(
            f"needs a label for each of {len(codes)} codes, but got {tuple(labels.shape)}: choose both alike"
        )
    kept = codes.isfinite().all(1).nonzero().flatten()[:MOST]
    codes, labels = codes[kept], None if labels is None else labels.cpu()[kept]
    if len(codes) < 3:
        raise ValueError(f"needs at least 3 finite codes, but got {len(codes)}: encode more samples")
    places, how = project(codes)
    shown, legend = _classes(labels, found.names)
    dots = _dots(places, [shown.get(int(c), "other") for c in labels] if labels is not None else ["c0"] * len(codes))
    colored = f", colored by {len(legend)} labels" if legend else ""
    said = f"{len(codes):,} codes of held-out samples{colored}, by {how}"
    entries = "".join(f'<li class="{mark}">{label}</li>' for mark, label in legend)
    return (
        f'<figure class="map"><svg viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{text(said)}">{dots}</svg>'
        f'<figcaption><p>{text(said)}.</p><ul class="legend">{entries}</ul></figcaption></figure>'
    )


def project(codes: Tensor) -> tuple[Tensor, str]:
    """Codes (n, d) to places (n, 2) in the plane, and how: t-SNE, or principal components of few or equal codes."""
    centered = codes - codes.mean(0)
    if len(codes) < LEAST or not bool(centered.abs().max() > 0):
        _, _, axes = torch.linalg.svd(centered, full_matrices=False)
        return centered @ axes[:2].T, "their two principal components"
    from sklearn.manifold import TSNE

    found = TSNE(init="pca", random_state=0, perplexity=min(30, len(codes) / 4)).fit_transform(centered.numpy())
    return torch.from_numpy(found).float(), "t-SNE (near stays near, distances between groups mean little)"


def _classes(labels: Tensor | None, names: Sequence[str]) -> tuple[dict[int, str], list[tuple[str, str]]]:
    """The mark of each class, and the legend in the order of the labels."""
    if labels is None:
        return {}, []
    known, counts = torch.unique(labels[labels >= 0], return_counts=True)
    frequent = known[counts.argsort(descending=True, stable=True)][: 2 * COLORS].sort().values.tolist()
    marks = {c: f"c{i % COLORS}" + (" ring" if i >= COLORS else "") for i, c in enumerate(frequent)}
    legend = [(mark, name(names[c]) if c < len(names) else str(c)) for c, mark in marks.items()]
    others = len(known) - len(frequent)
    return marks, [*legend, *([("other", f"{others} other classes")] if others else [])]


def _dots(places: Tensor, marks: Sequence[str]) -> str:
    low, high = places.amin(0), places.amax(0)
    room = float((high - low).max()) or 1.0
    at = ((places - (low + high) / 2) / room * (SIDE - 24) + SIDE / 2).tolist()
    return "".join(
        f'<circle class="{mark}" cx="{x:.1f}" cy="{y:.1f}" r="3.4"/>' for (x, y), mark in zip(at, marks, strict=True)
    )
