"""Consensus, extragradient and optimism against what their formulas say."""

import pytest
import torch
from toys import Counted, D, Z, adams, data, make, mlp, sgds, tensors

from gansmith.chance import Part, keyed
from gansmith.duel.scores import crossing
from gansmith.dynamics import EULER, HEUN, Consensus, Extragradient, Optimistic, Pull, RungeKutta, Simultaneous
from gansmith.games import GAN, Player
from gansmith.games.latents import Normal
from gansmith.notes import notes
from gansmith.objectives import Hinge, NonSaturating


def by_autograd(game, batch, key):
    """Everybody's gradient, and that of half the squared norm of all of them, by autograd itself."""
    players = game.players()
    own = {n: p.parameters() for n, p in players.items()}
    everyone = [p for parameters in own.values() for p in parameters]
    with keyed(Part(key, 0, len(batch), len(batch))), notes(), crossing(True):
        found = [
            torch.autograd.grad(p.loss(batch), own[n], create_graph=True, materialize_grads=True)
            for n, p in players.items()
        ]
    half = sum(g.square().sum() for gradients in found for g in gradients) / 2
    return [g.detach() for gradients in found for g in gradients], torch.autograd.grad(
        half, everyone, materialize_grads=True
    )


@pytest.mark.parametrize("name", ["GAN NS+R1+R2", "R3GAN", "WGAN-GP", "GAN-QP", "O-GAN NS+R1+R2", "RaGAN+GP"])
def test_consensus_adds_half_the_gradient_of_the_squared_norm(name):
    game, weight, h = make(name), 0.3, 0.05
    plain, steep = by_autograd(game, data(0), (5, 0))
    everyone = [p for player in game.players().values() for p in player.parameters()]
    before = [p.detach().clone() for p in everyone]
    Consensus(sgds(game, h), weight).step(game.players(), data, (5,))
    for p, was, g, s in zip(everyone, before, plain, steep, strict=True):
        torch.testing.assert_close(p.detach(), was - h * (g + weight * s), rtol=1e-10, atol=1e-12)
    assert sum(float(s.square().sum()) for s in steep) > 1e-8


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="weight=-1"):
        Consensus(sgds(make("GAN hinge")), -1)


CALLS = []


class Recorded(Pull):
    """Remembers the draw under which each gradient was taken, and the weights at which."""

    def __call__(self, player, batch, key, *arguments, **options):
        point = [p.detach().clone() for p in player.parameters()]
        gradients, seen = super().__call__(player, batch, key, *arguments, **options)
        CALLS.append((key, point, gradients))
        return gradients, seen


def test_extragradient_looks_ahead_on_one_batch_and_moves_by_another():
    CALLS.clear()
    game, h = make("GAN NS+R1+R2"), 0.05
    start = {n: [p.detach().clone() for p in player.parameters()] for n, player in game.players().items()}
    drawn = []
    dynamics = Extragradient(sgds(game, h), pull=Recorded())
    dynamics.step(game.players(), lambda i: (drawn.append(i), data(i))[1], (2,))
    assert drawn == [0, 1] and dynamics.draws == 2 and dynamics.moved == {"critic": 1, "generator": 1}
    (critic, generator, ahead_critic, ahead_generator) = CALLS
    assert [c[0] for c in CALLS] == [(2, 0), (2, 0), (2, 1), (2, 1)]
    for name, first, second in (("critic", critic, ahead_critic), ("generator", generator, ahead_generator)):
        for p, was, g, there, then in zip(
            game.players()[name].parameters(), start[name], first[2], second[1], second[2], strict=True
        ):
            torch.testing.assert_close(there, was - h * g, rtol=0, atol=1e-15)
            torch.testing.assert_close(p.detach(), was - h * then, rtol=0, atol=1e-15)


def test_extragradient_leaves_optimizers_as_if_they_had_stepped_once():
    """Adam's moments and count, and a plain number that an optimizer keeps in a group."""

    class Counting(torch.optim.Adam):
        def step(self, closure=None):
            for group in self.param_groups:
                group["count"] = group.get("count", 0) + 1
            return super().step(closure)

    game = make("GAN NS+R1+R2")
    optimizers = {n: Counting(p.parameters(), 0.01) for n, p in game.players().items()}
    dynamics = Extragradient(optimizers)
    handed = {}
    apply = dynamics._apply

    def watched(name, player, gradients):
        handed[name] = gradients
        apply(name, player, gradients)

    dynamics._apply = watched
    dynamics.step(game.players(), data, (2,))
    for name, optimizer in optimizers.items():
        assert optimizer.param_groups[0]["count"] == 1
        for p, g in zip(game.players()[name].parameters(), handed[name], strict=True):
            if g is not None:
                assert float(optimizer.state[p]["step"]) == 1
                torch.testing.assert_close(optimizer.state[p]["exp_avg"], 0.1 * g)


