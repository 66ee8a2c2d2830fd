"""Terms beside an objective: WGAN-div on a line, LeCam's divergence, the bottleneck, terms on weights and on maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import norm
from torch import Tensor, nn

from gansmith.networks import StochasticCode
from gansmith.networks.stochastic import sampling
from gansmith.notes import notes
from gansmith.objectives import NonSaturating, Wasserstein
from gansmith.regularizers import Bottleneck, Consistency, FeatureMatching, GradientPower, LeCam, OrthogonalWeights
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.support import batches, best, minimize, p, q

WU = "Wu et al., 2018"
TSENG = "Tseng et al., 2021"
PENG = "Peng et al., 2018"
DERIVATION = "derivation"

PLACES = np.array([0.0, 1.0, 1.5, 4.0, 4.2])
WIDTHS = np.diff(PLACES)
COUNTS = np.array([3, 1, 4, 2])
"""The support on a line, and how many of ten points of the penalty lie between its neighbors."""
POWERS = [(2.0, 6.0), (0.7, 2.0), (1.0, 3.5)]


def _divergence(k: float, power: float) -> tuple[NDArray[Any], float]:
    """The slopes of the best piecewise linear critic under WGAN-div, and its value E_p T - E_q T - k E |T'|^p."""
    middles = torch.as_tensor(np.repeat(PLACES[:-1] + WIDTHS / 2, COUNTS))
    slopes = torch.full((4,), 0.1, dtype=torch.float64, requires_grad=True)

    def critic(x: Tensor) -> Tensor:
        heights = torch.cat([slopes.new_zeros(1), (slopes * torch.as_tensor(WIDTHS)).cumsum(0)])
        left = (torch.searchsorted(torch.as_tensor(PLACES), x.detach(), right=True) - 1).clamp(max=3)
        return heights[left] + slopes[left] * (x - torch.as_tensor(PLACES)[left])

    objective = Wasserstein() + GradientPower(k, power, lambda real, fake: [middles])
    x, y = (torch.as_tensor(PLACES)[batch] for batch in batches())
    minimize(lambda: objective.critic_loss(critic, x, y), [slopes], steps=500)
    return slopes.detach().numpy(), -float(objective.critic_loss(critic, x, y).detach())


AHEAD = np.cumsum(q - p)[:-1] * WIDTHS
"""F_q - F_p times the width, between neighbors: E_p T - E_q T is its sum with the slopes."""


@claim(
    "WGAN-div on a line: the best critic has |T'| = (|F_q - F_p|/(k p r))^(1/(p - 1)), the value is (p - 1)/p times "
    "the integral of |F_q - F_p|^(p/(p - 1)) (k p r)^(-1/(p - 1))",
    source=WU,
    tolerance=1e-5,
)
def _() -> Pair:
    share, measured, expected = COUNTS / COUNTS.sum(), [], []
    for k, n in POWERS:
        slopes, value = _divergence(k, n)
        measured.append(np.append(slopes, value))
        steep = (np.abs(AHEAD) / (k * n * share)) ** (1 / (n - 1))
        expected.append(np.append(np.sign(AHEAD) * steep, (np.abs(AHEAD) * steep).sum() * (n - 1) / n))
    return np.stack(measured), np.stack(expected)


def _lecam(weight: float, anchor: float) -> tuple[NDArray[Any], float]:
    term = LeCam(weight, one_sided=False).double()
    term.advance_({"real": torch.tensor(anchor), "fake": torch.tensor(-anchor)})
    return best(Wasserstein() + term, *batches())


@claim(
    "LeCam: with anchors +-a the best critic is (1 - 2wa)(p - q)/(2w(p + q)), the value is (1 - 2wa)^2/4w times the "
    "sum of (p - q)^2/(p + q), less 2wa^2",
    source=TSENG,
    tolerance=1e-6,
)
def _() -> Pair:
    table, value = _lecam(0.3, 0.5)
    triangular, left = ((p - q) ** 2 / (p + q)).sum(), 1 - 2 * 0.3 * 0.5
    expected = left**2 / (4 * 0.3) * triangular - 2 * 0.3 * 0.5**2
    return np.append(table, -value), np.append(left * (p - q) / (2 * 0.3 * (p + q)), expected)


@claim(
    "LeCam: the anchors are averages of mean scores with weights d^(t - i), which sum to one",
    source=DERIVATION,
    tolerance=1e-12,
)
def _() -> Pair:
    term, means = LeCam(decay=0.8).double(), np.array([2.0, -1.0, 0.5, 4.0])
    for mean in means:
        term.advance_({"real": torch.tensor(mean), "fake": torch.tensor(-mean)})
    weights = 0.8 ** np.arange(3, -1, -1.0)
    expected = (weights * means).sum() / weights.sum()
    return torch.stack([term.real / term.mass, term.fake / term.mass]), np.array([expected, -expected])


@claim(
    "bottleneck: a code's rate is KL(N(m, s^2) | N(0, 1)), by quadrature of its definition", source=PENG, tolerance=1e-9
)
def _() -> Pair:
    cases = [(0.3, -1.0), (-1.2, 0.5), (2.0, 0.0)]
    layer, measured, expected = StochasticCode(1), [], []
    for mean, raw in cases:
        with sampling("one") as rates:
            layer(torch.tensor([[mean, raw]], dtype=torch.float64))
        measured.append(float(rates[0]))
        one = norm(mean, np.exp(4 * np.tanh(raw / 8)))
        expected.append(
            quad(lambda c, one=one: one.pdf(c) * (one.logpdf(c) - norm.logpdf(c)), mean - 20, mean + 20, limit=200)[0]
        )
    return np.array(measured), np.array(expected)


