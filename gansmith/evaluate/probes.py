"""Probes: what the codes of an encoder contain about classes and about the latents of generated images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.evaluate.neighbors import nearest
from gansmith.evaluate.vectors import vector_pair, vectors


def linear_probe(train: Tensor, train_labels: Tensor, codes: Tensor, labels: Tensor) -> float:
    r"""Accuracy of a logistic regression on codes: how far classes are linearly separable.

    Codes are standardized with the mean and deviation of the training codes. The penalty is
    :math:`\lVert W \rVert^2 / 2` beside the sum of the losses (scikit-learn's C = 1).

    Arguments:
        train: codes to fit on, shape `(n, d)`.
        train_labels: their classes, shape `(n,)`.
        codes: codes of other samples, shape `(m, d)`.
        labels: their classes, shape `(m,)`.

    Returns:
        The accuracy on these.

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
        warnings.simplefilter("ignore", ConvergenceWarning)  # the accuracy no longer changes by then
        model.fit(train.cpu().numpy(), train_labels.cpu().numpy())
    predicted = torch.from_numpy(model.predict(codes.cpu().numpy()))
    return float((predicted == labels.cpu()).double().mean())


def neighbor_probe(train: Tensor, train_labels: Tensor, codes: Tensor, labels: Tensor, *, k: int = 5) -> float:
    """Accuracy of a k-nearest-neighbor classifier on codes: how far neighbors have the same class.

    Among equally frequent classes the smallest label is predicted.

    Arguments:
        train: codes to search for neighbors, shape `(n, d)`.
        train_labels: their classes, shape `(n,)`.
        codes: codes of other samples, shape `(m, d)`.
        labels: their classes, shape `(m,)`.
        k: how many neighbors vote; all if there are fewer.

    Returns:
        The accuracy on these.

    Raises:
        ValueError: where numbers or dimensions differ, a value is not finite, or there are fewer than two classes.

    Example:
        >>> codes = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
        >>> classes = torch.tensor([0, 0, 0, 1, 1, 1])
        >>> neighbor_probe(codes, classes, torch.tensor([[1.2], [9.0]]), torch.tensor([0, 1]), k=3)
        1.0
    """
    train, codes = _codes(train, train_labels, codes, labels)
    classes, place = train_labels.to(train.device).unique(return_inverse=True)
    _, rows = nearest(codes, train, min(k, len(train)))
    votes = torch.zeros(len(codes), len(classes), device=train.device)
    votes.scatter_add_(1, place[rows], torch.ones_like(rows, dtype=votes.dtype))
    predicted = classes[votes.argmax(1)]
    return float((predicted == labels.to(predicted.device)).double().mean())


@dataclass(frozen=True)
class Correlation:
    """Correlation of codes with the latents of the same images; 1 is best, 0 is chance or a constant.

    Attributes:
        per_sample: mean over samples of the correlation over coordinates; O-GAN maximizes it.
        per_coordinate: mean over coordinates of the correlation over samples.
    """

    per_sample: float
    per_coordinate: float


def latent_correlation(latents: Tensor, codes: Tensor) -> Correlation:
    r"""Pearson's correlation of latents z with the codes :math:`E(G(z))`: whether the encoder inverts the generator.

    .. math::
        \operatorname{mean}_i \rho_j(z_{ij}, e_{ij}) \quad \text{and} \quad \operatorname{mean}_j \rho_i(z_{ij}, e_{ij})

    The first does not change with a shift and a scale of each code, the second not with those of each coordinate.
    Adding a constant code to all codes lowers only the first.

    Arguments:
        latents: z, shape `(n, d)`, n and d at least 2.
        codes: codes of the images generated from them, shape `(n, d)`.

    Raises:
        ValueError: where the shapes differ, n or d is below 2, or a value is not finite.

    References:
        O-GAN: Extremely Concise Approach for Auto-Encoding Generative Adversarial Networks, Su, 2019,
        https://arxiv.org/abs/1903.01931.

    Example:
        >>> z = torch.tensor([[0.0, 1.0, 3.0], [2.0, 0.0, 1.0], [1.0, 1.0, -1.0]])
        >>> correlation = latent_correlation(z, 5 * z + 7)
        >>> round(correlation.per_sample, 6), round(correlation.per_coordinate, 6)
        (1.0, 1.0)
    """
    if latents.shape != codes.shape:
        raise ValueError(
            f"needs a code for each latent, of as many numbers, but got {tuple(latents.shape)} and "
            f"{tuple(codes.shape)}: encode what was made of these latents"
        )
    z, e = vector_pair(latents, codes, "latents and codes", least=2)
    if z.shape[1] < 2:
        raise ValueError("needs codes of at least 2 numbers, but got 1: a correlation needs two")
    return Correlation(_correlation(z, e, 1), _correlation(z, e, 0))


def _correlation(x: Tensor, y: Tensor, dim: int) -> float:
    """Mean correlation along a dimension; it is 0 for a constant."""

    def standard(a: Tensor) -> Tensor:
        centered = a - a.mean(dim, keepdim=True)
        size, rounding = (torch.linalg.vector_norm(b, dim=dim, keepdim=True) for b in (centered, 1e-12 * a))
        return torch.where(size > rounding, centered / size, 0.0)

    return float((standard(x) * standard(y)).sum(dim).mean())


def _codes(train: Tensor, train_labels: Tensor, codes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    train, codes = vector_pair(train, vectors(codes, "codes"), "codes")
    for x, y in ((train, train_labels), (codes, labels)):
        if y.shape != x.shape[:1]:
            raise ValueError(
                f"needs one label for each code, shape ({len(x)},), but got {tuple(y.shape)}: "
                "give the labels of these codes"
            )
    if len(train_labels.unique()) < 2:
        raise ValueError("needs codes of at least two classes, but got one: give labels of more")
    return train, codes
