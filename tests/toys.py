"""Small players for the tests: networks that count their passes, and terms with what the real ones may have."""

from __future__ import annotations

from functools import partial

import torch
from every_objective import EVERY, OF_FEATURES, OF_LISTS, OF_PAIRS, MeanGap, not_in
from every_objective import M as OUTPUTS
from torch import Tensor, nn
from torch.nn.functional import relu

from gansmith import chance
from gansmith.batch import Batch
from gansmith.duel.scores import parts, score
from gansmith.games import GAN, OGAN, Beside, Radius, SeveralCritics
from gansmith.games.latents import Normal
from gansmith.networks import MLP, StochasticCode
from gansmith.notes import note
from gansmith.objectives import (
    CovarianceMatching,
    Divergence,
    Fisher,
    Hinge,
    KernelDiscrepancy,
    LeastSquares,
    MeanCovarianceMatching,
    MeanMatching,
    NonSaturating,
    PairwiseQuadratic,
    Patchwise,
    Pointwise,
    Quadratic,
    Relativistic,
    Saturating,
    Several,
    SlopeQuadratic,
    Wasserstein,
)
from gansmith.objectives.frames import Exponential
from gansmith.regularizers import (
    DRAGAN,
    R1,
    R2,
    Bottleneck,
    ClipWeights,
    Consistency,
    FeatureMatching,
    GradientPenalty,
    GradientPower,
    Lazy,
    LeCam,
    OrthogonalWeights,
    Regularizer,
)
from gansmith.regularizers.points import mixed, on_both, within

D, Z, M = 3, 4, 6


def mlp(inputs: int, outputs: int, batch_norm: bool = False, spectral: bool = False) -> nn.Sequential:
    def linear(a: int, b: int) -> nn.Module:
        layer = nn.Linear(a, b)
        return nn.utils.parametrizations.spectral_norm(layer) if spectral else layer

    normal = [nn.BatchNorm1d(16)] if batch_norm else []
    return nn.Sequential(linear(inputs, 16), *normal, nn.SiLU(), linear(16, 16), nn.SiLU(), linear(16, outputs))


class Counted(nn.Module):
    """A critic that counts its passes; ``outputs=None`` scores."""

    def __init__(self, inputs: int = D, outputs: int | None = None, **options: bool) -> None:
        super().__init__()
        self.net, self.scores, self.calls = mlp(inputs, outputs or 1, **options), outputs is None, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        out = self.net(torch.cat(parts(x), 1))
        return out.squeeze(1) if self.scores else out


class Pairs(nn.Module):
    """A critic of pairs of points."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pair: tuple[Tensor, ...]) -> Tensor:
        return self.net(torch.cat(pair, 1))


class Mapped(nn.Module):
    """A critic that returns (scores, feature maps), and counts its passes."""

    def __init__(self, inputs: int = D) -> None:
        super().__init__()
        self.first, self.second, self.last, self.calls = nn.Linear(inputs, 16), nn.Linear(16, 16), nn.Linear(16, 1), 0

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        self.calls += 1
        one = nn.functional.silu(self.first(x))
        two = nn.functional.silu(self.second(one))
        return self.last(two).squeeze(1), [one, two]


class Coded(nn.Module):
    """A critic with two stochastic codes, one of which the other is made of; it counts its passes."""

    def __init__(self, inputs: int = D) -> None:
        super().__init__()
        self.net = nn.Sequential(
            mlp(inputs, 12), StochasticCode(6), mlp(6, 8), StochasticCode(4), nn.Linear(4, 1), nn.Flatten(0)
        )
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.net(x)


def nudge(x: Tensor) -> Tensor:
    """A transform of points."""
    return x + 0.3 * chance.normal("nudge", len(x), x.shape[1], like=x)


class Listed(nn.Module):
    """A critic of several heads: a list of scores."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> list[Tensor]:
        return list(self.net(x).unbind(1))