class Narrow(nn.Module):
    """D(x) = c, a code c around a x with deviation 1."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a, self.code = nn.Parameter(torch.tensor(a, dtype=torch.float64)), StochasticCode(1)

    def forward(self, x: Tensor) -> Tensor:
        code: Tensor = self.code(torch.cat([self.a * x, torch.zeros_like(x)], 1))
        return code.squeeze(1)


def _bottleneck(a: float, multiplier: float, limit: float) -> tuple[Tensor, Tensor]:
    """Between points at 1 and -1: the slope of Wasserstein's loss in a, and where the multiplier goes."""
    term = Bottleneck(limit, rate=1.0).double()
    term.multiplier.fill_(multiplier)
    objective, critic, x = Wasserstein() + term, Narrow(a), torch.ones(6, 1, dtype=torch.float64)
    with notes() as values:
        loss = objective.critic_loss(critic, x, -x)
    (slope,) = torch.autograd.grad(loss, critic.a)
    objective.advance_(values)
    return slope, term.multiplier


@claim(
    "bottleneck, points at +-1 and Wasserstein: at rest a = sqrt(2 limit) and the multiplier is 2/a; elsewhere it "
    "moves by the rate less the limit, and not below 0",
    source=DERIVATION,
    tolerance=1e-9,
)
def _() -> Pair:
    a, rate = np.sqrt(2 * 0.18), 0.8**2 / 2
    moved = [_bottleneck(0.8, start, limit)[1] for start, limit in ((1.0, 0.1), (1.0, 0.5), (0.1, 5.0))]
    measured = torch.stack([*_bottleneck(a, 2 / a, 0.18), *moved])
    return measured, np.array([0, 2 / a, 1 + rate - 0.1, 1 + rate - 0.5, 0])


@claim(
    "consistency: at a linear critic and a shift d it is (w + w') <c, d>^2", source="Zhao et al., 2020", tolerance=1e-12
)
def _() -> Pair:
    w, shift = np.array([1.0, -2.0, 0.5]), np.array([0.1, 0.3, -0.2])
    x = torch.as_tensor(np.random.default_rng(0).normal(size=(5, 3)))
    term = Consistency(3.0, 4.0, lambda s: s + torch.as_tensor(shift))
    return term(lambda s: s @ torch.as_tensor(w), x, x), 7 * (w @ shift) ** 2


@claim(
    "orthogonal weights: |W W' - I|^2 over the smaller side, with and without the diagonal, by numpy",
    source="Brock et al., 2018",
    tolerance=1e-10,
)
def _() -> Pair:
    layers, x = [nn.Linear(5, 3).double(), nn.Linear(3, 4).double()], torch.zeros(1, 5).double()
    net, expected = nn.Sequential(*layers), np.zeros(2)
    for layer in layers:
        w = layer.weight.detach().numpy()
        gram = w @ w.T if len(w) <= w.shape[1] else w.T @ w
        off = gram - np.diag(np.diag(gram))
        expected += (off**2).sum(), ((gram - np.eye(len(gram))) ** 2).sum()
    return torch.stack([OrthogonalWeights(1.0, diagonal)(net, x, x) for diagonal in (False, True)]), expected


@claim(
    "feature matching: mean |F(x) - F(y)| a map, and |E F(x) - E F(y)| of means, sums over maps, by numpy",
    source="Kong et al., 2020; Salimans et al., 2016",
    tolerance=1e-9,
)
def _() -> Pair:
    x, y = np.random.default_rng(3).normal(size=(2, 6, 4))

    def critic(s: Tensor) -> tuple[Tensor, list[Tensor]]:
        return s.sum(1), [s, s[:, :2] ** 2]

    measured = [
        FeatureMatching(1.0, of_means)(critic, torch.as_tensor(x), torch.as_tensor(y)) for of_means in (False, True)
    ]
    maps = [(x, y), (x[:, :2] ** 2, y[:, :2] ** 2)]
    expected = [sum(np.abs(a - b).mean() for a, b in maps), sum(np.linalg.norm(a.mean(0) - b.mean(0)) for a, b in maps)]
    return torch.stack(measured), np.array(expected)


@claim("feature matching: it joins the generator's loss and not the critic's", source=DERIVATION, tolerance=1e-9)
def _() -> Pair:
    x, y = (torch.as_tensor(b) for b in np.random.default_rng(3).normal(size=(2, 6, 4)))
    objective = NonSaturating() + FeatureMatching(2.0)

    def critic(s: Tensor) -> tuple[Tensor, list[Tensor]]:
        return s.sum(1), [s]

    losses = torch.stack([objective.critic_loss(critic, x, y), objective.generator_loss(critic, x, y)])
    a, b = x.sum(1).numpy(), y.sum(1).numpy()
    plain = np.array([(np.log1p(np.exp(-a)) + np.log1p(np.exp(b))).mean(), np.log1p(np.exp(-b)).mean()])
    return losses, plain + np.array([0, 2 * np.abs((x - y).numpy()).mean()])
