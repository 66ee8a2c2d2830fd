"""Probes: what the codes of an encoder know of classes and of the latents that images were made from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.evaluate.neighbors import nearest
from gansmith.evaluate.vectors import alike, vectors


def linear_probe(train: Tensor, train_labels: Tensor, codes: Tensor, labels: Tensor) -> float:
    r"""Accuracy of a logistic regression on codes: how far classes are a matter of straight cuts.

    Codes are standardized by those it is fitted on; the penalty is :math:`\lVert W \rVert^2 / 2` beside the sum of the
    losses (scikit-learn's C = 1).

    Arguments:
        train: codes to fit on, shape `(n, d)`.
        train_labels: their classes, shape `(n,)`.
        codes: codes of other samples, shape `(m, d)`.
        labels: their classes, shape `(m,)`.

    Returns:
        The share of the others whose class it names.

    Raises:
        ValueError: where numbers or dimensions differ, a value is not finite, or there are fewer than two classes.

    References:
        Understanding intermediate layers using linear classifier probes, Alain, Bengio, 2016,
        https://arxiv.org/abs/1610.01644.

    Example:
        >>> codes = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
        >>> linear_probe(codes, torch.tensor([0, 0, 1, 1]), codes * 3, torch.tensor([0, 0, 1, 0]))
        0.75
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, codes = _codes(train, train_labels, codes, labels)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # by then the accuracy stands
        model.fit(train.cpu().numpy(), train_labels.cpu().numpy())
    named = torch.from_numpy(model.predict(codes.cpu().numpy()))
    return float((named == labels.cpu()).double().mean())


def neighbor_probe(train: Tensor, train_labels: Tensor, codes: Tensor, labels: Tensor, *, k: int = 5) -> float:
    """Accuracy of the most frequent class among the k nearest codes: how far neighbors are of one class.

    Of equally frequent classes the smallest is taken.

    Arguments:
        train: codes among which neighbors are sought, shape `(n, d)`.
        train_labels: their classes, shape `(n,)`.
        codes: codes of other samples, shape `(m, d)`.
        labels: their classes, shape `(m,)`.
        k: how many neighbors vote; all, where there are fewer.

    Returns:
        The share of the others whose class is named.

    Raises:
        ValueError: where numbers or dimensions differ, a value is not finite, or there are fewer than two classes.

    Example:
        >>> codes = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
        >>> classes = torch.tensor([0, 0, 0, 1, 1, 1])
        >>> neighbor_probe(codes, classes, torch.tensor([[1.2], [9.0]]), torch.tensor([0, 1]), k=3)
        1.0
    """
    train, codes = _codes(train, train_labels, codes, labels)
    known, place = train_labels.to(train.device).unique(return_inverse=True)
    _, rows = nearest(codes, train, min(k, len(train)))
    votes = torch.zeros(len(codes), len(known), device=train.device)
    votes.scatter_add_(1, place[rows], torch.ones_like(rows, dtype=votes.dtype))
    named = known[votes.argmax(1)]
    return float((named == labels.to(named.device)).double().mean())


@dataclass(frozen=True)
class Correlation:
    """How codes go along with the latents of the same images; 1 is the best, 0 is chance and constants.

    Attributes:
        per_sample: mean over samples of the correlation over coordinates, which O-GAN's game learns.
        per_coordinate: mean over coordinates of the correlation over samples.
    """

    per_sample: float
    per_coordinate: float


def latent_correlation(latents: Tensor, codes: Tensor) -> Correlation:
    r"""Pearson's correlation of latents z with the codes :math:`E(G(z))`: whether an encoder inverts its generator.

    .. math::
        \operatorname{mean}_i \rho_j(z_{ij}, e_{ij}) \quad \text{and} \quad \operatorname{mean}_j \rho_i(z_{ij}, e_{ij})

    The first is blind to a shift and a scale of each code, the second to those of each coordinate: a mean code added
    to all of them lowers the first only.

    Arguments:
        latents: z, shape `(n, d)`, n and d at least 2.
        codes: of the images made from them, shape `(n, d)`.

    Raises:
        ValueError: where the shapes differ, there are fewer than two of something, or a value is not finite.

    References:
        O-GAN: Extremely Concise Approach for Auto-Encoding Generative Adversarial Networks, Su, 2019,
        https://arxiv.org/abs/1903.01931.

    Example:
        >>> z = torch.tensor([[0.0, 1.0, 3.0], [2.0, 0.0, 1.0], [1.0, 1.0, -1.0]])
        >>> found = latent_correlation(z, 5 * z + 7)
        >>> round(found.per_sample, 6), round(found.per_coordinate, 6)
        (1.0, 1.0)
    """
    if latents.shape != codes.shape:
        raise ValueError(
            f"needs a code for each latent, of as many numbers, but got {tuple(latents.shape)} and "
            f"{tuple(codes.shape)}: encode what was made of these latents"
        )
    z, e = alike(latents, codes, "latents and codes", least=2)
    if z.shape[1] < 2:
        raise ValueError("needs codes of at least 2 numbers, but got 1: a single number correlates with nothing")
    return Correlation(_correlation(z, e, 1), _correlation(z, e, 0))


def _correlation(x: Tensor, y: Tensor, dim: int) -> float:
    """Mean correlation along a dimension; what is constant has none."""

    def standard(a: Tensor) -> Tensor:
        centered = a - a.mean(dim, keepdim=True)
        size, rounding = (torch.linalg.vector_norm(b, dim=dim, keepdim=True) for b in (centered, 1e-12 * a))
        return torch.where(size > rounding, centered / size, 0.0)

    return float((standard(x) * standard(y)).sum(dim).mean())


def _codes(train: Tensor, train_labels: Tensor, codes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    train, codes = alike(train, vectors(codes, "codes"), "codes")
    for x, y in ((train, train_labels), (codes, labels)):
        if y.shape != x.shape[:1]:
            raise ValueError(f"needs one label a code, shape ({len(x)},), but got {tuple(y.shape)}: give those of them")
    if len(train_labels.unique()) < 2:
        raise ValueError("needs codes of at least two classes, but got one: give labels of more")
    return train, codes