class Anchored(Regularizer):
    """Pulls scores to a moving average of themselves: a term with a history in buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("anchor", torch.zeros(()))
        self.advanced = 0

    def forward(self, critic, real, fake, witness=None) -> Tensor:
        scores = score(critic, real)
        note("mean", scores.mean())
        return 0.3 * relu(scores - self.anchor).square().mean()

    def advance_(self, notes) -> None:
        self.advanced += 1
        self.anchor.lerp_(notes["mean"].to(self.anchor), 0.1)


class EverySecond(Regularizer):
    """A term of every second critic move: Python branches on its count, which is saved as an int."""

    def __init__(self, term: Regularizer) -> None:
        super().__init__()
        self.term, self.count = term, 0

    def get_extra_state(self) -> dict[str, int]:
        return {"count": self.count}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.count = state["count"]

    def forward(self, critic, real, fake, witness=None) -> Tensor | None:
        note("due", torch.tensor(float(self.count % 2 == 0)))
        return None if self.count % 2 else 2 * self.term(critic, real, fake, witness)

    def advance_(self, notes) -> None:
        self.count += 1


def margin(limit: float) -> Pointwise:
    """For scores that are lengths: real ones above a limit, fake ones small."""
    return Pointwise(lambda t: relu(limit - t), lambda t: t, torch.neg)


GAMES = {
    "GAN NS+R1+R2": lambda: GAN(mlp(Z, D), Counted(), NonSaturating() + R1() + R2(), Normal(Z)),
    "GAN hinge": lambda: GAN(mlp(Z, D), Counted(), Hinge(), Normal(Z)),
    "WGAN-GP": lambda: GAN(mlp(Z, D), Counted(), Wasserstein() + GradientPenalty(), Normal(Z)),
    "WGAN-LP": lambda: GAN(mlp(Z, D), Counted(), Wasserstein() + GradientPenalty(one_sided=True), Normal(Z)),
    "WGAN-clip": lambda: GAN(mlp(Z, D), Counted(), Wasserstein() + ClipWeights(0.1), Normal(Z)),
    "R3GAN": lambda: GAN(mlp(Z, D), Counted(), Relativistic() + R1() + R2(), Normal(Z)),
    "GAN-QP": lambda: GAN(mlp(Z, D), Counted(), Quadratic(), Normal(Z)),
    "slope QP": lambda: GAN(mlp(Z, D), Counted(), SlopeQuadratic(), Normal(Z)),
    "O-GAN NS+R1+R2": lambda: OGAN(mlp(Z, D), Counted(outputs=Z), NonSaturating() + R1() + R2(), Normal(Z)),
    "O-GAN linear Rp+GP": lambda: OGAN(
        mlp(Z, D), Counted(outputs=Z), Relativistic() + GradientPenalty(), Normal(Z), head=nn.Linear(Z, 1)
    ),
    "O-GAN mlp": lambda: OGAN(
        mlp(Z, D), Counted(outputs=Z), NonSaturating() + R1(), Normal(Z), head=MLP(Z, None, 8, 1)
    ),
    "O-GAN polar": lambda: OGAN(mlp(Z, D), Counted(outputs=Z), margin(2.0) + R1(), Normal(Z), head=Radius()),
    "O-GAN log polar": lambda: OGAN(mlp(Z, D), Counted(outputs=Z), Hinge() + R1(), Normal(Z), head=Radius(log=True)),
    "O-GAN slope QP": lambda: OGAN(mlp(Z, D), Counted(outputs=Z), SlopeQuadratic(), Normal(Z)),
    "Saturating+R1": lambda: GAN(mlp(Z, D), Counted(), Saturating() + R1(), Normal(Z)),
    "LSGAN": lambda: GAN(mlp(Z, D), Counted(), LeastSquares(), Normal(Z)),
    "f-GAN": lambda: GAN(mlp(Z, D), Counted(), Divergence(trick=True), Normal(Z)),
    "pairwise QP": lambda: GAN(mlp(Z, D), Counted(2 * D), PairwiseQuadratic(), Normal(Z)),
    "McGan mean": lambda: GAN(mlp(Z, D), Counted(outputs=M), MeanMatching(1, M) + ClipWeights(0.1), Normal(Z)),
    "McGan covariance": lambda: GAN(mlp(Z, D), Counted(outputs=M), CovarianceMatching(2, M) + R1(), Normal(Z)),
    "McGan both": lambda: GAN(
        mlp(Z, D), Counted(outputs=M), MeanCovarianceMatching(2, 2, M, frame=Exponential) + GradientPenalty(), Normal(Z)
    ),
    "patches": lambda: GAN(mlp(Z, D), Counted(outputs=M), Patchwise(Hinge()) + R1(), Normal(Z)),
    "several heads": lambda: GAN(mlp(Z, D), Listed(Counted(outputs=M)), Several(Relativistic()) + R1(), Normal(Z)),
    "anchored": lambda: GAN(mlp(Z, D), Counted(), Hinge() + Anchored() + EverySecond(R1()), Normal(Z)),
    "WGAN-div": lambda: GAN(mlp(Z, D), Counted(), Wasserstein() + GradientPower(), Normal(Z)),
    "WGAN-div on both": lambda: GAN(mlp(Z, D), Counted(), Wasserstein() + GradientPower(2, 3, on_both), Normal(Z)),
    "DRAGAN": lambda: GAN(mlp(Z, D), Counted(), NonSaturating() + DRAGAN(), Normal(Z)),
    "orthogonal": lambda: GAN(mlp(Z, D), Counted(), Hinge() + OrthogonalWeights(0.1), Normal(Z)),
    "VDB": lambda: GAN(mlp(Z, D), Coded(), NonSaturating() + Bottleneck(0.1, 0.3), Normal(Z)),
    "VDB+GP": lambda: GAN(mlp(Z, D), Coded(), NonSaturating() + GradientPenalty() + Bottleneck(0.1, 0.3), Normal(Z)),
    "bCR": lambda: GAN(mlp(Z, D), Counted(), Hinge() + Consistency(transform=nudge), Normal(Z)),
    "CR": lambda: GAN(mlp(Z, D), Counted(), Hinge() + Consistency(fake_weight=0, transform=nudge), Normal(Z)),
    "LeCam": lambda: GAN(mlp(Z, D), Counted(), Hinge() + LeCam(), Normal(Z)),
    "feature matching": lambda: GAN(mlp(Z, D), Mapped(), Hinge() + FeatureMatching(2.0), Normal(Z)),
    "Rp+feature matching": lambda: GAN(mlp(Z, D), Mapped(), Relativistic() + FeatureMatching(2.0) + R1(), Normal(Z)),
    "lazy": lambda: GAN(mlp(Z, D), Counted(), NonSaturating() + Lazy(R1(), 3) + Lazy(LeCam(), 2), Normal(Z)),
    "two critics": lambda: SeveralCritics(
        *(mlp(Z, D), Counted(), Relativistic() + R1(), Normal(Z)), beside=[Beside(Counted(), Hinge() + LeCam(), 0.4)]
    ),
}
WHOLE_BATCH = {
    "RaGAN+GP": lambda: GAN(mlp(Z, D), Counted(), Relativistic(average=True) + GradientPenalty(), Normal(Z)),
    "McGan dual": lambda: GAN(mlp(Z, D), Counted(outputs=M), MeanMatching(dual=True) + GradientPenalty(), Normal(Z)),
    "McGan covariance dual": lambda: GAN(
        mlp(Z, D), Counted(outputs=M), CovarianceMatching(2, dual=True) + GradientPenalty(), Normal(Z)
    ),
    "McGan centered": lambda: GAN(
        mlp(Z, D), Counted(outputs=M), MeanCovarianceMatching(2, 2, M, centered=True) + ClipWeights(0.1), Normal(Z)
    ),
    "Fisher": lambda: GAN(mlp(Z, D), Counted(), Fisher(0.1) + R1(), Normal(Z)),
    "MMD+GP": lambda: GAN(mlp(Z, D), Counted(outputs=M), KernelDiscrepancy() + GradientPenalty(1.0), Normal(Z)),
    "mean gap": lambda: GAN(mlp(Z, D), Counted(outputs=M), MeanGap(), Normal(Z)),
    "mean gap+GP": lambda: GAN(mlp(Z, D), Counted(outputs=M), MeanGap() + GradientPenalty(), Normal(Z)),
    "mean gap+R1": lambda: GAN(mlp(Z, D), Counted(outputs=M), MeanGap() + R1(), Normal(Z)),
    "mean gap+LeCam": lambda: GAN(mlp(Z, D), Counted(outputs=M), MeanGap() + LeCam(), Normal(Z)),
    "WGAN-div within": lambda: GAN(mlp(Z, D), Counted(), Wasserstein() + GradientPower(2, 3, within), Normal(Z)),
    "WGAN-div mixed": lambda: GAN(mlp(Z, D), Counted(), Wasserstein() + GradientPower(2, 3, mixed), Normal(Z)),
    "DRAGAN authors": lambda: GAN(mlp(Z, D), Counted(), NonSaturating() + DRAGAN(noise="authors"), Normal(Z)),
    "feature means": lambda: GAN(mlp(Z, D), Mapped(), Hinge() + FeatureMatching(2.0, of_means=True), Normal(Z)),
}


def plain(name: str) -> GAN:
    """An objective of the list in a game without terms."""
    if name in OF_FEATURES:
        critic = Counted(outputs=OUTPUTS)
    elif name in OF_LISTS:
        critic = Listed(Counted(outputs=OUTPUTS))
    else:
        critic = Counted(2 * D if name in OF_PAIRS else D)
    return GAN(mlp(Z, D), critic, EVERY[name](), Normal(Z))


for _name in not_in(GAMES | WHOLE_BATCH):  # a new objective needs no game of its own here
    (GAMES if EVERY[_name]().additive else WHOLE_BATCH)[_name] = partial(plain, _name)


def make(name: str, dtype: torch.dtype = torch.float64):
    torch.manual_seed(1)
    return (GAMES | WHOLE_BATCH)[name]().to(dtype)


def data(draw: int, n: int = 8, dtype: torch.dtype = torch.float64) -> Batch:
    generator = torch.Generator().manual_seed(1000 + draw)
    return Batch(torch.randn(n, D, generator=generator, dtype=dtype) + 1, None, torch.arange(n))


def adams(game, lr: float = 1e-2):
    return {n: torch.optim.Adam(p.parameters(), lr, betas=(0.5, 0.9)) for n, p in game.players().items()}


def sgds(game, lr: float = 1e-2):
    return {n: torch.optim.SGD(p.parameters(), lr) for n, p in game.players().items()}


def tensors(game) -> list[Tensor]:
    return [t.detach().clone() for t in game.state_dict().values() if isinstance(t, Tensor)]


def half(s):
    """|x|^2 / 2: the slope at x is |x|."""
    return s.square().sum(1) / 2


def first(s):
    return s[:, 0]


X, Y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 0.0], [0.0, 3.0]])


class Second(nn.Module):
    """Torch's own pattern for a form that has changed: weights of the first form are ten times smaller."""

    _version = 2

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def _load_from_state_dict(self, state, prefix, metadata, *arguments):
        if (metadata.get("version") or 1) < 2:
            state[prefix + "weight"] = state[prefix + "weight"] * 10
        super()._load_from_state_dict(state, prefix, metadata, *arguments)

    def forward(self, x):
        return x * self.weight
