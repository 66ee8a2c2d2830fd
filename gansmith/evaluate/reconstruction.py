"""Errors of reconstructions, and principal components as a linear baseline of the same code size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.evaluate.classes import Judge
from gansmith.evaluate.vectors import vectors


@dataclass(frozen=True)
class ReconstructionError:
    """Error of reconstructions with values in [-1, 1].

    Attributes:
        mse: mean squared error per value (pixel and channel), between 0 and 4.
        psnr: peak signal-to-noise ratio in dB, 10 log10(4 / mse); infinite for perfect ones.
    """

    mse: float
    psnr: float


def reconstruction_error(x: Tensor, y: Tensor) -> ReconstructionError:
    r"""Mean squared error and peak signal-to-noise ratio of reconstructions.

    .. math::
        \text{MSE} = \frac{1}{n\,d} \sum_i \lVert x_i - y_i \rVert^2, \qquad
        \text{PSNR} = 10 \log_{10} \frac{2^2}{\text{MSE}}

    The range of the values is 2, from -1 to 1. The PSNR comes from the mean error of all images; it is
    not the mean of their PSNR, which a single perfect reconstruction would make infinite.

    Arguments:
        x: originals, values in [-1, 1], shape `(n, ...)`.
        y: their reconstructions, same shape.

    Raises:
        ValueError: where the shapes differ, there are no images, or a value is not finite.

    Example:
        >>> reconstruction_error(torch.ones(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.75))
        ReconstructionError(mse=0.0625, psnr=18.06...)
    """
    check_same_shape(x, y)
    x, y = vectors(x.flatten(1), "originals"), vectors(y.flatten(1), "reconstructions")
    mse = float((x - y.to(x.device)).square().mean())
    return ReconstructionError(mse, 10 * math.log10(4 / mse) if mse > 0 else math.inf)


class PrincipalComponents:
    r"""Principal components: the best linear code of `size` numbers, a baseline for every encoder.

    .. math::
        c(x) = V^T (x - m), \qquad \hat x = m + V c(x), \qquad V \text{ the first eigenvectors of the covariance}

    Arguments:
        train: samples to fit on, shape `(n, ...)`.
        size: the dimension of codes, at most n - 1 and at most the numbers in a sample.

    Raises:
        ValueError: where a value is not finite, or `size` does not fit.

    References:
        On lines and planes of closest fit to systems of points in space, Pearson, 1901,
        https://doi.org/10.1080/14786440109462720.

    Example:
        >>> line = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
        >>> components = PrincipalComponents(line, size=1)
        >>> components.decode(components.encode(torch.tensor([[4.0, 0.0]])))
        tensor([[2., 2.]])
    """

    def __init__(self, train: Tensor, size: int) -> None:
        from sklearn.decomposition import PCA

        flat = vectors(train.flatten(1), "training samples", least=2)
        largest = min(len(flat) - 1, flat.shape[1])
        if not 1 <= size <= largest:
            raise ValueError(
                f"needs a code of 1 to {largest} numbers, but got {size}: {len(flat)} samples of {flat.shape[1]} "
                "numbers have no more components"
            )
        self._shape, self._dtype = train.shape[1:], train.dtype if train.is_floating_point() else torch.float32
        self._pca = PCA(size, random_state=0).fit(flat.cpu().numpy())

    def encode(self, x: Tensor) -> Tensor:
        """Codes (n, size) of samples (n, ...).

        Raises:
            ValueError: where the samples have another shape than those it was fitted on.
        """
        if x.shape[1:] != self._shape:
            raise ValueError(
                f"needs samples of one shape, but got {tuple(self._shape)} to fit and {tuple(x.shape[1:])} "
                "to reconstruct: crop or resize them first"
            )
        flat = vectors(x.flatten(1), "samples")
        return torch.from_numpy(self._pca.transform(flat.cpu().numpy())).to(x.device, self._dtype)

    def decode(self, codes: Tensor) -> Tensor:
        """Samples (n, ...) of codes (n, size). Values may be slightly outside of [-1, 1]; clamping improves them a
        little."""
        y = torch.from_numpy(self._pca.inverse_transform(codes.double().cpu().numpy()))
        return y.to(codes.device, self._dtype).view(len(codes), *self._shape)


def pca_reconstruct(train: Tensor, x: Tensor, size: int) -> Tensor:
    """Reconstructions of `x` (m, ...) by `PrincipalComponents` fitted on `train` (n, ...).

    Raises:
        ValueError: where the samples differ in shape, a value is not finite, or `size` does not fit.

    Example:
        >>> line = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
        >>> pca_reconstruct(line, torch.tensor([[4.0, 0.0]]), size=1)
        tensor([[2., 2.]])
    """
    components = PrincipalComponents(train, size)
    return components.decode(components.encode(x))


def same_class_share(judge: Judge, x: Tensor, y: Tensor) -> float:
    r"""Share of reconstructions with the same predicted class as their original.

    .. math::
        \frac{1}{n} \sum_i 1[\text{judge}(x_i) = \text{judge}(y_i)]

    Against the judge's own opinion of the original, not its label: a judge's errors on originals are not the
    encoder's.

    Arguments:
        judge: anything with `predict(x) -> labels (n,)`, e.g. a `ClassJudge`.
        x: originals, shape `(n, ...)`.
        y: their reconstructions, same shape.

    Raises:
        ValueError: where the shapes differ or there are no images.

    Example:
        >>> class Sign:
        ...     def predict(self, x):
        ...         return (x.sum(1) > 0).long()
        >>> x = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
        >>> same_class_share(Sign(), x, x.abs())
        0.5
    """
    check_same_shape(x, y)
    return float((judge.predict(x) == judge.predict(y)).double().mean())


def check_same_shape(x: Tensor, y: Tensor) -> None:
    r"""Raises an error unless originals and reconstructions have one shape.

    Raises:
        ValueError: where the shapes differ or there are no images.
    """
    if x.shape != y.shape or not len(x):
        raise ValueError(
            f"needs originals and reconstructions of one shape (n, ...), n at least 1, but got "
            f"{tuple(x.shape)} and {tuple(y.shape)}: give each original its reconstruction"
        )
