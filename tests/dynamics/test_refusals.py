"""What does not fit is refused in words, before any player has moved."""

import pytest
import torch
from kinds import KINDS, dynamics
from torch import nn
from torch.optim import LBFGS, SGD, Adam
from toys import adams, data, make, sgds, tensors

from gansmith.batch import Batch
from gansmith.dynamics import HEUN, Alternating, ClipNorm, Optimistic, Pull, RungeKutta, Simultaneous
from gansmith.dynamics.checks import check_networks
from gansmith.games import Player


def wrong_last(change):
    """A transform that leaves all gradients as they are but the last one."""
    return lambda gradients: [*gradients[:-1], change(gradients[-1])]


RESULTS = {
    "one number each": (lambda gs: [g.sum() * 0 + 1e-3 for g in gs], r"returned torch.float64 of shape \(\)"),
    "one too few": (lambda gs: gs[1:], "returned 5"),
    "another shape": (wrong_last(lambda g: g.repeat(2)), r"returned torch.float64 of shape \(2,\)"),
    "another precision": (wrong_last(lambda g: g.float()), "returned torch.float32"),
    "no tensor": (wrong_last(lambda g: 0.0), "returned float"),
    "nothing": (lambda gs: None, "returned NoneType"),
}


@pytest.mark.parametrize("kind", [Alternating, Simultaneous])
@pytest.mark.parametrize("result", RESULTS)
def test_a_transforms_result_is_checked_before_anybody_moves(result, kind):
    transform, message = RESULTS[result]
    game = make("GAN hinge")
    before = tensors(game)
    with pytest.raises(ValueError, match=f"transform 1, .*{message}"):
        pull = Pull(transforms={"critic": [ClipNorm(1.0), transform]})
        kind(sgds(game), pull=pull).step(game.players(), data, (0,))
    assert all(torch.equal(a, b) for a, b in zip(before, tensors(game), strict=True))
    assert all(p.grad is None for p in game.parameters())


def test_a_transform_may_take_a_gradient_away_and_give_one_of_the_parameters_shape():
    net = nn.ParameterList([torch.ones(2), torch.ones(3)])
    player = Player([net], lambda batch: net[0].sum())

    def step(transform):
        dynamics = Simultaneous({"p": SGD(net, 0.5)}, pull=Pull(transforms=[transform]))
        dynamics.step({"p": player}, data, (0,))
        return [float(p.detach().sum()) for p in net]

    assert step(lambda gs: [None, torch.ones(3)]) == [2.0, 1.5]
    for found in (torch.ones(1), torch.ones(2, 3)):
        with pytest.raises(ValueError, match=r"gradient 1 .* shape \(3,\)"):
            step(lambda gs, found=found: [gs[0], found])
        with pytest.raises(ValueError, match=r"gradient 1 .* shape \(3,\)"):
            Pull(transforms=[lambda gs, found=found: [gs[0], found]])(player, data(0), (0,))


@pytest.mark.parametrize("transforms", [ClipNorm(1.0), {"critic": ClipNorm(1.0)}])
def test_a_transform_outside_of_a_list_is_refused(transforms):
    with pytest.raises(ValueError, match=r"list of transforms.*ClipNorm\(limit=1.0\).*\[ClipNorm\(limit=1.0\)\]"):
        Pull(transforms=transforms)


def test_a_step_that_fails_leaves_no_gradient_behind():
    class Failing(SGD):
        def step(self, closure=None):
            raise RuntimeError("no step today")

    game = make("GAN hinge")
    optimizers = {name: Failing(player.parameters(), 0.1) for name, player in game.players().items()}
    with pytest.raises(RuntimeError, match="today"):
        Simultaneous(optimizers).step(game.players(), data, (0,))
    assert all(p.grad is None for p in game.parameters())


