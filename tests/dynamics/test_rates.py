"""Per-layer learning rates: reparametrized weights against parameter groups, and where the two differ."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, RMSprop
from toys import data

from gansmith.dynamics import Decay, Extragradient, rate_groups, scale_rate
from gansmith.games import Player

R, LR = 4.0, 0.05


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()


def trained(model, optimizer, steps=8):
    """The weights (of the network, not what parametrizes them) after some steps."""
    x = torch.randn(16, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(x) - x.prod(1, keepdim=True)).square().mean().backward()
        optimizer.step()
    return [t.detach().clone() for layer in (model[0], model[2]) for t in (layer.weight, layer.bias)]


def reparametrized(kind, factor, **options):
    model = net()
    scale_rate(model[0], factor)
    return trained(model, kind(model.parameters(), LR, **options))


def grouped(kind, factor, scaled=(), **options):
    """The oracle: parameter groups; ``scaled`` are other options of the first layer's group."""
    model = net()
    groups = rate_groups(model.parameters(), LR, {model[0]: factor})
    groups[0] |= dict(scaled)
    return trained(model, kind(groups, LR, **options))


def differ(a, b):
    return max(float((x - y).abs().max()) for x, y in zip(a, b, strict=True))


exactly = partial(torch.testing.assert_close, rtol=1e-12, atol=1e-13)


def test_outputs_stay():
    model, x = net(), torch.randn(5, 3, dtype=torch.float64)
    before = model(x)
    assert scale_rate(model, 3.0) is model
    torch.testing.assert_close(model(x), before, rtol=1e-14, atol=1e-15)
    assert next(n for n, _ in model.named_parameters()) == "0.parametrizations.weight.original"


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("r", [4.0, 0.25, 3.0])
def test_under_descent_the_root_of_a_ratio_makes_the_ratio(r, momentum):
    exactly(reparametrized(SGD, r**0.5, momentum=momentum), grouped(SGD, r, momentum=momentum))
    assert differ(reparametrized(SGD, r, momentum=momentum), grouped(SGD, r, momentum=momentum)) > 1e-3


@pytest.mark.parametrize("kind", [partial(Adam, eps=1e-30), partial(RMSprop, eps=1e-30)])
def test_under_normalized_steps_the_ratio_itself_does(kind):
    exactly(reparametrized(kind, R), grouped(kind, R))
    assert differ(reparametrized(kind, R**0.5), grouped(kind, R)) > 1e-3


def test_adams_epsilon_is_divided_by_the_factor():
    eps = 0.1
    exactly(reparametrized(Adam, R, eps=eps), grouped(Adam, R, {"eps": eps / R}.items(), eps=eps))
    assert differ(reparametrized(Adam, R, eps=eps), grouped(Adam, R, eps=eps)) > 1e-3


def test_coupled_weight_decay_is_another_penalty():
    decay = 0.1
    found = reparametrized(SGD, R**0.5, weight_decay=decay)
    exactly(found, grouped(SGD, R, {"weight_decay": decay / R}.items(), weight_decay=decay))
    assert differ(found, grouped(SGD, R, weight_decay=decay)) > 1e-3


def test_decoupled_weight_decay_is_not_scaled():
    decay = 0.1
    found = reparametrized(AdamW, R, eps=1e-30, weight_decay=decay)
    exactly(found, grouped(AdamW, R, {"weight_decay": decay / R}.items(), eps=1e-30, weight_decay=decay))
    assert differ(found, grouped(AdamW, R, eps=1e-30, weight_decay=decay)) > 1e-3


def test_a_schedule_scales_every_group():
    model = net()
    player = Player([model], lambda b: model(b.x).square().mean())
    groups = rate_groups(player, LR, {model[0]: R})
    assert [len(g["params"]) for g in groups] == [2, 2]
    optimizer = SGD(groups)
    dynamics = Extragradient({"p": optimizer}, schedule=Decay(2, start=0.0, end=0.0))
    for _ in range(2):
        dynamics.step({"p": player}, data, (0,))
    torch.testing.assert_close([g["lr"] for g in optimizer.param_groups], [LR * R / 2, LR / 2])


def test_groups_of_everything_leave_no_empty_one():
    model = net()
    assert len(rate_groups(model.parameters(), LR, {model[0]: 2.0, model[2]: 3.0})) == 2


def test_nonsense_is_refused():
    model = net()
    for factors in ({model: 2.0, model[0]: 3.0}, {model[1]: 2.0}, {net(): 2.0}):
        with pytest.raises(ValueError, match="has none that is left"):
            rate_groups(model.parameters(), LR, factors)
    for factor in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="factor above 0"):
            rate_groups(model.parameters(), LR, {model[0]: factor})
        with pytest.raises(ValueError, match="factor above 0"):
            scale_rate(model, factor)
    with pytest.raises(ValueError, match="spectral"):
        scale_rate(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)), 2.0)
    tied = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    tied[1].weight = tied[0].weight
    with pytest.raises(ValueError, match="shared one"):
        scale_rate(tied, 2.0)


def test_spectral_norm_may_follow():
    layer = scale_rate(nn.Linear(3, 3), 5.0)
    nn.utils.parametrizations.spectral_norm(layer)
    for _ in range(20):  # a power iteration a look
        norm = float(torch.linalg.matrix_norm(layer.weight.detach(), 2))
    assert abs(norm - 1) < 1e-3
