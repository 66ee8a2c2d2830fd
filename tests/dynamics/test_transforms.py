"""Free transforms of gradients, and what Pull does with them."""

import pytest
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from toys import data, make, sgds

from gansmith.chance import Part, keyed
from gansmith.dynamics import ClipLayerNorm, ClipNorm, ClipValue, Diverged, Noise, Project, Pull, Sign, Simultaneous

ALL = [ClipValue(0.1), ClipNorm(0.1), ClipLayerNorm(0.1), Noise(0.1), Sign()]


def gradients():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(3, 2, generator=generator), None, torch.randn(5, generator=generator), torch.zeros(())]


def as_torch(clip):
    """The same by torch's own function on .grad."""
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients() if g is not None]
    for p, g in zip(parameters, [g for g in gradients() if g is not None], strict=True):
        p.grad = g
    clip(parameters)
    return [p.grad for p in parameters]


def used(found):
    return [g for g in found if g is not None]


@pytest.mark.parametrize("transform", ALL)
def test_transforms_change_nothing_in_place_and_leave_what_is_unused(transform):
    given = gradients()
    found = transform(given)
    assert [g is None for g in found] == [False, True, False, False]
    assert all(torch.equal(a, b) for a, b in zip(used(given), used(gradients()), strict=True))


def test_clipping_by_value_and_by_norm_are_torchs():
    torch.testing.assert_close(used(ClipValue(0.5)(gradients())), as_torch(lambda ps: clip_grad_value_(ps, 0.5)))
    torch.testing.assert_close(used(ClipNorm(0.5)(gradients())), as_torch(lambda ps: clip_grad_norm_(ps, 0.5)))
    torch.testing.assert_close(used(ClipNorm(50.0)(gradients())), used(gradients()))


def test_each_layer_is_clipped_by_its_own_norm():
    norms = [float(g.norm()) for g in used(gradients())]
    limit = (norms[0] + norms[1]) / 2
    found = [float(g.norm()) for g in used(ClipLayerNorm(limit)(gradients()))]
    torch.testing.assert_close(found, [min(n, limit) for n in norms])
    assert found[0] != found[1]


def test_signs():
    found = used(Sign()(gradients()))
    assert {float(v) for g in found for v in g.flatten()} == {-1.0, 0.0, 1.0}
    torch.testing.assert_close(
        [g * s for g, s in zip(used(gradients()), found, strict=True)], [g.abs() for g in used(gradients())]
    )


def test_the_order_is_the_given_one():
    """Norm before value, as in Keras: (3, 4) -> (0.6, 0.8) -> (0.6, 0.7). The other way: (0.7, 0.7), of norm 0.99."""
    norm, value = ClipNorm(1.0), ClipValue(0.7)
    for transforms, wanted in (([norm, value], [0.6, 0.7]), ([value, norm], [0.7, 0.7])):
        found = Pull(transforms=transforms).transform([torch.tensor([3.0, 4.0])], (0,))
        torch.testing.assert_close(found, [torch.tensor(wanted)])


def test_noise_is_keyed():
    pull = Pull(transforms=[Noise(0.5), Noise(0.5)])
    zeros = [torch.zeros(2000), torch.zeros(2000)]

    def drawn(key, player="critic"):
        state = torch.default_generator.get_state()
        found = pull.transform(zeros, key, player)
        assert torch.equal(state, torch.default_generator.get_state())
        return found

    first = drawn((1, 2))
    torch.randn(3)
    assert all(torch.equal(a, b) for a, b in zip(first, drawn((1, 2)), strict=True))
    others = [first[1], drawn((1, 3))[0], drawn((1, 2), "generator")[0]]
    for other in others:  # another parameter, another move, another player
        assert abs(float(torch.corrcoef(torch.stack([first[0], other]))[0, 1])) < 0.1
    # two independent draws: of one draw added twice the deviation would be 1
    assert abs(float(first[0].std()) - 0.5 * 2**0.5) < 0.05


def test_noise_moves_a_player_and_differs_between_moves():
    game = make("GAN hinge")
    dynamics = Simultaneous(
        sgds(game, 1.0), pull=Pull(transforms=[lambda gs: [torch.zeros_like(g) for g in gs], Noise(1.0)])
    )
    path = []
    for _ in range(3):
        path.append([p.detach().clone() for p in game.parameters()])
        dynamics.step(game.players(), data, (0,))
    first, second = ([b - a for a, b in zip(*pair, strict=True)] for pair in (path[:2], path[1:]))
    assert all(bool((a != b).any()) for a, b in zip(first, second, strict=True))


