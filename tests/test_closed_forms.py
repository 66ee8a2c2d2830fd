"""Best critics and values on finite supports, and the eigenvalues of the Dirac game, against closed forms."""

import math

import pytest
import torch
from torch import nn
from torch.optim import SGD

from gansmith.batch import Batch
from gansmith.duel import View
from gansmith.dynamics import Simultaneous
from gansmith.games import GAN
from gansmith.latents import Normal
from gansmith.networks import StochasticCode
from gansmith.notes import notes
from gansmith.objectives import Hinge, NonSaturating, Quadratic, Relativistic, Wasserstein
from gansmith.regularizers import DRAGAN, R1, R2, Bottleneck, GradientPower, LeCam
from gansmith.regularizers.places import on_both, on_fake, on_real

P = torch.tensor([1, 2, 5, 8, 4])
Q = torch.tensor([6, 1, 5, 2, 6])
p, q = P.double() / P.sum(), Q.double() / Q.sum()


def samples(counts):
    """Each point as often as its probability says."""
    return torch.repeat_interleave(torch.arange(len(counts)), counts)


def all_pairs():
    """Every real with every fake sample: a paired loss's expectation over independent pairs."""
    x, y = samples(P), samples(Q)
    return x.repeat_interleave(len(y)), y.repeat(len(x))


def best(objective, x, y, steps=200):
    """The least critic_loss over all tables of scores, by L-BFGS."""
    table = nn.Parameter(torch.zeros(len(P), dtype=torch.float64))
    critic = View(nn.ParameterList([table]), lambda s: table[s])
    options = {"tolerance_grad": 1e-14, "tolerance_change": 1e-18, "line_search_fn": "strong_wolfe"}
    optimizer = torch.optim.LBFGS([table], max_iter=steps, **options)

    def closure():
        optimizer.zero_grad()
        loss = objective.critic_loss(critic, x, y)
        loss.backward()
        return loss

    optimizer.step(closure)
    return table.detach(), float(objective.critic_loss(critic, x, y).detach()), critic


def jensen_shannon(a, b):
    m = (a + b) / 2
    return float((a * (a / m).log() + b * (b / m).log()).sum() / 2)


def test_non_saturating():
    table, value, _ = best(NonSaturating(), samples(P), samples(Q))
    torch.testing.assert_close(table, (p / q).log(), rtol=0, atol=1e-5)
    assert value == pytest.approx(2 * math.log(2) - 2 * jensen_shannon(p, q), abs=1e-9)


def test_relativistic_pairs():
    """The best critic is the log ratio up to a constant; the value log 2 - JSD(p x q, q x p)."""
    table, value, _ = best(Relativistic(), *all_pairs())
    ratio = (p / q).log()
    torch.testing.assert_close(table - table.mean(), ratio - ratio.mean(), rtol=0, atol=1e-5)
    products = torch.outer(p, q).flatten(), torch.outer(q, p).flatten()
    assert value == pytest.approx(math.log(2) - jensen_shannon(*products), abs=1e-9)


def test_hinge():
    sign = torch.sign(p - q)
    value = float(Hinge().critic_loss(lambda s: sign[s], samples(P), samples(Q)))
    assert value == pytest.approx(2 - float((p - q).abs().sum()))
    for _ in range(20):
        other = sign + 0.3 * torch.randn(len(P), dtype=torch.float64)
        assert float(Hinge().critic_loss(lambda s, t=other: t[s], samples(P), samples(Q))) >= value - 1e-12


def test_quadratic_potential():
    """T* = A^+ (p - q), A a graph's Laplacian; value -(p - q) A^+ (p - q) / 2; the generator's loss is twice that."""
    places = torch.tensor([0.0, 1.0, 1.5, 4.0, 4.2], dtype=torch.float64)

    def distance(x, y):
        return (places[x] - places[y]).abs()

    objective = Quadratic(3.0, distance)
    x, y = all_pairs()
    apart = x != y  # a sample paired with its like has gap 0 and distance 0
    weights = torch.outer(p, q) / (3.0 * (places[:, None] - places).abs() + torch.eye(5))
    weights = weights + weights.T
    laplacian = torch.diag(weights.sum(1) - weights.diagonal()) - (weights - torch.diag(weights.diagonal()))
    wanted = torch.linalg.pinv(laplacian) @ (p - q)
    table, value, critic = best(objective, x, y)
    torch.testing.assert_close(table - table.mean(), wanted - wanted.mean(), rtol=0, atol=1e-4)
    energy = float((p - q) @ wanted)
    assert value == pytest.approx(-energy / 2, abs=1e-8) and apart.any()
    assert float(objective.generator_loss(critic, x, y).detach()) == pytest.approx(energy, abs=1e-4)