@pytest.mark.parametrize("kind", [Alternating, Simultaneous, RungeKutta])
def test_a_parameter_in_two_optimizers_is_refused(kind):
    game = make("GAN hinge")
    parameters = game.players()["critic"].parameters()
    optimizers = sgds(game) | {"critic": [SGD(parameters, 0.1), SGD(parameters[:1], 0.2)]}
    with pytest.raises(ValueError, match="critic's optimizers hold 1 parameter twice"):
        kind(optimizers).step(game.players(), data, (0,))


@pytest.mark.parametrize("frozen", ["critic", "generator"])
def test_a_player_who_may_change_nothing_is_refused(frozen):
    game = make("GAN hinge")
    optimizers = sgds(game)
    for p in getattr(game, frozen).parameters():
        p.requires_grad_(False)
    before = tensors(game)
    with pytest.raises(ValueError, match=f"the {frozen} .*requires_grad"):
        Alternating(optimizers).step(game.players(), data, (0,))
    assert all(torch.equal(a, b) for a, b in zip(before, tensors(game), strict=True))
    with pytest.raises(ValueError, match="parameters that it may change"):
        Pull()(game.players()[frozen], data(0), (0,))


@pytest.mark.parametrize("loss", [lambda batch: 1.0, lambda batch: None, lambda batch: batch.x])
def test_a_loss_that_is_no_scalar_is_refused(loss):
    with pytest.raises(ValueError, match="loss that is a scalar tensor"):
        Pull()(Player([nn.Linear(1, 1)], loss), data(0), (0,))


def test_an_optimizer_that_needs_a_closure_is_refused():
    game = make("GAN hinge")
    with pytest.raises(ValueError, match="critic's LBFGS"):
        Simultaneous(sgds(game) | {"critic": LBFGS(game.critic.parameters())})


# states of another game or dynamics


def trained(kind, name="GAN hinge"):
    game = make(name)
    moving = dynamics(kind, game)
    for _ in range(2):
        moving.step(game.players(), data, (0,))
    return moving


def without(state, key):
    return {k: v for k, v in state.items() if k != key}


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [(kind, lacks) for kind in KINDS for lacks in ("steps", "draws", "optimizers")]
    + [("optimistic", "last"), ("adaptive", "scale")],
)
def test_a_state_that_lacks_something_is_refused(kind, lacks):
    with pytest.raises(ValueError, match=f"{lacks}"):
        dynamics(kind, make("GAN hinge")).load_state_dict(without(trained(kind).state_dict(), lacks))


def changed(kind, change):
    state = trained(kind).state_dict()
    change(state)
    return state


def pop(state, name):
    del state["optimizers"][name]


