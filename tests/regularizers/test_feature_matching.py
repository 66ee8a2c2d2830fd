"""Feature matching, of pairs and of means."""

import pytest
import torch
from toys import Counted, D, Mapped

from gansmith.duel.slopes import track
from gansmith.objectives import Relativistic
from gansmith.regularizers import FeatureMatching


def test_feature_matching_by_hand():
    x, y = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 4.0], [1.0, 0.0]])

    def critic(s):
        return s.sum(1), [s, 3 * s[:, :1]]

    pairs = FeatureMatching(2.0)(critic, x, y)  # (1 + 2 + 1 + 0) / 4 + 3 (1 + 1) / 2
    assert pairs.item() == pytest.approx(2 * (1 + 3))
    means = FeatureMatching(2.0, of_means=True)(critic, x, y)  # |(0, -1)| + |0|
    assert means.item() == pytest.approx(2 * 1, rel=1e-5)
    one = FeatureMatching(1.0, of_means=True)(critic, x, y[:1])  # |(0.5, -3)| + 1.5
    assert one.item() == pytest.approx((0.25 + 9) ** 0.5 + 1.5)


@pytest.mark.parametrize("of_means", [False, True])
def test_real_maps_are_constants_and_equal_means_have_a_finite_gradient(of_means):
    critic, x, y = Mapped(), track(torch.randn(4, D)), track(torch.randn(4, D))
    loss = FeatureMatching(of_means=of_means)(critic, x, y)
    in_x, in_y = torch.autograd.grad(loss, [x, y], allow_unused=True)
    assert in_x is None and in_y.any()
    (same,) = torch.autograd.grad(FeatureMatching(of_means=of_means)(critic, y.detach(), y), y)
    assert same.isfinite().all()


def test_feature_matching_joins_the_generators_loss_and_needs_maps():
    critic, x, y = Mapped(), torch.randn(4, D), torch.randn(4, D)
    objective = Relativistic() + FeatureMatching()
    torch.testing.assert_close(objective.critic_loss(critic, x, y), Relativistic().critic_loss(critic, x, y))
    critic.calls = 0
    both = Relativistic().generator_loss(critic, x, y) + FeatureMatching()(critic, x, y)
    assert critic.calls == 4
    torch.testing.assert_close(objective.generator_loss(critic, x, y), both)
    assert critic.calls == 6  # the real pass is a constant for both
    for wrong in (Counted(), lambda s: (s.sum(1), s), lambda s: (s.sum(1), [])):
        with pytest.raises(ValueError, match=r"\(scores, \[map, ...\]\)"):
            FeatureMatching()(wrong, x, y)
    for other in (lambda s: (s.sum(1), [s] * len(s)), lambda s: (s.sum(1), [s[:, :1] if len(s) == 3 else s])):
        with pytest.raises(ValueError, match=r"same shapes .* returned \[\(3,\).* and \[\(.*depend on a sample's size"):
            FeatureMatching(of_means=True)(other, x, y[:3])
    with pytest.raises(ValueError, match="4 real and 3 fake"):
        FeatureMatching()(critic, x, y[:3])
    FeatureMatching(of_means=True)(critic, x, y[:3])
    for of_means in (False, True):
        with pytest.raises(ValueError, match="empty batch"):
            FeatureMatching(of_means=of_means)(critic, x[:0], y[:0])