def test_torchs_generator_is_the_same_on_every_rank():
    """A transform of the user's own may draw from it: the rows of a rank must not seed it."""
    pull = Pull(transforms=[lambda gs: [g + torch.randn_like(g) for g in gs]])
    alone = pull.transform([torch.zeros(4)], (3,))
    with keyed(Part((9,), 8, 8, 16)):
        assert torch.equal(pull.transform([torch.zeros(4)], (3,))[0], alone[0])


def directions(r=3):
    generator = torch.Generator().manual_seed(1)
    return [[torch.randn(3, 2, generator=generator), torch.randn(5, generator=generator)] for _ in range(r)]


def flat(tensors):
    return torch.cat([t.flatten() for t in tensors]).double()


def test_projection_removes_what_lies_in_the_span_and_nothing_else():
    several = directions()
    several.append([2 * a - b for a, b in zip(*several[:2], strict=True)])  # depends on the others
    several.append([torch.zeros_like(t) for t in several[0]])
    given = [gradients()[0], gradients()[2]]
    found = Project(several)(given)
    span = torch.stack([flat(d) for d in several[:3]], 1)
    wanted = flat(given) - span @ torch.linalg.lstsq(span, flat(given)[:, None]).solution[:, 0]
    torch.testing.assert_close(flat(found), wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(span.T @ flat(found), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-5)
    torch.testing.assert_close(Project(several)(found), found)
    assert [g.shape for g in found] == [g.shape for g in given]


def test_a_missing_gradient_counts_as_zero_in_a_projection():
    direction = [[torch.ones(2), torch.tensor([1.0])]]
    a, b = Project(direction)([torch.tensor([3.0, 0.0]), None])
    torch.testing.assert_close([a, b], [torch.tensor([2.0, -1.0]), torch.tensor([-1.0])])
    found = Project([[torch.ones(2), torch.zeros(1)]])([torch.tensor([3.0, 0.0]), None])
    assert found[1] is None
    assert Project(direction)([None, None]) == [None, None]


def test_projected_moves_stay_in_their_plane():
    game = make("GAN NS+R1+R2")
    players = game.players()
    generator = torch.Generator().manual_seed(1)
    several = [
        [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in players["critic"].parameters()]
        for _ in range(2)
    ]
    before = [p.detach().clone() for p in players["critic"].parameters()]
    dynamics = Simultaneous(sgds(game, 0.1), pull=Pull(transforms={"critic": [Project(several)]}))
    for _ in range(3):
        dynamics.step(game.players(), data, (0,))
    moved = flat([p.detach() - was for p, was in zip(players["critic"].parameters(), before, strict=True)])
    assert float(moved.norm()) > 1e-3
    for direction in several:
        assert abs(float(moved @ flat(direction))) < 1e-12


def test_nonsense_is_refused():
    for kind in (ClipValue, ClipNorm, ClipLayerNorm):
        with pytest.raises(ValueError, match="limit above 0"):
            kind(0.0)
    with pytest.raises(ValueError, match="std=-1"):
        Noise(-1)
    with pytest.raises(ValueError, match="all of the same shapes"):
        Project([[torch.ones(2)], [torch.ones(3)]])
    with pytest.raises(ValueError, match="all of the same shapes"):
        Project([])
    game = make("GAN hinge")
    with pytest.raises(ValueError, match="name the player"):
        Simultaneous(sgds(game), pull=Pull(transforms=[Project([[torch.ones(2)]])])).step(game.players(), data, (0,))


def test_a_divergence_in_a_transform_names_the_player_and_moves_nobody():
    game = make("GAN hinge")
    before = [p.detach().clone() for p in game.parameters()]
    pull = Pull(transforms={"generator": [lambda gs: [g / 0 for g in gs]]})
    with pytest.raises(Diverged, match="the generator's gradient"):
        Simultaneous(sgds(game), pull=pull).step(game.players(), data, (0,))
    assert all(torch.equal(p, was) for p, was in zip(game.parameters(), before, strict=True))
