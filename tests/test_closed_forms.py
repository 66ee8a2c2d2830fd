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
from gansmith.objectives import Hinge, NonSaturating, Quadratic, Relativistic, Wasserstein
from gansmith.regularizers import R1, R2

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
    ],
    ids=["NS", "Rp", "W", "NS+R1", "NS+R1 weak", "NS+R2 strong", "NS+R1+R2", "Rp+R1+R2"],
)
def test_dirac_game(objective, wanted):
    """Plain games rotate; a zero-centered penalty of weight g adds -g/2 +- sqrt(g^2/4 - f'(0)^2)."""
    for found, value in zip(eigenvalues(objective), wanted, strict=True):
        assert abs(found - value) < 2e-3
