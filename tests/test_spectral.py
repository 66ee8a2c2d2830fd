"""Spectral normalization: what it promises of singular values, gradients and its vectors; and its removal."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from gansmith.networks import DCGANCritic, fold, spectral_norm
from gansmith.networks.spectral import spectral_norms, underlying


def linear_net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 16), nn.LeakyReLU(0.2), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1), nn.Flatten(0)
    ).double()


def converged(net, *shape):
    for _ in range(500):
        net(torch.zeros(1, *shape, dtype=torch.float64))
    return net


def vectors(net):
    return {k: v.clone() for k, v in net.named_buffers() if k.endswith(("_u", "_v"))}


def test_the_largest_singular_value_becomes_one():
    net = converged(spectral_norm(linear_net()), 6)
    for layer in (net[0], net[2], net[4]):
        largest = torch.linalg.svdvals(layer.weight)[0]
        torch.testing.assert_close(largest, torch.ones_like(largest), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "kind", [nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]
)
def test_convolutions_are_matrices_of_filters(kind):
    torch.manual_seed(0)
    layer = spectral_norm(kind(3, 5, 2).double())
    dimensions = layer.weight.ndim - 2
    converged(layer, 3, *[4] * dimensions)
    transposed = isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d))
    filters = (layer.weight.transpose(0, 1) if transposed else layer.weight).flatten(1)
    assert len(filters) == 5
    largest = torch.linalg.svdvals(filters)[0]
    torch.testing.assert_close(largest, torch.ones_like(largest), rtol=0, atol=1e-9)


def test_a_net_of_linear_layers_is_lipschitz():
    net = converged(spectral_norm(linear_net()), 6).eval()
    with torch.no_grad():
        for layer in (net[0], net[2], net[4]):
            underlying(layer).mul_(50)  # the scale of a weight changes nothing
    x, y = torch.randn(2, 4096, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ratio = (net(x) - net(y)).abs() / (x - y).norm(dim=1)
    assert 0.01 < ratio.max() <= 1 + 1e-9


def test_the_gradient_has_no_radial_part():
    net = converged(spectral_norm(linear_net()), 6)
    loss = net(torch.randn(32, 6, dtype=torch.float64)).square().mean()
    for layer in (net[0], net[2], net[4]):
        weight = underlying(layer)
        (gradient,) = torch.autograd.grad(loss, weight, retain_graph=True)
        radial = (gradient * weight).sum() / (gradient.norm() * weight.norm())
        torch.testing.assert_close(radial, torch.zeros_like(radial), rtol=0, atol=1e-9)
        assert gradient.norm() > 1e-6


def test_vectors_move_in_training_mode_only():
    net, x = spectral_norm(linear_net()), torch.randn(4, 6, dtype=torch.float64)
    before = vectors(net)
    assert len(before) == 6
    net.eval()(x)
    torch.testing.assert_close(vectors(net), before, rtol=0, atol=0)
    net.train()(x)
    assert not torch.equal(vectors(net)["0.parametrizations.weight.0._u"], before["0.parametrizations.weight.0._u"])


def test_the_weight_itself_is_initialized():
    net = spectral_norm(linear_net(), nn.init.orthogonal_)
    for layer in (net[0], net[2], net[4]):
        w = layer.parametrizations.weight.original
        products = w @ w.T if len(w) <= w.shape[1] else w.T @ w
        torch.testing.assert_close(products, torch.eye(len(products), dtype=w.dtype))
        torch.testing.assert_close(layer.weight, w, rtol=0, atol=1e-9)  # its vectors know it at once
    plain, kept = linear_net(), spectral_norm(linear_net())
    torch.testing.assert_close(underlying(kept[0]), plain[0].weight, rtol=0, atol=0)


def test_a_weight_that_is_parametrized_otherwise_is_initialized_too():
    net = nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 2)))
    spectral_norm(net, lambda w: w.copy_(torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])))
    converged(net.double(), 3)
    torch.testing.assert_close(net[0].weight.detach(), torch.tensor([[1.0, 0, 0], [0, 0.5, 0]]).double())
    assert underlying(net[0]).shape == (2, 3)  # made of two tensors: the weight that passes use


def test_what_is_normalized_already_is_refused():
    net = linear_net()
    parametrizations.spectral_norm(net[2])
    with pytest.raises(ValueError, match="2 has it already"):
        spectral_norm(net)
    assert spectral_norms(net[0]) == 0 and spectral_norms(net[2]) == 1  # nothing was changed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hooked = nn.utils.spectral_norm(nn.Linear(2, 1))
    with pytest.raises(ValueError, match="the network has it already"):
        spectral_norm(hooked)
    with pytest.raises(ValueError, match="found none"):
        spectral_norm(nn.ReLU())


@pytest.mark.parametrize("init", [nn.init.zeros_, None])
def test_a_weight_of_zeros_is_refused(init):
    net = linear_net()
    if init is None:
        nn.init.zeros_(net[2].weight)
    with pytest.raises(ValueError, match=f"but {2 if init is None else 0} starts at 0"):
        spectral_norm(net, init)
    assert not any(spectral_norms(layer) for layer in net)
    with torch.device("meta"):
        spectral_norm(nn.Linear(2, 2))  # without values


def test_a_layer_without_a_shape_is_refused():
    net = nn.Sequential(nn.Linear(3, 4), nn.LazyLinear(2))
    with pytest.raises(ValueError, match="but 1 is lazy: pass a batch"):
        spectral_norm(net)
    net(torch.zeros(1, 3))
    spectral_norm(net)


def test_underlying_undoes_spectral_normalization_only():
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    parametrize.register_parametrization(layer, "weight", Halved())
    used = layer.weight.detach()
    torch.testing.assert_close(underlying(layer).detach(), used, rtol=0, atol=0)
    torch.testing.assert_close(underlying(spectral_norm(layer)).detach(), used, rtol=0, atol=0)
    hooked = hook_based(nn.Linear(3, 2))
    hooked(torch.zeros(1, 3))
    assert underlying(hooked) is hooked.weight_orig


def hook_based(layer, name="weight"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.spectral_norm(layer, name)


@pytest.mark.parametrize("training", [True, False])
def test_torchs_first_form_is_folded_too(training):
    torch.manual_seed(0)
    inner = hook_based(nn.Linear(6, 4))
    both = parametrizations.spectral_norm(hook_based(nn.Linear(4, 3)), "weight_orig")
    net, x = nn.Sequential(inner, nn.ReLU(), both).train(training), torch.randn(5, 6)
    inner.weight_orig.requires_grad_(False)
    net(x)  # leaves a weight with a graph, which cannot be copied
    before, plain = {k: v.clone() for k, v in net.state_dict().items()}, fold(net)
    assert set(plain.state_dict()) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert not any(m._forward_pre_hooks for m in plain) and not any(spectral_norms(m) for m in plain)
    assert [p.requires_grad for p in (plain[0].weight, plain[2].weight)] == [False, True]
    torch.testing.assert_close(dict(net.state_dict()), before, rtol=0, atol=0)
    assert net.training == training and spectral_norms(net[0]) == 1  # the original lives
    torch.testing.assert_close(plain(x), net.eval()(x), rtol=1e-6, atol=1e-6)


class Halved(nn.Module):
    def forward(self, w):
        return w / 2


def test_folded_weights_are_plain_and_score_alike():
    torch.manual_seed(0)
    net = spectral_norm(DCGANCritic(16, 3, width=16))
    parametrize.register_parametrization(net.body[0], "weight", Halved())  # a second one on the same weight
    parametrize.register_parametrization(net.body[0], "bias", Halved())
    net.body[2].register_buffer("shift", torch.ones(1))
    parametrize.register_parametrization(net.body[2], "shift", Halved())
    x = torch.randn(4, 3, 16, 16)
    for _ in range(3):
        net(x)
    before, plain = vectors(net), fold(net)
    assert not any(parametrize.is_parametrized(m) for m in plain.modules()) and not plain.training
    assert set(plain.state_dict()) == {*DCGANCritic(16, 3, width=16).state_dict(), "body.2.shift"}
    assert (
        type(plain.body[0]) is nn.Conv2d
        and plain.body[2].shift.item() == 0.5
        and isinstance(plain.body[0].weight, nn.Parameter)
    )
    torch.testing.assert_close(vectors(net), before, rtol=0, atol=0)
    torch.testing.assert_close(plain(x), net.eval()(x), rtol=1e-6, atol=1e-6)
    assert net.train().training and net(x).requires_grad and spectral_norms(net.body[0]) == 1  # the original lives
    fresh = DCGANCritic(16, 3, width=16)
    fresh.body[2].register_buffer("shift", torch.ones(1))
    fresh.load_state_dict(plain.state_dict())


def test_folding_keeps_what_is_frozen_and_what_is_plain():
    net = spectral_norm(linear_net())
    underlying(net[0]).requires_grad_(False)
    plain = fold(net)
    assert [p.requires_grad for p in (plain[0].weight, plain[2].weight)] == [False, True]
    torch.testing.assert_close(fold(plain).state_dict(), plain.state_dict())
