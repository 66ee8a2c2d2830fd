"""A map of codes: samples in the plane, near each other where their codes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gansmith.counting import counted
from gansmith.drawing.words import FONT, legible

MOST = 1000  # points: t-SNE of them takes two seconds
LEAST = 50  # codes below which neighborhoods say nothing: the two main directions are shown
COLORS = (
    *("#4c8fd0", "#e0812f", "#3fa06b", "#d4545c", "#9470c8"),
    *("#a3765c", "#dd78b4", "#8a9196", "#a9a42f", "#28a9b8"),
)
OTHER = "#c3c9cc"


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


def draw_codes(axes: Any, codes: Codes) -> None:
    """Points colored by label, with a legend.

    Twenty classes have marks of their own, the more frequent first: dots, then rings in the same colors. Others, and
    samples without a label, are gray.

    Arguments:
        axes: matplotlib's.
        codes: what is shown.

    Raises:
        ValueError: codes are no matrix of two columns at least, or labels are not one for each code.
    """
    x, labels = _finite(codes)
    places, how = project(x)
    axes.set_xlabel(f"{counted(len(x), 'code')}, by {how}", fontsize=10, color="#444444", loc="left", fontfamily=FONT)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[["left", "bottom"]].set_visible(False)
    if labels is None:
        axes.scatter(*places.T.numpy(), s=26, color=COLORS[0], alpha=0.8, linewidths=0)
        return
    kept = frequent_classes(labels)
    others = ~torch.isin(labels, torch.tensor(kept, dtype=labels.dtype))
    if bool(others.any()):
        axes.scatter(*places[others].T.numpy(), s=20, color=OTHER, linewidths=0, label="other classes, or none")
    for i, label in enumerate(kept):
        name = legible(codes.names[label] if label < len(codes.names) else str(label), 24)
        name = f" {name}" if name.startswith("_") else name  # matplotlib hides such labels
        color, ring = COLORS[i % len(COLORS)], i >= len(COLORS)
        style = {"facecolors": "none" if ring else color, "edgecolors": color, "linewidths": 1.4 if ring else 0}
        axes.scatter(*places[labels == label].T.numpy(), s=26, label=name.replace("$", "\\$"), alpha=0.85, **style)
    if kept:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, prop={"family": FONT, "size": 9})


def frequent_classes(labels: Tensor) -> list[int]:
    """The labels that have a mark of their own, ascending."""
    known, counts = torch.unique(labels[labels >= 0], return_counts=True)
    kept: list[int] = known[counts.argsort(descending=True, stable=True)][: 2 * len(COLORS)].sort().values.tolist()
    return kept


def project(codes: Tensor) -> tuple[Tensor, str]:
    """Codes (n, d) to places (n, 2) in the plane, and how: t-SNE, or principal components of few or equal codes."""
    centered = codes - codes.mean(0)
    if len(codes) < LEAST or not bool(centered.abs().max() > 0):
        _, _, axes = torch.linalg.svd(centered, full_matrices=False)
        return centered @ axes[:2].T, "their two principal components"
    from sklearn.manifold import TSNE

    tsne = TSNE(init="pca", random_state=0, perplexity=min(30, len(codes) / 4))
    return torch.from_numpy(tsne.fit_transform(centered.numpy())).float(), "t-SNE"


def _finite(given: Codes) -> tuple[Tensor, Tensor | None]:
    codes, labels = given.codes.detach().float().cpu(), given.labels
    if codes.ndim != 2 or codes.shape[1] < 2:
        raise ValueError(
            f"needs codes of shape (n, d), d at least 2, but got {tuple(codes.shape)}: flatten each to a row"
        )
    if labels is not None and labels.shape != codes.shape[:1]:
        raise ValueError(
            f"needs a label for each of {len(codes)} codes, but got {tuple(labels.shape)}: choose both alike"
        )
    kept = codes.isfinite().all(1).nonzero().flatten()[:MOST]
    if len(kept) < 3:
        raise ValueError(f"needs at least 3 finite codes, but got {len(kept)}: encode more samples")
    return codes[kept], None if labels is None else labels.cpu()[kept]
