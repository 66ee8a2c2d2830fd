"""Orders, ODE-GAN's regularizer, and the step that adapts."""

import math

import pytest
import torch
from torch import nn
from torch.optim import SGD
from toys import GAMES, Counted, D, Z, data, make, mlp, sgds, tensors

from gansmith.batch import Batch
from gansmith.dynamics import EULER, HEUN, MIDPOINT, RK4, Decay, Diverged, Pull, RungeKutta, Simultaneous, Tableau
from gansmith.games import GAN, Player
from gansmith.games.latents import Normal
from gansmith.objectives import NonSaturating
from gansmith.regularizers import R1

RULES = {"Euler": (EULER, 1), "midpoint": (MIDPOINT, 2), "Heun": (HEUN, 2), "RK4": (RK4, 4)}
RULES["Ralston"] = Tableau(((), (2 / 3,)), (1 / 4, 3 / 4)), 2


def nothing(draw):
    return Batch(torch.zeros(1, 1), None, torch.arange(1))


def alone(loss, start=1.0):
    y = nn.ParameterList([torch.tensor([start], dtype=torch.float64)])
    return y, {"y": Player([y], lambda b: loss(y[0]))}


def solved(method, steps):
    """y' = -y^2 from 1 to time 1: 1 / (1 + t)."""
    y, players = alone(lambda y: y.pow(3).sum() / 3)
    dynamics = RungeKutta({"y": SGD(y, 1 / steps)}, method=method)
    for _ in range(steps):
        dynamics.step(players, nothing, (0,))
    return abs(float(y[0].detach()) - 0.5)


@pytest.mark.parametrize("name", RULES)
def test_the_order_of_convergence(name):
    method, order = RULES[name]
    assert abs(math.log2(solved(method, 32) / solved(method, 64)) - order) < 0.1


def test_heun_as_the_public_notebook_has_it_is_of_order_one():
    wrong = Tableau(((), (0.5,)), (0.5, 0.5))
    assert abs(math.log2(solved(wrong, 32) / solved(wrong, 64)) - 1) < 0.1


