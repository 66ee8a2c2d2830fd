"""Two processes against one: gradients, draws, notes and unused parameters agree."""

import re

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from toys import GAMES, WHOLE_BATCH, Counted, D, Z, data, make, mlp, sgds, tensors

from gansmith.chance import Part, keyed
from gansmith.duel.ranks import gather
from gansmith.dynamics import HEUN, Alternating, Extragradient, Noise, Optimistic, Pull, RungeKutta, Simultaneous
from gansmith.dynamics import Consensus as AnyConsensus
from gansmith.games import GAN, Player
from gansmith.games.latents import Normal
from gansmith.objectives import Hinge
from gansmith.regularizers import GradientPenalty

N = 16
ALIKE, UNLIKE = (8, 8), (7, 9)  # how many rows each rank has


class Branch(nn.Module):
    """One parameter is used only where some sample has x0 > 2.2 (on some ranks); one never is."""

    def __init__(self):
        super().__init__()
        self.net = Counted(spectral=True)
        self.sometimes, self.never = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

    def forward(self, x):
        out, hot = self.net(x), x[:, 0].detach() > 2.2
        return out + self.sometimes * hot * x[:, 1] if hot.any() else out


class Words(nn.Module):
    """Of each sample, the row of a table under its first number."""

    def __init__(self, largest=None):
        super().__init__()
        self.rows, self.net = nn.Embedding(50, 1, max_norm=largest), Counted()

    def forward(self, x):
        return self.net(x) + self.rows((10 * x[:, 0].detach() + 25).long().clamp(0, 49))[:, 0]


def judging(critic):
    return GAN(mlp(Z, D), critic, Hinge(), Normal(Z))


def each_for_itself(tracked):
    """A critic with statistics of each sample, whose running ones are kept or not."""
    norm = nn.InstanceNorm1d(2, affine=True, track_running_stats=tracked)
    return nn.Sequential(nn.Linear(D, 8), nn.Unflatten(1, (2, 4)), norm, nn.Flatten(), nn.Linear(8, 1), nn.Flatten(0))


EXTRA = {
    "unused": lambda: GAN(mlp(Z, D), Branch(), Hinge() + GradientPenalty(), Normal(Z)),
    "instances": lambda: judging(each_for_itself(tracked=False)),
    "running ones in evaluation mode": lambda: judging(each_for_itself(tracked=True).eval()),
    "a table": lambda: judging(Words()),
}
REFUSED = {
    "BatchNorm": (lambda: GAN(mlp(Z, D, batch_norm=True), Counted(), Hinge(), Normal(Z)), "SyncBatchNorm"),
    "InstanceNorm": (lambda: judging(each_for_itself(tracked=True)), "InstanceNorm1d.*: .* track_running_stats=False"),
    "a table": (lambda: judging(Words(0.5)), "Embedding with max_norm.*: leave it out"),
}
EVERYWHERE = (Alternating, Simultaneous)  # with every name
LOOKING = ["GAN NS+R1+R2", "O-GAN NS+R1+R2", "anchored", "RaGAN+GP", "mean gap+R1", "unused"]  # with the others, too


class Consensus(AnyConsensus):
    def __init__(self, optimizers, **options):
        super().__init__(optimizers, 0.1, **options)


class OdeGan(RungeKutta):
    def __init__(self, optimizers, **options):
        super().__init__(optimizers, regularize=("generator", "critic", 0.07), **options)


class Adaptive(RungeKutta):
    def __init__(self, optimizers, **options):
        super().__init__(optimizers, method=HEUN, tolerance=1e-6, **options)


OTHERS = (Extragradient, Optimistic, Consensus, OdeGan, Adaptive)
NAMES = [
    *("GAN NS+R1+R2", "WGAN-GP", "R3GAN", "O-GAN NS+R1+R2", "anchored"),
    *("WGAN-div", "DRAGAN", "orthogonal", "VDB+GP", "bCR", "LeCam", "Rp+feature matching", "lazy"),
    *WHOLE_BATCH,
    *EXTRA,
]


CASES = [*((n, k) for n in NAMES for k in EVERYWHERE), *((n, k) for n in LOOKING for k in OTHERS)]
FEWER = [(n, k) for n, k in CASES if k is not Simultaneous]


def clip(gradients):
    norm = torch.stack([g.norm() for g in gradients if g is not None]).norm().clamp(min=0.1)
    return [None if g is None else g * (0.1 / norm) for g in gradients]


def game_of(name, dtype):
    torch.manual_seed(1)
    return (GAMES | WHOLE_BATCH | EXTRA)[name]().to(dtype)


def own_rows(counts, rank):
    return slice(sum(counts[:rank]), sum(counts[: rank + 1]))


