"""Moves: exact resume, hooks that cannot disturb, micro-batches, refusals, and how a rotation is treated."""

import io
import math
import warnings

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam
from toys import GAMES, WHOLE_BATCH, Anchored, Counted, D, EverySecond, Z, adams, data, make, mlp, sgds, tensors

from gansmith.batch import Batch
from gansmith.chance import Part, keyed
from gansmith.dynamics import Alternating, Decay, Diverged, Pull, Simultaneous, bursts
from gansmith.games import GAN, OGAN, Player
from gansmith.games.latents import Normal
from gansmith.games.ogan import correlation
from gansmith.notes import notes
from gansmith.objectives import Hinge, NonSaturating, Relativistic, Wasserstein
from gansmith.regularizers import R1, ClipWeights, GradientPenalty
from gansmith.testing.differences import assert_gradient


class Everything(nn.Module):
    """A critic with spectral norm and dropout."""

    def __init__(self):
        super().__init__()
        self.net, self.drop = Counted(spectral=True), nn.Dropout(0.2)

    def forward(self, x):
        return self.net(self.drop(x))


def build(kind=Alternating, **options):
    torch.manual_seed(1)
    objective = Hinge() + Anchored() + EverySecond(R1()) + GradientPenalty()
    game = GAN(mlp(Z, D, batch_norm=True), Everything(), objective, Normal(Z)).double()
    return game, kind(adams(game), schedule=Decay(10), **options)


def go(game, dynamics, steps, hook=lambda: None, pick=data):
    for _ in range(steps):
        dynamics.step(game.players(), pick, (7,))
        hook()
    return tensors(game)


def same(a, b):
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


MOVES = {"critic": lambda step: 3 if step == 0 else 2}


def test_hooks_that_draw_change_nothing():
    torch.manual_seed(5)
    one = go(*build(**MOVES), 8)
    torch.manual_seed(99)
    assert same(one, go(*build(**MOVES), 8, hook=lambda: torch.randn(17)))


