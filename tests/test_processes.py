"""Training on two ranks: each takes its rows of the global batch, and the first alone looks on."""

from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from gansmith.data import load
from gansmith.dynamics import Alternating
from gansmith.games import GAN, Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating
from gansmith.regularizers import R1
from gansmith.training import Experiment, Hook, Stage, Training, train


class Watch(Hook):
    def __init__(self):
        self.steps = []

    def step(self, training):
        self.steps.append(training.step)


def trained(group=None, batch=15):
    torch.manual_seed(0)
    game = GAN(MLP(4, 2, 16), MLP(2, None, 16), NonSaturating() + R1(), Normal(4)).double()
    optimizers = {name: torch.optim.SGD(p.parameters(), 1e-2) for name, p in game.players().items()}
    dynamics = Alternating(optimizers)
    dynamics.pull = replace(dynamics.pull, group=group)
    data = load("ring", limit=200)
    data = replace(data, x=data.x.double())
    watch = Watch()
    training = Training(Experiment([Stage(game, dynamics, data, 4, batch=batch)]), seed=3, device="cpu")
    train(training, [watch])
    rows = training.batch(9).index.tolist()
    return {"weights": [p.detach() for p in training.average.parameters()], "steps": watch.steps, "rows": rows}


def worker(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.set_num_threads(1)
    torch.save(trained(dist.group.WORLD), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_ranks_train_as_one_process_and_the_first_looks_on(tmp_path):
    mp.spawn(worker, (str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    alone = trained()
    for rank in (first, second):
        torch.testing.assert_close(rank["weights"], alone["weights"], rtol=1e-10, atol=1e-12)
    assert first["steps"] == alone["steps"] == [1, 2, 3, 4] and second["steps"] == []
    assert first["rows"] + second["rows"] == alone["rows"]


def test_a_batch_with_fewer_samples_than_ranks_is_refused(monkeypatch):
    monkeypatch.setattr("gansmith.training.loop.place", lambda group: (3, 0))
    with pytest.raises(ValueError, match=r"a batch of 2 for 3 ranks: take a batch of at least 3"):
        trained(batch=2)
