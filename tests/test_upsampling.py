"""The generator that upsamples: its convolution, its excitation, its sizes; and the recipe for photographs."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from gansmith.data import load
from gansmith.data.augment import Augment
from gansmith.networks import DCGANCritic, DCGANGenerator, UpsamplingGenerator
from gansmith.networks.upsampling import Excitation, UpsampledConvolution, channels_at
from gansmith.recipes import photos
from gansmith.training import Training


def plain(x, weight):
    return functional.conv2d(functional.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)


@pytest.mark.parametrize("side", [1, 4, 5])
def test_an_upsampled_convolution_is_nearest_upsampling_and_a_convolution(side):
    convolution = UpsampledConvolution(3, 2).double()
    x = torch.randn(2, 3, side, side + 1, dtype=torch.float64, requires_grad=True)
    mine, other = convolution(x), plain(x, convolution.weight)
    torch.testing.assert_close(mine, other)
    torch.testing.assert_close(*(torch.autograd.grad(y.square().sum(), (x, convolution.weight)) for y in (mine, other)))


def test_an_excitation_scales_channels_by_its_formula():
    excitation = Excitation(3, 5).double()
    nn.init.normal_(excitation.scale.weight)
    nn.init.normal_(excitation.scale.bias)
    small, large = torch.randn(2, 3, 8, 8).double(), torch.randn(2, 5, 64, 64).double()
    pooled = functional.adaptive_avg_pool2d(small, 4).flatten(1)
    a, b = excitation.code, excitation.scale
    code = functional.leaky_relu(pooled @ a.weight.T + a.bias, 0.2)
    scale = 2 / (1 + (-(code @ b.weight.T + b.bias)).exp())
    torch.testing.assert_close(excitation(small, large), torch.einsum("ncij,nc->ncij", large, scale))


SIZES = [(side, side) for side in (8, 16, 32, 64, 128, 256)] + [(64, 96), (96, 64), (8, 12), (40, 56), (128, 256)]


@pytest.mark.parametrize("sides", SIZES)
def test_pictures_of_every_size(sides):
    torch.manual_seed(0)
    for kind in (UpsamplingGenerator, DCGANGenerator):
        generator = kind(8, sides, 3, width=2)
        x = generator(torch.randn(4, 8))
        assert x.shape == (4, 3, *sides) and 0 < x.std() < 0.9 and x.abs().max() <= 1
        critic = DCGANCritic(sides, 3, width=2)
        assert critic(x).shape == (4,)
        used = torch.autograd.grad(critic(x).sum(), [*generator.parameters(), *critic.parameters()], allow_unused=True)
        assert all(g is not None for g in used)


def test_a_square_by_its_side_is_the_same_network():
    for kind in (UpsamplingGenerator, DCGANGenerator):
        one, other = (kind(8, size, 3, width=2).state_dict() for size in (64, (64, 64)))
        assert {name: t.shape for name, t in one.items()} == {name: t.shape for name, t in other.items()}


def test_channels_double_down_to_four_pixels_up_to_eight_times():
    assert channels_at(8, 16) == [128, 128] and channels_at(256, 8) == [64, 64, 64, 64, 32, 16, 8]
    for size in (4, 48, 512):
        with pytest.raises(ValueError, match=f"a power of two from 8 to 256, but got {size}"):
            UpsamplingGenerator(8, size, 3)
    with pytest.raises(ValueError, match="that halve evenly, but got 100x64: use 96x64"):
        UpsamplingGenerator(8, (64, 100), 3)
    with pytest.raises(ValueError, match="needs width of at least 1"):
        UpsamplingGenerator(8, 8, 3, 0)


def test_the_maps_eight_times_as_wide_are_scaled_by_coarse_ones():
    """At the start no map is; a bias of scale changes the picture."""
    torch.manual_seed(0)
    generator, z = UpsamplingGenerator(8, 64, 3, 2).eval(), torch.randn(2, 8)
    before = generator(z)
    assert [(e.code.in_features // 16, e.scale.in_features) for e in generator.excitations] == [(16, 4), (16, 2)]
    for excitation in generator.excitations:
        nn.init.constant_(excitation.scale.bias, 3.0)
        changed = generator(z)
        assert not torch.allclose(changed, before)
        before = changed


def test_pictures_in_color_are_mirrored_unless_told_otherwise():
    gray = load("digits")
    color = replace(gray, x=gray.x.expand(-1, 3, -1, -1))
    assert photos(color).stages[0].data.augment == Augment(flip=True)
    assert photos(color, mirror=False).stages[0].data is color
    assert photos(gray).stages[0].data is gray
    moved = replace(gray, augment=Augment(shift=2))
    assert photos(moved, mirror=True).stages[0].data.augment == Augment(flip=True, shift=2)


@pytest.mark.parametrize(("n", "every"), [(1000, 4), (40, 4), (39, 3), (12, 1)])
def test_penalties_come_before_all_pictures_were_shown(n, every):
    data = load("digits", channels=3, limit=n)
    data = replace(data, train=torch.arange(n), held_out=torch.arange(0))
    terms = photos(data, 2, batch=10, width=4).stages[0].game.objective.terms
    assert [term.every for term in terms] == [every, every]


def test_photographs_of_256_pixels_take_a_step():
    x = torch.randint(0, 256, (4, 3, 256, 256), dtype=torch.uint8)
    index = torch.arange(4)
    data = replace(load("digits"), x=x, y=None, classes=None, train=index, held_out=index[:0], content=(256, 256))
    training = Training(photos(data, 2, batch=2), device="cpu")
    before = training.game.generator.last.weight.clone()
    training.advance()
    assert not torch.equal(training.game.generator.last.weight, before)
    assert training.average.sample(1).shape == (1, 3, 256, 256)
