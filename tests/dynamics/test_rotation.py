"""How each dynamics treats a rotation, the one field that GANs have and single minimizations have not."""

import math

import pytest
import torch
from kinds import KINDS
from torch import nn
from torch.optim import SGD

from gansmith.batch import Batch
from gansmith.dynamics import Consensus
from gansmith.games import Player

W = 1.3


def rotation(x0, y0):
    """min over x and max over y of W x y: the field's eigenvalues are +-iW."""
    x, y = (nn.ParameterList([torch.full((1,), v, dtype=torch.float64)]) for v in (x0, y0))
    return {
        "critic": Player([y], lambda b: -W * (x[0] * y[0]).sum()),
        "generator": Player([x], lambda b: W * (x[0] * y[0]).sum()),
    }


def turned(kind, h, steps, start=(1.0, 0.0)):
    """(y, x) after some steps."""
    players = rotation(*reversed(start))
    dynamics = kind({n: SGD(p.parameters(), h) for n, p in players.items()})
    for _ in range(steps):
        dynamics.step(players, lambda i: Batch(torch.zeros(1, 1), None, torch.arange(1)), (0,))
    return torch.stack([p.modules[0][0].detach()[0] for p in players.values()])


def matrix(kind, h):
    """The linear map of one step."""
    return torch.stack([turned(kind, h, 1, start) for start in ((1.0, 0.0), (0.0, 1.0))], 1)


MODULI = {
    "simultaneous": lambda a: math.sqrt(1 + a**2),
    "alternating": lambda a: 1.0,
    "extragradient": lambda a: math.sqrt(1 - a**2 + a**4),
    "Euler": lambda a: math.sqrt(1 + a**2),
    "midpoint": lambda a: math.sqrt(1 + a**4 / 4),
    "Heun": lambda a: math.sqrt(1 + a**4 / 4),
    "RK4": lambda a: math.sqrt(1 - a**6 / 72 + a**8 / 576),
}


@pytest.mark.parametrize("a", [0.1, 0.5, 1.2, 1.9])
@pytest.mark.parametrize("name", MODULI)
def test_the_modulus_of_a_step(name, a):
    moduli = torch.linalg.eigvals(matrix(KINDS[name], a / W)).abs()
    torch.testing.assert_close(moduli, torch.full_like(moduli, MODULI[name](a)), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("name", "border"), [("extragradient", 1.0), ("RK4", 2 * math.sqrt(2)), ("alternating", 2.0)])
def test_where_a_step_begins_to_diverge(name, border):
    inside, outside = (
        float(torch.linalg.eigvals(matrix(KINDS[name], a / W)).abs().max()) for a in (border - 1e-3, border + 1e-3)
    )
    assert inside < 1 + 1e-12 and outside > 1 + 1e-6


@pytest.mark.parametrize("a", [0.1, 0.3, 0.45])
def test_optimism_contracts_as_its_recurrence_says(a):
    """z'' = z' - i a (2 z' - z), whose larger root has the modulus sqrt((1 + sqrt(1 - 4 a^2)) / 2)."""
    path = [1 + 0j, 1 - 1j * a]
    for _ in range(38):
        path.append(path[-1] - 1j * a * (2 * path[-1] - path[-2]))
    end = turned(KINDS["optimistic"], a / W, 39, (0.0, 1.0))  # x + iy with x' = -W y, y' = W x turns the other way
    torch.testing.assert_close(end.norm().item(), abs(path[-1]), rtol=1e-12, atol=0)
    far = turned(KINDS["optimistic"], a / W, 400).norm(), turned(KINDS["optimistic"], a / W, 401).norm()
    wanted = math.sqrt((1 + math.sqrt(1 - 4 * a**2)) / 2)
    assert math.isclose(float(far[1] / far[0]), wanted, rel_tol=1e-9)


def test_plain_descent_is_no_optimism():
    assert turned(KINDS["optimistic"], 0.3, 50).norm() < 1 < turned(KINDS["simultaneous"], 0.3, 50).norm()


@pytest.mark.parametrize("gamma", [0.0, 0.2, 0.7])
def test_consensus_moves_the_eigenvalues_into_the_left_half_plane(gamma):
    h = 0.1
    step = matrix(lambda optimizers: Consensus(optimizers, gamma), h)
    found = torch.linalg.eigvals((step - torch.eye(2, dtype=torch.float64)) / h)
    found = found[found.imag.argsort()]
    wanted = torch.tensor([-gamma * W**2 - 1j * W, -gamma * W**2 + 1j * W], dtype=torch.complex128)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def fall(kind, steps):
    """The error after a quarter of a turn, by the exact solution."""
    h = math.pi / 2 / W / steps
    return float((turned(kind, h, steps).double() - torch.tensor([0.0, -1.0], dtype=torch.float64)).norm())


@pytest.mark.parametrize(("name", "order"), [("Euler", 1), ("midpoint", 2), ("Heun", 2), ("RK4", 4)])
def test_the_joint_order_on_a_rotation(name, order):
    found = math.log2(fall(KINDS[name], 16) / fall(KINDS[name], 32))
    assert abs(found - order) < 0.15
