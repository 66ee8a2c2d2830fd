"""Orthogonal and clipped weights, under every parametrization."""

import pytest
import torch
from torch import nn
from toys import X, Y, half

from gansmith.dynamics import scale_rate
from gansmith.networks import spectral_norm
from gansmith.regularizers import ClipWeights, OrthogonalWeights


def layer(kind, weight, **options):
    made = kind(*options.pop("shape"), bias=False, **options)
    made.weight.data = torch.tensor(weight).view_as(made.weight)
    return made


def test_orthogonal_weights_by_hand():
    wide = layer(nn.Linear, [[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]], shape=(3, 2))  # W W' = [[5, 2], [2, 10]]
    tall = layer(nn.Linear, [[1.0, 0.0], [2.0, 1.0], [0.0, 3.0]], shape=(2, 3))  # the same by columns
    for critic in (wide, tall):
        assert OrthogonalWeights(1.0)(critic, X, Y).item() == 8
        assert OrthogonalWeights(1.0, diagonal=True)(critic, X, Y).item() == 16 + 8 + 81
    assert OrthogonalWeights(0.5)(nn.Sequential(wide, nn.ReLU(), tall), X, Y).item() == 8


def test_orthogonal_weights_of_convolutions_compare_filters():
    ordinary = layer(nn.Conv1d, [1.0, 2.0, 0.0, 1.0], shape=(1, 2, 2))  # filters (1, 2), (0, 1)
    transposed = layer(nn.ConvTranspose1d, [1.0, 2.0, 0.0, 1.0], shape=(1, 2, 2))
    assert transposed.weight.shape == (1, 2, 2)
    for critic in (ordinary, transposed):
        assert OrthogonalWeights(1.0)(critic, X, Y).item() == 8
    several = nn.ConvTranspose2d(4, 2, 3, bias=False)
    nn.init.orthogonal_(several.weight.data.transpose(0, 1).flatten(1))
    w = several.weight.transpose(0, 1).flatten(1)
    expected = (w @ w.T - torch.eye(2)).square().sum()
    torch.testing.assert_close(OrthogonalWeights(1.0, diagonal=True)(several, X, Y), expected)


def test_orthogonal_weights_leave_the_vectors_of_spectral_norm_alone():
    critic = spectral_norm(nn.Sequential(nn.Linear(3, 3)))
    before = {k: v.clone() for k, v in critic.state_dict().items()}
    penalty = OrthogonalWeights(1.0)(critic, X, Y)
    w = critic[0].parametrizations.weight.original
    torch.testing.assert_close(penalty, ((w @ w.T) * (1 - torch.eye(3))).square().sum())
    torch.testing.assert_close(critic.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("kind", [nn.ConvTranspose1d, nn.ConvTranspose2d])
def test_orthogonal_weights_of_groups_are_those_of_the_direct_convolution(kind):
    """A transposed convolution of stride 1 is a convolution with its filters turned over."""
    torch.manual_seed(0)
    places = kind(4, 6, 3).weight.ndim - 2
    direct = nn.Conv1d if places == 1 else nn.Conv2d
    transposed = kind(4, 6, 3, groups=2, bias=False).double()
    equal = direct(4, 6, 3, padding=2, groups=2, bias=False).double()
    grouped = transposed.weight.detach().unflatten(0, (2, 2)).transpose(1, 2).flatten(0, 1)
    equal.weight.data = grouped.flip(list(range(2, 2 + places)))
    x = torch.randn(3, 4, *[5] * places, dtype=torch.float64)
    torch.testing.assert_close(transposed(x), equal(x))
    for diagonal in (False, True):
        term = OrthogonalWeights(1.0, diagonal)
        torch.testing.assert_close(term(transposed, x, x), term(equal, x, x))


def test_orthogonal_weights_see_what_a_layer_uses():
    plain = layer(nn.Linear, [[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]], shape=(3, 2))
    assert OrthogonalWeights(1.0)(scale_rate(plain, 4.0), X, Y).item() == 8
    assert OrthogonalWeights(1.0)(spectral_norm(plain), X, Y).item() == 8  # of the scaled weight, before normalization


def test_orthogonal_weights_need_weights():
    with pytest.raises(ValueError, match="View"):
        OrthogonalWeights()(half, X, Y)
    with pytest.raises(ValueError, match="has none"):
        OrthogonalWeights()(nn.Flatten(0), X, Y)


@pytest.mark.parametrize("factor", [4.0, 0.3])
def test_clipped_weights_are_those_that_a_layer_uses(factor):
    torch.manual_seed(0)
    plain, scaled = nn.Linear(3, 50), nn.Linear(3, 50)
    scaled.load_state_dict(plain.state_dict())
    scale_rate(scaled, factor)
    for critic in (plain, scaled):
        ClipWeights(0.2).project_(nn.Sequential(critic))
    torch.testing.assert_close([scaled.weight, scaled.bias], [plain.weight, plain.bias])
    once = {k: v.clone() for k, v in scaled.state_dict().items()}
    ClipWeights(0.2).project_(scaled)
    torch.testing.assert_close(scaled.state_dict(), once, rtol=0, atol=0)


def test_clipped_weights_under_other_parametrizations():
    torch.manual_seed(0)
    norm = nn.utils.parametrizations.weight_norm(nn.Linear(3, 50))
    expected = norm.weight.detach().clamp(-0.2, 0.2)
    ClipWeights(0.2).project_(norm)
    torch.testing.assert_close(norm.weight.detach(), expected)
    lengths = norm.parametrizations.weight.original0.clone()
    ClipWeights(5.0).project_(norm)  # inside: left as it is
    torch.testing.assert_close(norm.parametrizations.weight.original0, lengths, rtol=0, atol=0)

    spectral = spectral_norm(scale_rate(nn.Linear(3, 50), 4.0))
    before = {k: v.clone() for k, v in spectral.named_buffers()}
    chain = spectral.parametrizations.weight
    expected = (4 * chain.original.detach()).clamp(-0.2, 0.2)
    assert (expected.abs() == 0.2).any()
    ClipWeights(0.2).project_(spectral)
    torch.testing.assert_close(4 * chain.original.detach(), expected)  # what is normalized is what is clamped
    torch.testing.assert_close(dict(spectral.named_buffers()), before, rtol=0, atol=0)


def test_clipping_leaves_frozen_weights_alone():
    critic = scale_rate(nn.Linear(3, 50), 4.0)
    critic.parametrizations.weight.original.requires_grad_(False)
    before = critic.weight.clone()
    ClipWeights(0.01).project_(critic)
    torch.testing.assert_close(critic.weight, before, rtol=0, atol=0)
    assert critic.bias.abs().max() <= 0.01 * (1 + 1e-6)


def test_clipping_refuses_what_has_no_inverse():
    class Halved(nn.Module):
        def forward(self, w):
            return w / 2

    critic = nn.Linear(3, 50)
    nn.utils.parametrize.register_parametrization(critic, "weight", Halved())
    with pytest.raises(ValueError, match=r"right_inverse.*Halved has none"):
        ClipWeights(0.01).project_(critic)
