"""Features of the samples of a dataset, cached between runs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gansmith.data.dataset import Dataset
from gansmith.data.progress import Progress
from gansmith.evaluate.cache import cached_features
from gansmith.evaluate.features import Features, extract

AT_ONCE = 2**23  # values of pictures in memory at a time: 32 MiB


def data_features(features: Features, data: Dataset, index: Tensor, *, keep: bool = True) -> Tensor:
    """Features (n, d) of the samples at `index`, from the cache or stored there; vectors are their own features.

    Arguments:
        features: which features.
        data: the dataset.
        index: int64 positions of the samples, shape `(n,)`.
        keep: whether to use the cache.
    """
    if not data.is_images:
        return data.values(index)

    def parts() -> Iterator[Tensor]:
        rows, done = max(1, AT_ONCE // data.x[0].numel()), 0
        with Progress("features of real pictures", len(index)) as show:
            for part in torch.split(index, rows):
                yield data.crop(data.values(part))
                done += len(part)
                show(done)

    if not keep:
        return extract(features, parts())
    # the fingerprint does not cover the padding, which is cropped
    return cached_features(features, f"{data.fingerprint} {data.content}", index, lambda: extract(features, parts()))
