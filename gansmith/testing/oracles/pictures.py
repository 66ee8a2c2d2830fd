"""Random changes of pictures, batches and the split of data: by counting."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gansmith.data.augment import Augment
from gansmith.data.dataset import assemble
from gansmith.data.raw_data import RawData
from gansmith.regularizers.consistency import flip_and_shift
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import Array

DERIVATION = "derivation"
EPOCHS, PICTURES = 50, 200


def _shares(changed: Array, whole: Array, mode: str) -> Array:
    """How often each of the 18 crops of a picture padded by one pixel, mirrored or not, occurs; and no such crop."""
    side = len(whole)
    padded = np.pad(whole, 1, mode=mode)  # type: ignore[call-overload]
    crops = [padded[i : i + side, j : j + side] for i in range(3) for j in range(3)]
    every = np.stack([each for crop in crops for each in (crop, crop[:, ::-1])])
    equal = (changed[:, None] == every[None]).all((2, 3))
    return np.append(equal.mean(0), (~equal.any(1)).mean())


def _moves() -> tuple[Tensor, Tensor]:
    """Positions and epochs, all pairs."""
    index, epoch = np.meshgrid(np.arange(PICTURES), np.arange(EPOCHS))
    return torch.as_tensor(index.ravel()), torch.as_tensor(epoch.ravel())


@claim(
    "augmentation by flips and shifts of one pixel: each of numpy's 18 crops of the edge-padded picture is as frequent "
    "(10,000 draws)",
    source=DERIVATION,
    tolerance=1e-2,
)
def _() -> Pair:
    index, epoch = _moves()
    whole = torch.arange(16).view(1, 1, 4, 4)
    changed = Augment(flip=True, shift=1)(whole.expand(len(index), 1, 4, 4), index, epoch, seed=3)
    return _shares(changed[:, 0].numpy(), whole[0, 0].numpy(), "edge"), np.array([1 / 18] * 18 + [0])


@claim(
    "augmentation is a function of (seed, epoch, picture): the same in any batch, and another in another epoch or seed",
    source=DERIVATION,
    tolerance=1e-2,
)
def _() -> Pair:
    index, epoch = _moves()
    whole, augment = torch.arange(16).view(1, 1, 4, 4), Augment(flip=True, shift=1)

    def changed(rows: Tensor, seed: int = 3, later: int = 0) -> Tensor:
        return augment(whole.expand(len(rows), 1, 4, 4), index[rows], epoch[rows] + later, seed)

    order = torch.as_tensor(np.random.default_rng(4).permutation(len(index)))
    alone = torch.cat([changed(part) for part in order[:300].split(7)])
    others = [alone, changed(order[:300]), changed(order, seed=4), changed(order, later=EPOCHS)]
    same = [(other == changed(order)[: len(other)]).all(3).all(2).all(1).double().mean() for other in others]
    return torch.stack(same), np.array([1, 1, 1 / 18, 1 / 18])  # by chance one in 18 is the same


@claim(
    "consistency's flips and shifts, up to an eighth of a side: each of numpy's 18 crops of the reflected picture is "
    "as frequent (10,000 draws)",
    source="Zhang et al., 2019",
    tolerance=1e-2,
)
def _() -> Pair:
    whole = torch.arange(64.0).view(1, 1, 8, 8)
    changed = flip_and_shift(whole.expand(10_000, 1, 8, 8))
    assert isinstance(changed, Tensor)
    return _shares(changed[:, 0].numpy(), whole[0, 0].numpy(), "reflect"), np.array([1 / 18] * 18 + [0])


@claim(
    "batches: every training sample once in each epoch, no held-out one, in another order in each; a tenth is held out",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    data = assemble(RawData(torch.arange(30.0)[:, None]), "numbers", "numbers")
    drawn = np.concatenate([data.batch(seed=5, draw=i, size=6).x[:, 0].numpy() for i in range(9)])
    first, second = drawn.reshape(2, -1)  # two epochs of 27, in nine batches of six
    held_out = data.held_out.numpy()
    training = np.setdiff1d(np.arange(30), held_out)
    measured = [np.sort(first), np.sort(second), np.array([len(held_out), (first == second).all()])]
    return np.concatenate(measured), np.concatenate([training, training, np.array([3, 0])])