@pytest.mark.parametrize("kind", [Alternating, Simultaneous])
def test_resume_is_exact(kind):
    """Adam, BatchNorm, spectral norm, dropout, terms with buffers and with counts, a schedule."""
    options = MOVES if kind is Alternating else {}
    one = go(*build(kind, **options), 10)
    game, dynamics = build(kind, **options)
    go(game, dynamics, 4)
    file = io.BytesIO()
    torch.save({"game": game.state_dict(), "dynamics": dynamics.state_dict()}, file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    game, dynamics = build(kind, **options)
    torch.randn(3)
    game.load_state_dict(state["game"])
    dynamics.load_state_dict(state["dynamics"])
    assert same(one, go(game, dynamics, 6))


@pytest.mark.parametrize("name", [*GAMES, *WHOLE_BATCH])
def test_every_game_resumes_exactly(name):
    def fresh():
        game = make(name)
        return game, Alternating(adams(game))

    one = go(*fresh(), 7)
    game, dynamics = fresh()
    go(game, dynamics, 4)
    file = io.BytesIO()
    torch.save({"game": game.state_dict(), "dynamics": dynamics.state_dict()}, file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    game, dynamics = fresh()
    game.load_state_dict(state["game"])
    dynamics.load_state_dict(state["dynamics"])
    assert same(one, go(game, dynamics, 3))


def test_resume_without_the_draw_count_would_be_seen():
    one = go(*build(**MOVES), 10)
    game, dynamics = build(**MOVES)
    go(game, dynamics, 4)
    dynamics.draws -= 1
    assert not same(one, go(game, dynamics, 6))


@pytest.mark.parametrize("name", WHOLE_BATCH)
def test_micro_batches_of_what_is_no_mean_are_refused(name):
    with pytest.raises(ValueError, match="no mean over samples"):
        Pull(micro=2)(make(name).players()["critic"], data(0), (0,))


def test_micro_batches_are_refused_with_state_in_the_forward_pass():
    for options, message in (({"batch_norm": True}, "BatchNorm"), ({"spectral": True}, "spectral")):
        game = GAN(mlp(Z, D, **options), Counted(), Hinge(), Normal(Z)).double()
        with pytest.raises(ValueError, match=message):
            Alternating(adams(game), pull=Pull(micro=2)).step(game.players(), data, (0,))


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_unequal_micro_batches_equal_the_whole(parts):
    player = make("O-GAN NS+R1+R2").players()["critic"]
    whole, said = Pull()(player, data(0), (3,))
    parted, told = Pull(micro=parts)(player, data(0), (3,))
    torch.testing.assert_close(parted, whole)
    torch.testing.assert_close(told, said)


def test_players_that_share_a_parameter_are_refused():
    net = nn.Linear(1, 1)
    players = {n: Player([net], lambda b: net(b.x).mean()) for n in ("a", "b")}
    dynamics = Alternating({n: SGD(net.parameters(), 0.1) for n in players})
    with pytest.raises(ValueError, match="a and b share one"):
        dynamics.step(players, data, (0,))


def test_optimizers_must_hold_what_their_players_own():
    game = make("O-GAN linear Rp+GP")
    generator = Adam(game.generator.parameters())
    for critic, message in (
        (Adam(game.critic.parameters()), "lacks 2 of its 8"),  # the head is forgotten
        (Adam([*game.critic.parameters(), *game.head.parameters(), nn.Parameter(torch.ones(1))]), "holds 1"),
    ):
        with pytest.raises(ValueError, match=message):
            Alternating({"critic": critic, "generator": generator}).step(game.players(), data, (0,))
    with pytest.raises(ValueError, match="'critic'"):
        Alternating({"generator": generator}).step(game.players(), data, (0,))
    with pytest.raises(ValueError, match="moves of critik"):
        Alternating(adams(game), critik=5)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("kind", [Alternating, Simultaneous])
def test_every_game_runs_in_every_dynamics(name, kind):
    game = make(name)
    dynamics = kind(adams(game))
    before = tensors(game)
    for _ in range(3):
        said = dynamics.step(game.players(), data, (0,))
    assert all(bool(v.isfinite()) for v in said.values()) and {"critic/loss", "generator/loss"} <= set(said)
    assert not same(before, tensors(game))


def test_a_move_changes_its_own_player_only():
    game = make("GAN NS+R1+R2")
    seen = {}
    dynamics = Alternating(adams(game))
    apply = dynamics._apply

    def watched(name, player, gradients):
        before = {n: p.detach().clone() for n, p in game.named_parameters()}
        apply(name, player, gradients)
        seen[name] = {n.split(".")[0] for n, p in game.named_parameters() if not torch.equal(p, before[n])}

    dynamics._apply = watched
    dynamics.step(game.players(), data, (0,))
    assert seen == {"critic": {"critic"}, "generator": {"generator"}}


def test_moves_are_counted_and_each_has_a_fresh_batch():
    game, drawn = make("GAN hinge"), []
    dynamics = Alternating(adams(game), critic=lambda step: 4 if step == 0 else 2, generator=1)

    def batch(draw):
        drawn.append(draw)
        return data(draw)

    dynamics.step(game.players(), batch, (0,))
    dynamics.step(game.players(), batch, (0,))
    assert drawn == list(range(8)) and game.critic.calls == 4 * 2 + 1 + 2 * 2 + 1


def test_the_first_wasserstein_gan():
    """RMSprop, clipped weights, and bursts of critic moves."""
    game = make("WGAN-clip")
    optimizers = {n: torch.optim.RMSprop(p.parameters(), 5e-5) for n, p in game.players().items()}
    dynamics = Alternating(optimizers, critic=bursts(usual=2, burst=7, first=2, every=4))
    for expected in (7, 7, 2, 2, 7, 2):
        before = dynamics.moved["critic"]
        dynamics.step(game.players(), data, (0,))
        assert dynamics.moved["critic"] - before == expected
        assert max(p.abs().max() for p in game.critic.parameters()) <= 0.1


def test_simultaneous_moves_share_one_batch():
    game, drawn = make("GAN hinge"), []
    Simultaneous(adams(game)).step(game.players(), lambda i: (drawn.append(i), data(i))[1], (0,))
    assert drawn == [0]


def test_history_advances_once_per_accepted_move():
    for kind in (Alternating, Simultaneous):
        game = make("anchored")
        dynamics = kind(adams(game))
        for _ in range(5):
            dynamics.step(game.players(), data, (1,))
        with notes():
            game.players()["critic"].loss(data(0))  # a monitor looks, and nothing advances
        anchored, second = game.objective.terms
        assert (anchored.advanced, second.count) == (5, 5)


def test_projection_follows_every_move():
    game = make("WGAN-clip")
    Alternating(adams(game, 0.5)).step(game.players(), data, (0,))
    assert max(p.abs().max() for p in game.critic.parameters()) <= 0.1


def test_a_schedule_writes_the_rates():
    game = make("GAN hinge")
    dynamics = Alternating(adams(game, 0.01), schedule=Decay(4, start=0.5, end=0.1))
    rates = []
    for _ in range(5):
        dynamics.step(game.players(), data, (0,))
        rates.append(dynamics.optimizers["critic"][0].param_groups[0]["lr"])
    torch.testing.assert_close(rates, [0.01, 0.01, 0.01, 0.0055, 0.001])


def test_several_optimizers_for_a_player():
    game = make("O-GAN linear Rp+GP")
    optimizers = {
        "critic": [Adam(game.critic.parameters(), 1e-2), SGD(game.head.parameters(), 1e-2)],
        "generator": Adam(game.generator.parameters(), 1e-2),
    }
    before = [p.detach().clone() for p in (*game.critic.parameters(), *game.head.parameters())]
    Alternating(optimizers).step(game.players(), data, (0,))
    after = [*game.critic.parameters(), *game.head.parameters()]
    # the paired relativistic loss does not see a constant: the head's bias alone keeps its place
    assert [bool((a != b).any()) for a, b in zip(after, before, strict=True)] == [True] * 7 + [False]


def test_divergence_names_step_player_and_term_and_changes_nothing():
    class Bad(R1):
        def forward(self, critic, real, fake, witness=None):
            return super().forward(critic, real, fake) * (torch.nan if dynamics.steps == 2 else 1.0)

    torch.manual_seed(0)
    game = GAN(mlp(Z, D), Counted(), NonSaturating() + Bad() + GradientPenalty(), Normal(Z)).double()
    dynamics = Alternating(adams(game))
    for _ in range(2):
        dynamics.step(game.players(), data, (0,))
    before, state = (
        tensors(game),
        {k: v.clone() for k, v in dynamics.optimizers["critic"][0].state_dict()["state"][0].items()},
    )
    with pytest.raises(Diverged, match="the critic's Bad became infinite or NaN at step 2"):
        dynamics.step(game.players(), data, (0,))
    assert same(before, tensors(game))
    assert all(torch.equal(v, dynamics.optimizers["critic"][0].state_dict()["state"][0][k]) for k, v in state.items())


class Idle(nn.Module):
    """A critic with a weight whose gradient is 0."""

    def __init__(self):
        super().__init__()
        self.net, self.idle = Counted(), nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.net(x) + 0 * self.idle


def test_an_update_that_is_not_finite_is_blamed_on_its_player():
    """Adam without eps divides 0 by 0: a finite gradient, and a weight that is NaN; the generator's loss meets it."""
    game = GAN(mlp(Z, D), Idle(), Hinge(), Normal(Z)).double()
    rates = {"critic": 0.0, "generator": 1e-8}
    dynamics = Alternating({n: torch.optim.Adam(p.parameters(), 1e-3, eps=rates[n]) for n, p in game.players().items()})
    with pytest.raises(Diverged, match=r"the critic's .*idle.* became infinite or NaN at step 0") as caught:
        dynamics.step(game.players(), data, (0,))
    assert caught.value.player == "critic"
    game = make("GAN hinge")
    dynamics = Alternating(sgds(game))
    dynamics.step(game.players(), data, (0,))
    with torch.no_grad():
        next(game.generator.parameters()).fill_(torch.inf)
    with pytest.raises(Diverged, match=r"the generator's .* became infinite or NaN between step 0 and 1"):
        dynamics.step(game.players(), data, (0,))


def test_an_infinite_gradient_of_a_finite_loss_is_seen():
    w = nn.Parameter(torch.zeros(1))
    owner = nn.ParameterList([w])
    player = Player([owner], lambda b: w.abs().sqrt().sum())
    with pytest.raises(Diverged, match="gradient"):
        Pull()(player, data(0), (0,))


def test_transforms_see_the_gradient():
    player = make("GAN hinge").players()["critic"]
    plain, _ = Pull()(player, data(0), (0,))
    half, _ = Pull(transforms=[lambda gs: [None if g is None else g / 2 for g in gs]])(player, data(0), (0,))
    torch.testing.assert_close([2 * g for g in half], plain)


@pytest.mark.parametrize("name", ["GAN NS+R1+R2", "O-GAN NS+R1+R2", "R3GAN", "WGAN-GP"])
@pytest.mark.parametrize("of", ["critic", "generator"])
def test_the_gradient_along_a_direction(name, of):
    """In everybody's parameters, <v, own gradient> against finite differences; and over micro-batches."""
    game = make(name)
    players = game.players()
    everyone = [p for player in players.values() for p in player.parameters()]
    torch.manual_seed(0)
    v = [torch.randn_like(p) for p in players[of].parameters()]
    u = [torch.randn_like(p) for p in everyone]
    crossed, _ = Pull()(players[of], data(0), (5,), wrt=everyone, along=v)
    parted, _ = Pull(micro=2)(players[of], data(0), (5,), wrt=everyone, along=v)
    torch.testing.assert_close(parted, crossed)
    told = sum((c * d).sum() for c, d in zip(crossed, u, strict=True) if c is not None)

    def inner():
        own, _ = Pull()(players[of], data(0), (5,))
        return sum((g * a).sum() for g, a in zip(own, v, strict=True) if g is not None)

    values = []
    for shift in (1e-6, -2e-6):
        with torch.no_grad():
            for p, d in zip(everyone, u, strict=True):
                p.add_(d, alpha=shift)
        values.append(inner())
    torch.testing.assert_close(told, (values[0] - values[1]) / 2e-6, rtol=1e-6, atol=1e-7)


def rotation(w=1.0):
    """min over x and max over y of w x y: the players' field is a rotation."""
    x, y = (nn.ParameterList([torch.full((1,), v, dtype=torch.float64)]) for v in (1.0, 0.0))
    return {
        "y": Player([y], lambda b: -w * (x[0] * y[0]).sum()),
        "x": Player([x], lambda b: w * (x[0] * y[0]).sum()),
    }


def turned(players, kind, h, steps):
    dynamics = kind({n: SGD(p.parameters(), h) for n, p in players.items()})
    for _ in range(steps):
        dynamics.step(players, lambda i: Batch(torch.zeros(1, 1), None, torch.arange(1)), (0,))
    return torch.stack([p.modules[0][0].detach()[0] for p in players.values()])


def test_simultaneous_moves_spiral_outward():
    h = 0.3
    radius = float(turned(rotation(), Simultaneous, h, 50).norm()) ** (1 / 50)
    assert math.isclose(radius, math.sqrt(1 + h * h), rel_tol=1e-12)


def test_alternating_moves_keep_their_distance():
    columns = []
    for start in ((1.0, 0.0), (0.0, 1.0)):
        players = rotation()
        with torch.no_grad():
            for p, value in zip(players.values(), start, strict=True):
                p.modules[0][0].fill_(value)
        columns.append(turned(players, Alternating, 0.3, 1))
    moduli = torch.linalg.eigvals(torch.stack(columns, 1)).abs()
    torch.testing.assert_close(moduli, torch.ones(2, dtype=torch.float64), rtol=1e-12, atol=0)


def test_bfloat16_trains_and_keeps_full_parameters():
    game = make("O-GAN NS+R1+R2", torch.float32)
    dynamics = Alternating(sgds(game), pull=Pull(autocast=torch.bfloat16))
    before = tensors(game)
    said = dynamics.step(game.players(), lambda i: data(i, dtype=torch.float32), (0,))
    assert all(v.isfinite() for v in said.values()) and not same(before, tensors(game))
    assert all(p.dtype == torch.float32 for p in game.parameters())
    exact, _ = Pull()(game.players()["critic"], data(0, dtype=torch.float32), (0,))
    rough, _ = Pull(autocast=torch.bfloat16)(game.players()["critic"], data(0, dtype=torch.float32), (0,))
    for a, b in zip(rough, exact, strict=True):
        assert (a - b).norm() <= 0.1 * b.norm() + 1e-4


def test_a_users_own_loop():
    torch.manual_seed(0)
    generator, critic = mlp(Z, D), Counted()
    objective = Wasserstein() + GradientPenalty(10) + ClipWeights(0.2)
    critics, generators = Adam(critic.parameters(), 1e-2), Adam(generator.parameters(), 1e-3)
    for draw in range(20):
        x = data(draw, 32, torch.float32).x
        fake = generator(torch.randn(32, Z))
        with notes() as seen:
            critics.zero_grad()
            objective.critic_loss(critic, x, fake.detach()).backward()
            critics.step()
            objective.project_(critic)
        objective.advance_(seen)
        generators.zero_grad()
        objective.generator_loss(critic, x, fake).backward()
        generators.step()
    assert list(seen) == ["GradientPenalty"] and x.grad is None and not x.requires_grad
    assert max(p.abs().max() for p in critic.parameters()) <= 0.2


def test_the_shared_loss_of_relativistic_games_moves_both():
    game = OGAN(mlp(Z, D), Counted(outputs=Z), Relativistic(), Normal(Z)).double()
    said = Simultaneous(sgds(game)).step(game.players(), data, (0,))
    assert {"critic/correlation", "generator/correlation"} <= set(said)


@pytest.mark.parametrize("fused", [False, True])
def test_gradients_take_the_strides_of_their_parameters(fused):
    """A double backward returns contiguous gradients for channels-last weights; fused Adam has one stride for both."""
    moved = []
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        critic = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.SiLU(), nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))
        generator = nn.Sequential(nn.Linear(Z, 48), nn.Unflatten(1, (3, 4, 4)))
        game = GAN(generator, critic, NonSaturating() + R1(), Normal(Z)).to(memory_format=layout)
        optimizers = {n: Adam(p.parameters(), 1e-2, fused=fused) for n, p in game.players().items()}
        x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
        Alternating(optimizers).step(game.players(), lambda i, x=x: Batch(x, None, torch.arange(8)), (0,))
        moved.append([p.detach().clone() for p in game.parameters()])
    torch.testing.assert_close(*moved, rtol=1e-4, atol=1e-5)