def go(name, kind, dtype, group=None, rank=0, counts=(N,)):
    game = game_of(name, dtype)
    # weight decay tells a gradient of zero from none; the clip tells a rank's gradient from everybody's
    decay = 0.0 if issubclass(kind, RungeKutta) else 0.1
    optimizers = {n: torch.optim.SGD(p.parameters(), 1e-2, weight_decay=decay) for n, p in game.players().items()}
    dynamics = kind(optimizers, pull=Pull(group=group, transforms=[clip, Noise(0.01)]))
    rows = own_rows(counts, rank)
    for _ in range(3):
        said = dynamics.step(game.players(), lambda i: data(i, N, dtype)[rows], (4,))
    return tensors(game), {k: float(v) for k, v in said.items()}


def twice_differentiated(group=None, rank=0, counts=(N,)):
    """The gradient of a penalty on a function of everybody's features: gather and its adjoint, each differentiated."""
    w = torch.linspace(-1, 1, 9, dtype=torch.float64).view(3, 3).requires_grad_()
    rows = own_rows(counts, rank)
    x = data(0, N).x[rows].clone().requires_grad_()
    with keyed(Part((0,), rows.start, len(x), N, group, counts)):
        phi = (x @ w).tanh()
        direction = gather(phi).mean(0)
        (slope,) = torch.autograd.grad((phi @ direction).sum(), x, create_graph=True)
        (gradient,) = torch.autograd.grad(slope.square().sum() / N, w)
    if group is not None:
        dist.all_reduce(gradient, group=group)
    return gradient


def of_several_types(group=None, rank=0, counts=(N,)):
    """The gradient and the loss of a player whose first parameter has the fewest digits, and the last two parts."""
    kinds = torch.bfloat16, torch.float64, torch.complex128
    net = nn.ParameterList([torch.full((D,), 0.1, dtype=kind) for kind in kinds])

    def loss(batch):
        short, long, both = net
        return (
            ((batch.x * (1 / 3 + long)).sum(1) * short.double().sum() + (both * both.conj()).real.sum()).square().mean()
        )

    gradients, values = Pull(group=group)(Player([net], loss), data(0, N)[own_rows(counts, rank)], (4,))
    return gradients, float(values["loss"])


def worker(rank, folder, counts):
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.set_num_threads(1)
    group = dist.group.WORLD
    cases = CASES if counts == ALIKE else FEWER
    found = {(n, k.__name__): go(n, k, torch.float64, group, rank, counts) for n, k in cases}
    found["float32"] = [go(n, Alternating, torch.float32, group, rank, counts) for n in ("GAN NS+R1+R2", "WGAN-GP")]
    found["slope"] = twice_differentiated(group, rank, counts)
    found["types"] = of_several_types(group, rank, counts)
    for name, (build, _) in REFUSED.items():
        game = build().double()
        try:
            Alternating(sgds(game), pull=Pull(group=group)).step(game.players(), lambda i: data(i, N), (0,))
        except ValueError as refused:
            found[name] = str(refused)
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize("counts", [ALIKE, UNLIKE])
def test_two_ranks_equal_one_process(tmp_path, counts):
    mp.spawn(worker, (str(tmp_path), counts), nprocs=2)
    ranks = [torch.load(tmp_path / f"{r}.pt", weights_only=True) for r in (0, 1)]
    for name, kind in CASES if counts == ALIKE else FEWER:
        alone, case = go(name, kind, torch.float64), (name, kind.__name__)
        for found in ranks:
            torch.testing.assert_close(found[case], alone, rtol=1e-10, atol=1e-10, msg=str(case))
    for name, *found in zip(("GAN NS+R1+R2", "WGAN-GP"), *(r["float32"] for r in ranks), strict=True):
        for one in found:
            torch.testing.assert_close(one, go(name, Alternating, torch.float32), rtol=1e-5, atol=1e-5, msg=name)
    for found in ranks:
        torch.testing.assert_close(found["slope"], twice_differentiated())
        torch.testing.assert_close(found["types"], of_several_types())
        for name, (_, message) in REFUSED.items():
            assert re.search(message, found.get(name, "it was taken")), name


def worker_without_rows(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    game = make("WGAN-GP")
    with pytest.raises(ValueError, match=r"one sample on every rank, but got \(5, 0\)"):
        Pull(group=dist.group.WORLD)(game.players()["critic"], data(0, 5)[5 * rank :], (4,))
    dist.destroy_process_group()


def test_a_rank_without_rows_is_refused_on_every_rank(tmp_path):
    mp.spawn(worker_without_rows, (str(tmp_path),), nprocs=2)


def test_other_draws_on_each_rank_would_be_seen():
    """Rank 1's rows under another key: what would happen if chance did not draw for the global batch."""
    game = make("WGAN-GP")
    player, halves = game.players()["critic"], []
    for key in ((4, 0), (4, 1)):
        gradients, _ = Pull()(player, data(0, N)[:8] if key == (4, 0) else data(0, N)[8:], key)
        halves.append(gradients)
    whole, _ = Pull()(player, data(0, N), (4, 0))
    wrong = [None if a is None else (a + b) / 2 for a, b in zip(*halves, strict=True)]
    assert any(not torch.allclose(w, g) for w, g in zip(wrong, whole, strict=True) if g is not None)