FOREIGN = {
    "no generator": ("alternating", lambda state: pop(state, "generator"), "generator"),
    "no optimizer": ("alternating", lambda state: state["optimizers"]["generator"].clear(), "1 optimizer.* 0"),
    "no groups": (
        "alternating",
        lambda state: state["optimizers"]["generator"][0].pop("param_groups"),
        "generator.*param_groups",
    ),
    "fewer parameters": (
        "alternating",
        lambda state: state["optimizers"]["generator"][0]["param_groups"][0]["params"].pop(),
        r"generator.*\[6\].*\[5\]",
    ),
    "no rate": (
        "alternating",
        lambda state: state["optimizers"]["generator"][0]["param_groups"][0].pop("betas"),
        "generator.*betas",
    ),
    "other moments": (
        "alternating",
        lambda state: state["optimizers"]["generator"][0]["state"][1].update(exp_avg=torch.zeros(3)),
        r"generator.*exp_avg.*\(3,\).*\(16,\)",
    ),
    "other last gradients": (
        "optimistic",
        lambda state: state["last"].update(generator=state["last"]["critic"]),
        "last gradients of the generator",
    ),
    "fewer last gradients": ("optimistic", lambda state: state["last"]["generator"].pop(), "last gradients"),
    "an unknown player's": ("optimistic", lambda state: state["last"].update(encoder=[torch.ones(1)]), "encoder"),
    "an unknown player's optimizer": (
        "alternating",
        lambda state: state["optimizers"].update(encoder=[]),
        "one of encoder too",
    ),
    "a scale above 1": ("adaptive", lambda state: state.update(scale=2.0), "scale.*2.0"),
    "a scale that is none": ("adaptive", lambda state: state.update(scale=None), "scale.*None"),
    "momentum": (
        "adaptive",
        lambda state: state["optimizers"]["generator"][0]["param_groups"][0].update(momentum=0.9),
        "plain SGD.*momentum",
    ),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_state_is_refused_and_nothing_of_it_is_loaded(what):
    kind, change, message = FOREIGN[what]
    moving = dynamics(kind, make("GAN hinge"))
    with pytest.raises(ValueError, match=message):
        moving.load_state_dict(changed(kind, change))
    fresh = dynamics(kind, make("GAN hinge")).state_dict()
    torch.testing.assert_close(moving.state_dict(), fresh, rtol=0, atol=0)


def test_a_state_of_another_kind_of_optimizer_is_refused():
    game = make("GAN hinge")
    adam, sgd = Alternating(adams(game)), Alternating(sgds(game))
    with pytest.raises(ValueError, match="momentum"):
        sgd.load_state_dict(adam.state_dict())
    with pytest.raises(ValueError, match="betas"):
        adam.load_state_dict(sgd.state_dict())


def test_a_state_goes_between_groups_as_it_did():
    """Several optimizers and groups, amsgrad, a player whose last gradient is missing: all of it is its own."""
    net = nn.ParameterList([torch.ones(1), torch.ones(2), torch.ones(3)])
    player = Player([net], lambda b: net[0].sum() + net[2].square().sum())

    def made():
        first = Adam([{"params": [net[2]], "lr": 0.3}, {"params": [net[1]]}], amsgrad=True)
        return Optimistic({"p": [first, SGD([net[0]], 0.1, momentum=0.9)]})

    moving = made()
    moving.step({"p": player}, data, (0,))
    again = made()
    again.load_state_dict(moving.state_dict())
    torch.testing.assert_close(again.state_dict(), moving.state_dict(), rtol=0, atol=0)


# Runge-Kutta


def single(**options):
    y = nn.ParameterList([torch.ones(1, dtype=torch.float64)])
    return y, RungeKutta({"y": SGD(y, 0.5)}, **options)


def step(y, moving):
    player = Player([y], lambda b: 25 * y[0].square().sum())
    return moving.step({"y": player}, lambda draw: Batch(torch.zeros(1, 1), None, torch.arange(1)), (0,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "RK4"}, "tableau such as RK4, but got 'RK4'"),
        ({"regularize": ("y", "y")}, r"regularize needs .* but got \('y', 'y'\)"),
    ],
)
def test_what_is_no_method_and_no_regularizer_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        single(**options)


def test_momentum_that_is_set_later_is_refused():
    y, moving = single()
    step(y, moving)
    before = float(y[0].detach())
    moving.optimizers["y"][0].param_groups[0]["momentum"] = 0.9
    with pytest.raises(ValueError, match="SGD with momentum"):
        step(y, moving)
    assert float(y[0].detach()) == before