class Watched(Normal):
    def __init__(self, size):
        super().__init__(size)
        self.seen = []

    def __call__(self, n, like=None):
        z = super().__call__(n, like)
        self.seen.append(z)
        return z


def test_every_move_draws_its_own_latents():
    game = GAN(mlp(Z, D), Counted(), NonSaturating(), Watched(Z)).double()
    dynamics = Alternating(adams(game))
    for _ in range(3):
        dynamics.step(game.players(), data, (0,))
    assert len({tuple(z.flatten().tolist()) for z in game.latent.seen}) == 6


def test_dropout_differs_between_micro_batches():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.drop, self.masks = nn.Parameter(torch.ones(D)), nn.Dropout(0.5), []

        def forward(self, x):
            dropped = self.drop(torch.ones_like(x))
            self.masks.append(dropped)
            return (x * dropped) @ self.w

    net = Masked().double()
    player = Player([net], lambda b: net(b.x).square().mean())
    Pull(micro=2)(player, data(0), (0,))
    assert not torch.equal(*net.masks)


def test_autocast_reaches_the_networks():
    kinds = []
    net = nn.Linear(D, 1)
    net.register_forward_hook(lambda m, i, o: kinds.append(o.dtype))
    player = Player([net], lambda b: net(b.x).float().square().mean())
    gradients, _ = Pull(autocast=torch.bfloat16)(player, data(0, dtype=torch.float32), (0,))
    assert kinds == [torch.bfloat16] and all(g.dtype == torch.float32 for g in gradients)


