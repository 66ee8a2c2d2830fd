"""A batch keeps every field that data have, whatever is done to it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gansmith.batch import Batch
from gansmith.data import Dataset, load
from gansmith.games import GAN, Normal
from gansmith.networks import MLP
from gansmith.objectives import Hinge
from gansmith.recipes.pairs import adam
from gansmith.training import Experiment, Stage, Training, train


@dataclass(frozen=True)
class Asked(Batch):
    query: Tensor
    names: tuple[str, ...] = ()


def asked(n=6):
    return Asked(torch.randn(n, 2), torch.arange(n), torch.arange(n), query=torch.arange(n) * 10, names=("a", "b"))


def test_rows_keep_every_field():
    part = asked()[2:4]
    assert isinstance(part, Asked) and len(part) == 2
    assert part.query.tolist() == [20, 30] and part.y.tolist() == part.index.tolist() == [2, 3]
    assert part.names == ("a", "b")


def test_map_and_to_keep_every_field():
    batch = asked().map(lambda t: t.double())
    assert batch.query.dtype == batch.x.dtype == torch.float64 and batch.names == ("a", "b")
    moved = asked().to("meta")
    assert moved.query.device == moved.x.device == moved.y.device == torch.device("meta")


def test_no_labels_stay_no_labels():
    batch = Batch(torch.zeros(3, 1), None, torch.arange(3))
    assert batch.map(torch.neg).y is None and batch[:2].y is None and batch.to("cpu").y is None


class Queries(Dataset):
    """Data whose batches have a query each."""

    def batch(self, seed, draw, size):
        batch = super().batch(seed, draw, size)
        return Asked(batch.x, batch.y, batch.index, query=batch.index * 10)


def test_training_and_micro_batches_hand_every_field_to_the_players():
    seen = []

    class Watching(GAN):
        def critic_loss(self, batch):
            seen.append((len(batch), torch.equal(batch.query, batch.index * 10)))
            return super().critic_loss(batch)

    ring = load("ring", limit=200)
    data = Queries(**{name: getattr(ring, name) for name in ring.__dataclass_fields__})
    game = Watching(MLP(2, 2, 8), MLP(2, None, 8), Hinge(), Normal(2))
    dynamics = adam(game, 2, 1e-3)
    dynamics.pull = replace(dynamics.pull, micro=2)
    train(Training(Experiment([Stage(game, dynamics, data, 2, batch=16)]), device="cpu"))
    assert seen == [(8, True)] * 4