@pytest.mark.parametrize("rate", [0.5, 1e-4, 1e-7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tolerance_out_of_reach_is_said(dtype, rate):
    """In tiny steps the stages differ by nothing but rounding, and then not at all: an error of 0 would be accepted."""
    y, moving = single(method=HEUN, tolerance=1e-30)
    moving.optimizers["y"][0].param_groups[0]["lr"] = rate
    y.to(dtype)
    before = float(y[0].detach())
    with pytest.raises(ValueError, match=r"within tolerance=1e-30.*raise the tolerance"):
        step(y, moving)
    assert float(y[0].detach()) == before and moving.scale == 1


@pytest.mark.parametrize(
    ("players", "batch", "key", "message"),
    [
        (lambda game: game, data, (0,), "game.players"),
        (lambda game: game.players(), data(0), (0,), "draw -> Batch"),
        (lambda game: game.players(), data, 0, "a tuple such as"),
    ],
)
def test_a_step_says_what_it_takes(players, batch, key, message):
    game = make("GAN hinge")
    with pytest.raises(ValueError, match=message):
        Alternating(sgds(game)).step(players(game), batch, key)


NORMS = [nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d, nn.LazyInstanceNorm1d]


@pytest.mark.parametrize("kind", NORMS)
@pytest.mark.parametrize("parts", ["micro-batches", "ranks"])
def test_running_statistics_of_instances_are_refused_where_a_batch_has_parts(kind, parts, monkeypatch):
    """Once each rank had running ones of its own rows, and micro-batches moved them several times."""
    if parts == "ranks":
        monkeypatch.setattr("gansmith.dynamics.checks.place", lambda group: (2, 0))
    pull = Pull(micro=2 if parts == "micro-batches" else 1)
    size = [] if kind is nn.LazyInstanceNorm1d else [2]

    def players(norm):
        return {"critic": Player([nn.Sequential(nn.Linear(2, 2), norm)], lambda batch: torch.zeros(()))}

    tracked = kind(*size, track_running_stats=True)
    with pytest.raises(ValueError, match=f"but found {type(tracked).__name__} with running ones: .*=False") as error:
        check_networks(players(tracked), pull)
    assert "\n" not in str(error.value)
    check_networks(players(tracked.eval()), pull)
    check_networks(players(kind(*size, track_running_stats=False)), pull)
    if parts == "micro-batches":
        check_networks(players(tracked.train()), Pull())


@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag])
def test_a_table_that_rescales_what_a_rank_looks_up_is_refused_on_ranks(kind, monkeypatch):
    """Once each rank rescaled the rows of its own samples only, and the ranks' weights went apart."""

    def players(largest):
        return {"critic": Player([kind(5, 2, max_norm=largest)], lambda batch: torch.zeros(()))}

    check_networks(players(1.0), Pull(micro=2))
    monkeypatch.setattr("gansmith.dynamics.checks.place", lambda group: (2, 0))
    check_networks(players(None), Pull())
    with pytest.raises(ValueError, match=f"but found {kind.__name__} with max_norm, .*: leave it out"):
        check_networks(players(1.0), Pull())


def test_micro_batches_of_a_table_that_rescales_equal_the_whole():
    table = nn.Embedding(6, 2, max_norm=0.5).double()
    player = Player([table], lambda batch: table((batch.x[:, 0].abs() * 2).long().clamp(max=5)).pow(3).sum(1).mean())
    found = []
    for micro in (1, 3):
        table.load_state_dict({"weight": torch.arange(1.0, 13).view(6, 2).double()})
        found.append(Pull(micro=micro)(player, data(0), (0,))[0])
    torch.testing.assert_close(*found)


class ByClosure(SGD):
    def step(self, closure):
        closure()
        return super().step()


def test_an_optimizer_that_asks_for_a_closure_is_refused():
    game = make("GAN hinge")
    with pytest.raises(ValueError, match="critic's ByClosure evaluates the loss itself, in a closure"):
        Simultaneous(sgds(game) | {"critic": ByClosure(game.critic.parameters(), 0.1)})


def test_a_player_that_is_renamed_on_the_way_is_refused():
    game = make("GAN hinge")
    moving = Simultaneous(sgds(game))
    moving.step(game.players(), data, (0,))
    players = {"third" if name == "generator" else name: player for name, player in game.players().items()}
    with pytest.raises(ValueError, match="needs an optimizer for the player 'third'"):
        moving.step(players, data, (0,))


def test_a_parameter_that_is_replaced_between_two_steps_is_refused():
    game = make("GAN hinge")
    dynamics = Alternating(sgds(game))
    dynamics.step(game.players(), data, (0,))
    layer = next(m for m in game.critic.modules() if isinstance(m, nn.Linear))
    layer.weight = nn.Parameter(layer.weight.detach().clone())
    before = tensors(game)
    with pytest.raises(ValueError, match=r"the critic's optimizer lacks 1 of its \d+ parameters"):
        dynamics.step(game.players(), data, (0,))
    assert all(torch.equal(a, b) for a, b in zip(before, tensors(game), strict=True))
