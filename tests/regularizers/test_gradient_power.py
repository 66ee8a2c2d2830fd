"""Powers of slopes, at each kind of place."""

import pytest
import torch
from toys import X, Y, data, half

from gansmith.chance import Part, keyed
from gansmith.regularizers import GradientPower
from gansmith.regularizers.points import between, following, mixed, on_both, on_fake, on_real, within


@pytest.mark.parametrize("at", [between, within, mixed, on_both, on_real, on_fake])
@pytest.mark.parametrize("power", [1.5, 2.0, 6.0])
def test_a_linear_critic_pays_a_power_of_its_slope(at, power):
    w = torch.tensor([0.6, -0.3, 0.6], dtype=torch.float64, requires_grad=True)  # of length 0.9
    penalty = GradientPower(2.0, power, at)(lambda s: s @ w, data(0).x, data(1).x)
    (gradient,) = torch.autograd.grad(penalty, w)
    torch.testing.assert_close(penalty.item(), 2 * 0.9**power)
    torch.testing.assert_close(gradient, (2 * power * 0.9 ** (power - 2) * w).detach())


def test_powers_are_taken_where_they_say():
    real, fake = (1 + 2**4) / 2, 3.0**4
    for at, expected in ((on_real, real), (on_fake, fake), (on_both, (real + fake) / 2)):
        assert GradientPower(5.0, 4.0, at)(half, X, Y).item() == pytest.approx(5 * expected)
    sum_of_means = 2 / 2 * ((1 + 2**6) / 2 + 3.0**6)  # k/2 times the sum, with k = 2
    assert GradientPower(2.0, 6.0, on_both)(half, X, Y).item() == pytest.approx(sum_of_means)


def test_mixed_places_are_a_mean_over_three_kinds():
    with keyed(Part((3,), 0, 2, 2)):
        one, two, three = (half(s).mul(2).sqrt().pow(3).mean() for s in mixed(X, Y))
        torch.testing.assert_close(GradientPower(1.0, 3.0, mixed)(half, X, Y), (one + two + three) / 3)
    assert len({one.item(), two.item(), three.item()}) == 3


def test_places_within_a_batch_lie_between_neighbors():
    x = torch.arange(6.0).view(6, 1)
    assert following(x).flatten().tolist() == [1, 2, 3, 4, 5, 0]
    with keyed(Part((0,), 0, 6, 6)):
        real, fake = (s.detach() for s in within(x, 10 * x))
    share = (real - x) / (following(x) - x)
    other = (fake - 10 * x) / (10 * (following(x) - x))
    assert share.min() >= 0 and share.max() < 1 and not torch.allclose(share, other)


def test_powers_of_samples_that_are_tuples():
    real = (torch.zeros(4, 2), torch.zeros(4, 2), torch.arange(4))
    fake = (torch.ones(4, 2), torch.ones(4, 2), torch.arange(4))
    for at in (between, within, mixed):
        penalty = GradientPower(1.0, 2.0, at)(lambda s: 3 * s[0][:, 0] + 4 * s[1][:, 1], real, fake)
        assert penalty.item() == pytest.approx(25.0)
    assert following(real)[2] is real[2]


def test_a_flat_critic_pays_nothing_and_its_gradient_is_finite():
    w = torch.zeros(2, requires_grad=True)
    for power in (1.2, 6.0):
        penalty = GradientPower(2.0, power)(lambda s: s @ w, X, Y)
        (gradient,) = torch.autograd.grad(penalty, w)
        assert penalty.item() == pytest.approx(0, abs=1e-6) and gradient.isfinite().all()


def test_a_rise_between_two_points_is_seen_between_them_only():
    x, y = torch.ones(8, 1), torch.zeros(8, 1)

    def steps(s):  # 0 at 0 and 1 at 1, flat at both
        return s[:, 0].square() * (3 - 2 * s[:, 0])

    assert GradientPower(2.0, 6.0, on_both)(steps, x, y).item() == 0
    assert GradientPower(2.0, 6.0, between)(steps, x, y).item() > 0.1


@pytest.mark.parametrize("options", [{"k": 0}, {"k": -1}, {"p": 1}, {"p": 0.5}])
def test_a_power_that_makes_no_divergence_is_refused(options):
    with pytest.raises(ValueError, match="k > 0 and a power p > 1"):
        GradientPower(**options)