def test_tableaus_are_checked():
    with pytest.raises(ValueError, match="rows of 1, 1"):
        Tableau(((0.5,), (0.5,)), (0.5, 0.5))
    with pytest.raises(ValueError, match="2 weights of sum 1"):
        Tableau(((), (0.5,)), (0.5, 0.6))
    with pytest.raises(ValueError, match="embedded weights of sum 1"):
        Tableau(((), (0.5,)), (0.5, 0.5), (1.0,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", GAMES)
def test_euler_is_simultaneous_to_the_bit(name, dtype):
    """So is ODE-GAN with the weight 0."""
    ends = []
    for kind in (
        Simultaneous,
        lambda o, **k: RungeKutta(o, method=EULER, **k),
        lambda o, **k: RungeKutta(o, method=EULER, regularize=("generator", "critic", 0.0), **k),
    ):
        game = make(name, dtype)
        dynamics = kind(sgds(game), schedule=Decay(3))
        for _ in range(3):
            dynamics.step(game.players(), lambda i: data(i, dtype=dtype), (3,))
        ends.append(tensors(game))
    for end in ends[1:]:
        assert all(torch.equal(a, b) for a, b in zip(ends[0], end, strict=True))


def test_groups_integrate_with_their_own_rates():
    """x' = -2 y, y' = -x + (rates 2 and 1): against torch's matrix exponential."""
    x, y = (nn.ParameterList([torch.ones(1, dtype=torch.float64)]) for _ in range(2))
    players = {"both": Player([x, y], lambda b: (x[0] * y[0]).sum())}
    h = 0.05
    dynamics = RungeKutta({"both": SGD([{"params": list(x), "lr": 2 * h}, {"params": list(y), "lr": h}])})
    for _ in range(10):
        dynamics.step(players, nothing, (0,))
    wanted = torch.linalg.matrix_exp(torch.tensor([[0.0, -2.0], [-1.0, 0.0]], dtype=torch.float64) * 10 * h)
    found = torch.stack([x[0].detach()[0], y[0].detach()[0]])
    torch.testing.assert_close(found, wanted.sum(1), rtol=1e-5, atol=0)
    assert not torch.allclose(found, wanted.sum(1), rtol=1e-9, atol=0)  # an integration, no exponential


def penalty(game, weight):
    """The regularizer by the definition: lambda times the sum of squares of the generator's gradient."""
    gradients, _ = Pull()(game.players()["generator"], data(0), (3, 0))
    return weight * sum(float(g.square().sum()) for g in gradients)


@pytest.mark.parametrize("name", ["GAN NS+R1+R2", "R3GAN", "WGAN-GP", "O-GAN NS+R1+R2"])
def test_the_regularizer_against_finite_differences(name):
    moved = []
    weight, h = 0.07, 0.01
    for regularize in (None, ("generator", "critic", weight)):
        game = make(name)
        dynamics = RungeKutta(sgds(game, h), regularize=regularize)
        dynamics.step(game.players(), data, (3,))
        moved.append({n: [p.detach().clone() for p in player.parameters()] for n, player in game.players().items()})
    without, with_it = moved
    assert all(torch.equal(a, b) for a, b in zip(without["generator"], with_it["generator"], strict=True))
    told = [(a - b) / h for a, b in zip(without["critic"], with_it["critic"], strict=True)]
    game = make(name)
    critic = game.players()["critic"].parameters()
    generator = torch.Generator().manual_seed(0)
    along = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in critic]
    values, step = [], 1e-4
    for shift in (-2 * step, step, 2 * step, step):  # at -2, -1, 1, 2
        with torch.no_grad():
            for p, d in zip(critic, along, strict=True):
                p.add_(d, alpha=shift)
        values.append(penalty(game, weight))
    seen = (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * step)
    assert seen != 0
    torch.testing.assert_close(
        sum(float((t * d).sum()) for t, d in zip(told, along, strict=True)), seen, rtol=1e-6, atol=0
    )


def test_the_regularizer_starts_from_the_buffers_of_its_players_pass():
    """Spectral norm takes a power iteration a pass: the second derivative must be that of the same function."""
    torch.manual_seed(1)
    game = GAN(mlp(Z, D), Counted(spectral=True), NonSaturating(), Normal(Z)).double()
    vectors = {n: b.clone() for n, b in game.named_buffers()}
    plain = {n: Pull()(p, data(0), (3, 0))[0] for n, p in game.players().items()}
    after = {n: b.clone() for n, b in game.named_buffers()}
    game.load_state_dict(vectors, strict=False)
    Pull()(game.players()["critic"], data(0), (3, 0))
    before = [p.detach().clone() for p in game.critic.parameters()]
    critic = game.players()["critic"].parameters()
    slope, _ = Pull()(game.players()["generator"], data(0), (3, 0), wrt=critic, along=plain["generator"])
    game.load_state_dict(vectors, strict=False)
    RungeKutta(sgds(game, 0.1), method=EULER, regularize=("generator", "critic", 0.5)).step(game.players(), data, (3,))
    for p, was, g, s in zip(critic, before, plain["critic"], slope, strict=True):
        torch.testing.assert_close(p.detach(), was - 0.1 * (g + s), rtol=1e-12, atol=1e-14)
    assert all(torch.equal(buffer, after[name]) for name, buffer in game.named_buffers())
    assert any(not torch.equal(buffer, vectors[name]) for name, buffer in game.named_buffers())


def test_stages_start_from_the_same_buffers():
    """With spectral norm in the critic, too, the whole step is of order 4: each stage is the same function."""

    def end(steps):
        torch.manual_seed(1)
        game = GAN(mlp(Z, D), Counted(spectral=True), NonSaturating() + R1(), Normal(Z)).double()
        kept = [b.clone() for b in game.buffers()]
        dynamics = RungeKutta(sgds(game, 0.4 / steps))
        for _ in range(steps):
            dynamics.step(game.players(), lambda draw: data(0), (3,))
            dynamics.draws = 0  # the same batch and key: one autonomous field
            for b, k in zip(game.buffers(), kept, strict=True):
                b.copy_(k)
        return torch.cat([p.detach().flatten() for p in game.parameters()])

    exact = end(64)
    assert abs(math.log2(float((end(4) - exact).norm() / (end(8) - exact).norm())) - 4) < 0.5


def test_stages_share_one_batch_and_project_after_the_whole_step():
    seen, drawn = [], []
    y, _ = alone(None)
    player = Player(
        [y], lambda b: (seen.append(float(y[0].detach())), y[0].square().sum())[1], lambda: y[0].data.clamp_(min=0.9)
    )
    RungeKutta({"y": SGD(y, 0.3)}).step({"y": player}, lambda i: (drawn.append(i), nothing(i))[1], (0,))
    assert drawn == [0] and len(seen) == 4 and min(seen) < 0.9 and float(y[0].detach()) == 0.9


def counted(loss):
    calls = []
    y, _ = alone(None)
    return y, {"y": Player([y], lambda b: (calls.append(1), loss(y[0]))[1])}, calls


def test_a_step_shrinks_until_its_error_is_within_the_tolerance():
    """Heun on y' = -50 y: the error of a step is h^2 50^2 y / 2 in the difference of the two methods."""
    y, players, calls = counted(lambda y: 25 * y.square().sum())
    dynamics = RungeKutta({"y": SGD(y, 0.5)}, method=HEUN, tolerance=1e-2)
    before = float(y[0].detach())
    said = dynamics.step(players, nothing, (0,))
    h = float(said["y/step_size"])
    assert (50 * h) ** 2 * before / 2 <= 1e-2 < (50 * 3 * h) ** 2 * before / 2
    assert math.isclose(float(y[0].detach()), before * (1 - 50 * h + (50 * h) ** 2 / 2), rel_tol=1e-12)
    assert len(calls) > 3  # a first stage, and a second one at each try
    for _ in range(200):
        said = dynamics.step(players, nothing, (0,))
    assert abs(float(y[0].detach())) < 0.05 and h < float(said["y/step_size"]) <= 0.5


def test_each_try_evaluates_the_later_stages_only_and_measures_its_error():
    y, players, calls = counted(lambda y: 25 * y.square().sum())
    dynamics = RungeKutta({"y": SGD(y, 0.5)}, method=HEUN, tolerance=1e-2)
    tries, error = [], dynamics._error
    dynamics._error = lambda *arguments: (tries.append(error(*arguments)), tries[-1])[1]
    h = float(dynamics.step(players, nothing, (0,))["y/step_size"])
    assert len(tries) > 1 and len(calls) == 1 + len(tries)
    torch.testing.assert_close(tries[-1], (50 * h) ** 2 / 2)


def test_the_error_is_a_root_mean_square_over_all_parameters():
    """Two players, of which one (of three parameters) has no error: the mean is over all four."""
    y, players, _ = counted(lambda y: 25 * y.square().sum())
    w = nn.ParameterList([torch.ones(3, dtype=torch.float64)])
    players["w"] = Player([w], lambda b: w[0].sum())
    dynamics = RungeKutta({"y": SGD(y, 0.01), "w": SGD(w, 0.01)}, method=HEUN, tolerance=1.0)
    found, error = [], dynamics._error
    dynamics._error = lambda *arguments: (found.append(error(*arguments)), found[-1])[1]
    dynamics.step(players, nothing, (0,))
    torch.testing.assert_close(found, [0.5**2 / 2 / 2])


def test_the_step_never_exceeds_the_learning_rate():
    y, players, _ = counted(lambda y: y.square().sum() / 2)
    dynamics = RungeKutta({"y": SGD(y, 1e-3)}, method=HEUN, tolerance=1.0, schedule=Decay(10, 0.0, 0.0))
    sizes = [float(dynamics.step(players, nothing, (0,))["y/step_size"]) for _ in range(5)]
    torch.testing.assert_close(sizes, [1e-3 * (1 - i / 10) for i in range(5)])


def test_the_scale_is_state():
    y, players, _ = counted(lambda y: 25 * y.square().sum())
    dynamics = RungeKutta({"y": SGD(y, 1.0)}, method=HEUN, tolerance=1e-2)
    dynamics.step(players, nothing, (0,))
    again = RungeKutta({"y": SGD(y, 1.0)}, method=HEUN, tolerance=1e-2)
    again.load_state_dict(dynamics.state_dict())
    assert again.scale == dynamics.scale < 1


def test_an_error_that_does_not_fall_is_said_and_changes_nothing():
    """Under a kink no step is small enough; the weights stay where they were."""
    y, players, _ = counted(lambda y: 1e18 * y.abs().sum())
    y[0].data.fill_(1e-9)
    dynamics = RungeKutta({"y": SGD(y, 1.0)}, method=HEUN, tolerance=1e-3)
    with pytest.raises(ValueError, match=r"the last try, at 1e-06 times.*raise the tolerance"):
        dynamics.step(players, nothing, (0,))
    assert float(y[0].detach()) == 1e-9 and dynamics.scale == 1 and dynamics.steps == 0


def test_a_stage_that_went_too_far_is_tried_again():
    """sqrt(y) has no value below 0, where the first tries land."""
    y, players, _ = counted(lambda y: 2 * y.pow(1.5).sum() / 3 + y.sqrt().sum())
    dynamics = RungeKutta({"y": SGD(y, 3.0)}, method=HEUN, tolerance=1e-2)
    dynamics.step(players, nothing, (0,))
    assert 0 < float(y[0].detach()) < 1
    y, players, _ = counted(lambda y: 2 * y.pow(1.5).sum() / 3 + y.sqrt().sum())
    with pytest.raises(Diverged, match="y's loss"):
        RungeKutta({"y": SGD(y, 3.0)}, method=HEUN).step(players, nothing, (0,))


def test_nonsense_is_refused():
    y, _, _ = counted(None)
    for options, message in (
        ({"tolerance": 1e-3}, "embedded"),
        ({"tolerance": 0.0, "method": HEUN}, "above 0"),
        ({"regularize": ("generator", "y", 1.0)}, "of y"),
        ({"regularize": ("y", "y", -1.0)}, "weight >= 0"),
    ):
        with pytest.raises(ValueError, match=message):
            RungeKutta({"y": SGD(y, 1.0)}, **options)
    dynamics = RungeKutta({"y": SGD(y, 1.0)})
    with pytest.raises(ValueError, match="plain SGD"):
        state = dynamics.state_dict()
        state["optimizers"]["y"][0]["param_groups"][0]["momentum"] = 0.9
        dynamics.load_state_dict(state)