@pytest.mark.parametrize(("k", "power"), [(2.0, 6.0), (0.7, 2.0), (1.0, 3.5), (2.0, 1.5)])
def test_wasserstein_divergence_on_a_line(k, power):
    """Slopes (dF / (k p r))^(1/(p-1)) between the points, for any distribution r of the places; and a lower bound."""
    places = torch.tensor([0.0, 1.0, 1.5, 4.0, 4.2], dtype=torch.float64)
    counts, widths = torch.tensor([3, 1, 4, 2]), places.diff()
    middles = (places[:-1] + widths / 2).repeat_interleave(counts)
    slopes = nn.Parameter(torch.full((4,), 0.1, dtype=torch.float64))

    def critic(x):
        """Piecewise linear."""
        heights = torch.cat([slopes.new_zeros(1), (slopes * widths).cumsum(0)])
        left = (torch.searchsorted(places, x.detach().contiguous(), right=True) - 1).clamp(max=3)
        return heights[left] + slopes[left] * (x - places[left])

    objective = Wasserstein() + GradientPower(k, power, lambda real, fake: [middles])
    x, y = places[samples(P)], places[samples(Q)]
    options = {"tolerance_grad": 1e-13, "tolerance_change": 1e-18, "line_search_fn": "strong_wolfe"}
    optimizer = torch.optim.LBFGS([slopes], max_iter=500, **options)

    def closure():
        optimizer.zero_grad()
        loss = objective.critic_loss(critic, x, y)
        loss.backward()
        return loss

    optimizer.step(closure)
    ahead = (q - p).cumsum(0)[:-1] * widths  # E_p T - E_q T = sum of slope * (F_q - F_p) * width
    r = counts.double() / counts.sum()
    wanted = ahead.sign() * (ahead.abs() / (k * power * r)) ** (1 / (power - 1))
    torch.testing.assert_close(slopes.detach(), wanted, rtol=1e-4, atol=1e-5)
    exponent = power / (power - 1)
    weighed = (ahead.abs() ** exponent * (k * power * r) ** (-1 / (power - 1))).sum()
    value = -float(closure().detach())
    assert value == pytest.approx(float(weighed / exponent), rel=1e-8)
    bound = (k * power) ** (-1 / (power - 1)) * float(ahead.abs().sum()) ** exponent / exponent
    assert value > bound


def test_lecam_divergence():
    """With fixed anchors a and -a the two-sided form makes Wasserstein's value a triangular discrimination."""
    weight, a = 0.3, 0.5
    term = LeCam(weight, one_sided=False).double()
    term.advance_({"real": torch.tensor(a), "fake": torch.tensor(-a)})
    table, value, _ = best(Wasserstein() + term, samples(P), samples(Q))
    left = 1 - 2 * weight * a
    torch.testing.assert_close(table, left * (p - q) / (2 * weight * (p + q)), rtol=0, atol=1e-6)
    triangular = float(((p - q).square() / (p + q)).sum())
    assert -value == pytest.approx(left**2 / (4 * weight) * triangular - 2 * weight * a**2, abs=1e-9)


class Narrow(nn.Module):
    """D(x) = c, with the code c around a x and of deviation 1."""

    def __init__(self, a):
        super().__init__()
        self.a, self.code = nn.Parameter(torch.tensor(a, dtype=torch.float64)), StochasticCode(1)

    def forward(self, x):
        return self.code(torch.cat([self.a * x, torch.zeros_like(x)], 1)).squeeze(1)


def test_the_bottlenecks_multiplier_rests_where_the_rate_is_the_limit():
    """Two points at 1 and -1: the gap is 2a, the rate a^2/2; at a = sqrt(2 limit) the multiplier is 2/a."""
    limit = 0.18
    a = math.sqrt(2 * limit)
    term = Bottleneck(limit, rate=1.0)
    objective, critic, x = Wasserstein() + term.double(), Narrow(a), torch.ones(6, 1, dtype=torch.float64)
    term.multiplier.fill_(2 / a)
    with notes() as seen:
        loss = objective.critic_loss(critic, x, -x)
    (gradient,) = torch.autograd.grad(loss, critic.a)
    objective.advance_(seen)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-12)
    torch.testing.assert_close(term.multiplier, torch.tensor(2 / a, dtype=torch.float64))