def test_the_correlation_is_taken_in_full_precision():
    game, codes, batch = make("O-GAN NS+R1+R2", torch.float32), [], data(0, dtype=torch.float32)
    game.critic.register_forward_hook(lambda m, i, o: codes.append(o.detach()))
    _, said = Pull(autocast=torch.bfloat16)(game.players()["critic"], batch, (0,))
    with keyed(Part((0,), 0, 8, 8)):
        z = game.latent(8, batch.x)
    assert codes[0].dtype == torch.bfloat16 and said["correlation"].dtype == torch.float32
    torch.testing.assert_close(said["correlation"], correlation(z, codes[0].float()).mean())


def test_fake_samples_take_the_precision_of_the_data():
    game = make("GAN hinge", torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        _, real, fake = game.duel(data(0, dtype=torch.float32))
    assert fake.dtype == real.dtype == torch.float32


def test_a_transform_that_breaks_the_gradient_is_seen():
    game = make("GAN hinge")
    pull = Pull(transforms=[lambda gs: [None if g is None else g * torch.nan for g in gs]])
    before = tensors(game)
    with pytest.raises(Diverged, match="critic"):
        Alternating(adams(game), pull=pull).step(game.players(), data, (0,))
    assert same(before, tensors(game))


def test_a_loss_without_a_way_to_its_player_is_refused():
    class Cut(GAN):
        def fake(self, z, batch):
            return super().fake(z, batch).detach()

    game = Cut(mlp(Z, D), Counted(), NonSaturating(), Normal(Z)).double()
    with pytest.raises(ValueError, match="detached"):
        Alternating(adams(game)).step(game.players(), data, (0,))


@pytest.mark.parametrize("name", ["GAN NS+R1+R2", "R3GAN", "GAN-QP", "O-GAN NS+R1+R2", "RaGAN+GP"])
@pytest.mark.parametrize(("of", "by"), [("critic", "generator"), ("generator", "critic")])
def test_a_loss_differentiated_in_the_other_players_parameters(name, of, by):
    game = make(name)
    players = game.players()
    wanted = players[by].parameters()
    gradients, _ = Pull()(players[of], data(0), (5,), wrt=wanted)
    assert_gradient(lambda: Pull()(players[of], data(0), (5,))[1]["loss"], wanted, gradients, name)


def test_nonsense_is_refused():
    player = make("GAN hinge").players()["critic"]
    with pytest.raises(ValueError, match="empty batch"):
        Pull()(player, data(0)[:0], (0,))
    with pytest.raises(ValueError, match="micro=0"):
        Pull(micro=0)
    bytes_ = Batch(torch.zeros(4, D, dtype=torch.uint8), None, torch.arange(4))
    with pytest.raises(ValueError, match="scale images"):
        Pull()(player, bytes_, (0,))


def test_hook_based_spectral_norm_is_refused_in_micro_batches():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = nn.utils.spectral_norm(nn.Linear(D, 1))
    critic = nn.Sequential(layer, nn.Flatten(0))
    game = GAN(mlp(Z, D), critic, Hinge(), Normal(Z)).double()
    with pytest.raises(ValueError, match="spectral"):
        Alternating(adams(game), pull=Pull(micro=2)).step(game.players(), data, (0,))


def test_networks_that_return_to_training_are_seen():
    game = GAN(mlp(Z, D, batch_norm=True), Counted(), Hinge(), Normal(Z)).double().eval()
    dynamics = Alternating(adams(game), pull=Pull(micro=2))
    dynamics.step(game.players(), data, (0,))
    game.train()
    with pytest.raises(ValueError, match="BatchNorm"):
        dynamics.step(game.players(), data, (0,))


def test_frozen_parameters_may_be_in_an_optimizer_and_are_not_clipped():
    game = make("WGAN-clip")
    frozen = next(game.critic.parameters())
    frozen.requires_grad_(False).fill_(5.0)
    optimizers = adams(game)
    optimizers["critic"] = Adam(game.critic.parameters())
    Alternating(optimizers).step(game.players(), data, (0,))
    assert frozen.eq(5.0).all()


def test_looking_at_a_game_changes_nothing():
    game = GAN(mlp(Z, D, batch_norm=True), Counted(spectral=True), Hinge(), Normal(Z)).double()
    before = tensors(game)
    frozen = game.generator[1].eval()
    x = game.sample(16)
    game.score(x)
    assert same(before, tensors(game)) and game.critic.training and not frozen.training and not x.requires_grad


def test_one_loss_for_both_players_is_simultaneous():
    """L_D(x, sg y) + h(D(y)) - h(D(sg y)), in one backward pass: the gradients of two losses."""
    game = make("GAN hinge")
    players, o = game.players(), game.objective
    two = [Pull()(players[n], data(0), (0, 0))[0] for n in ("critic", "generator")]
    with keyed(Part((0, 0), 0, 8, 8)):
        critic, x, y = game.duel(data(0))
    still_y = y.detach()
    frozen = [p.detach() for p in game.critic.parameters()]
    names = [n for n, _ in game.critic.named_parameters()]

    def held(s):
        return torch.func.functional_call(game.critic, dict(zip(names, frozen, strict=True)), (s,))

    single = o.critic_loss(critic, x, still_y) + o.generator_loss(held, x, y)
    one = torch.autograd.grad(single, [*players["critic"].parameters(), *players["generator"].parameters()])
    torch.testing.assert_close(list(one), [*two[0], *two[1]])