def test_buffers_are_those_of_the_first_evaluation():
    """Of a generator with BatchNorm and a critic with spectral norm; a new tensor in a buffer's place, too."""

    class Replaced(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x):
            self.seen = self.seen + 1
            return x

    def build():
        torch.manual_seed(1)
        generator = torch.nn.Sequential(mlp(Z, D, batch_norm=True), Replaced())
        return GAN(generator, Counted(spectral=True), NonSaturating(), Normal(Z)).double()

    game = build()
    Simultaneous(adams(game)).step(game.players(), data, (2,))
    wanted = [b.clone() for b in game.buffers()]
    for kind in (
        lambda game: Extragradient(adams(game)),
        lambda game: Optimistic(adams(game)),
        lambda game: Consensus(adams(game), 0.1),
        lambda game: RungeKutta(sgds(game)),
        lambda game: RungeKutta(sgds(game), method=EULER, regularize=("generator", "critic", 0.1)),
        lambda game: RungeKutta(sgds(game), method=HEUN, tolerance=1e-9),
    ):
        game = build()
        kind(game).step(game.players(), data, (2,))
        assert all(torch.equal(a, b) for a, b in zip(wanted, game.buffers(), strict=True))


def test_optimism_hands_the_extrapolated_gradient():
    game, h = make("GAN NS+R1+R2"), 0.05
    other = make("GAN NS+R1+R2")
    dynamics, last = Optimistic(sgds(game, h)), None
    for step in range(3):
        dynamics.step(game.players(), data, (2,))
        now = [g for p in other.players().values() for g in Pull()(p, data(step), (2, step))[0]]
        ahead = now if last is None else [2 * g - was for g, was in zip(now, last, strict=True)]
        with torch.no_grad():
            for p, g in zip([p for q in other.players().values() for p in q.parameters()], ahead, strict=True):
                p.sub_(g, alpha=h)
        last = now
        torch.testing.assert_close(tensors(game), tensors(other), rtol=1e-12, atol=1e-14)


def test_a_gradient_that_comes_and_goes_counts_as_zero():
    """A parameter that is used in the second step only moves in the second and in the third one."""
    net = torch.nn.ParameterList([torch.ones(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)])
    step = [0]
    player = Player([net], lambda b: (net[0] + (net[1] if step[0] == 1 else 0)).sum())
    dynamics = Optimistic({"p": torch.optim.SGD(net, 0.1)})
    path = []
    for i in range(4):
        step[0] = i
        dynamics.step({"p": player}, data, (0,))
        path.append(float(net[1].detach()))
    torch.testing.assert_close(path, [1.0, 0.8, 0.9, 0.9])
    assert [g is None for g in dynamics.state_dict()["last"]["p"]] == [False, True]


def test_a_resume_that_forgets_the_last_gradient_would_be_seen():
    def build():
        game = make("GAN hinge")
        return game, Optimistic(adams(game))

    game, dynamics = build()
    for _ in range(2):
        dynamics.step(game.players(), data, (0,))
    kept, state = game.state_dict(), dynamics.state_dict()
    ends = []
    for last in (state["last"], {}):
        game, dynamics = build()
        game.load_state_dict(kept)
        dynamics.load_state_dict(state | {"last": last})
        dynamics.step(game.players(), data, (0,))
        ends.append(tensors(game))
    assert any(not torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_a_divergence_in_the_look_ahead_changes_nothing():
    calls = []

    class Late(Hinge):
        def critic_loss(self, critic, real, fake):
            calls.append(1)
            return super().critic_loss(critic, real, fake) * (torch.nan if len(calls) == 2 else 1.0)

    game = GAN(mlp(Z, D, batch_norm=True), Counted(), Late(), Normal(Z)).double()
    before = tensors(game)
    dynamics = Extragradient(adams(game))
    with pytest.raises(FloatingPointError, match="critic's loss"):
        dynamics.step(game.players(), data, (0,))
    assert len(calls) == 2 and all(torch.equal(a, b) for a, b in zip(before, tensors(game), strict=True))
    assert not dynamics.optimizers["critic"][0].state and not dynamics.optimizers["generator"][0].state