@pytest.mark.parametrize("noise", ["paper", "authors"])
def test_dragans_penalty_of_a_linear_critic(noise):
    w = torch.tensor([1.0, 2.0, -2.0], dtype=torch.float64, requires_grad=True)
    x = torch.randn(8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    penalty = DRAGAN(10.0, 0.5, noise)(lambda s: s @ w, x, x)
    (gradient,) = torch.autograd.grad(penalty, w)
    torch.testing.assert_close(penalty.item(), 10 * (3 - 0.5) ** 2)
    torch.testing.assert_close(gradient, (20 * (1 - 0.5 / 3) * w).detach())


class Point(nn.Module):
    """The Dirac game's generator: one point."""

    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(1, 1, dtype=torch.float64))

    def forward(self, z):
        return self.theta.expand(len(z), 1)


class Line(nn.Module):
    """The Dirac game's critic, D(x) = psi x."""

    def __init__(self):
        super().__init__()
        self.psi = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x):
        return x @ self.psi


def eigenvalues(objective):
    """Of the field's Jacobian at the equilibrium, from one small step each way."""
    game = GAN(Point(), Line(), objective, Normal(1)).double()
    variables = [game.generator.theta, game.critic.psi]
    data = Batch(torch.zeros(4, 1, dtype=torch.float64), None, torch.arange(4))
    h, eps, columns = 1.0, 1e-6, []
    for moved in variables:
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                for v in variables:
                    v.zero_()
                moved.fill_(sign * eps)
            start = torch.stack([v.detach().flatten()[0].clone() for v in variables])
            optimizers = {n: SGD(pl.parameters(), h) for n, pl in game.players().items()}
            Simultaneous(optimizers).step(game.players(), lambda i: data, (0,))
            ends.append(torch.stack([v.detach().flatten()[0].clone() for v in variables]) - start)
        columns.append((ends[0] - ends[1]) / (2 * eps))
    found = torch.linalg.eigvals(torch.stack(columns, 1))
    return sorted(found.tolist(), key=lambda v: (v.real, v.imag))


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [
        (NonSaturating(), [-0.5j, 0.5j]),
        (Relativistic(), [-0.5j, 0.5j]),
        (Wasserstein(), [-1j, 1j]),
        (NonSaturating() + R1(1.0), [-0.5, -0.5]),
        (NonSaturating() + R1(0.4), [-0.2 - 1j * math.sqrt(0.21), -0.2 + 1j * math.sqrt(0.21)]),
        (NonSaturating() + R2(3.0), [-1.5 - math.sqrt(2), -1.5 + math.sqrt(2)]),
        (NonSaturating() + R1(0.5) + R2(0.5), [-0.5, -0.5]),
        (Relativistic() + R1(0.2) + R2(0.2), [-0.2 - 1j * math.sqrt(0.21), -0.2 + 1j * math.sqrt(0.21)]),
        (Wasserstein() + GradientPower(0.5, 2, on_real), [-0.5 - 1j * math.sqrt(0.75), -0.5 + 1j * math.sqrt(0.75)]),
        (Wasserstein() + GradientPower(0.5, 2, on_fake), [-0.5 - 1j * math.sqrt(0.75), -0.5 + 1j * math.sqrt(0.75)]),
        (Wasserstein() + GradientPower(0.5, 2, on_both), [-0.5 - 1j * math.sqrt(0.75), -0.5 + 1j * math.sqrt(0.75)]),
        (Wasserstein() + GradientPower(2, 6), [-1j, 1j]),
    ],
    ids=[
        *("NS", "Rp", "W", "NS+R1", "NS+R1 weak", "NS+R2 strong", "NS+R1+R2", "Rp+R1+R2"),
        *("W-div real", "W-div fake", "W-div both", "W-div p=6"),
    ],
)
def test_dirac_game(objective, wanted):
    """Plain games rotate; a zero-centered penalty of weight g adds -g/2 +- sqrt(g^2/4 - f'(0)^2)."""
    for found, value in zip(eigenvalues(objective), wanted, strict=True):
        assert abs(found - value) < 2e-3
